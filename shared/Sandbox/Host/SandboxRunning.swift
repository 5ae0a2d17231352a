/// What runs programs: ``SandboxHost`` in the services, a fake in the tests of whoever uses it.
package protocol SandboxRunning: Sendable {
    /// Runs one program to its end in a process of its own.
    ///
    /// `onCall` is called once for each tool call, several at a time up to ``SandboxLimits/maxConcurrentCalls``, each in a child task of
    /// the caller. When the run ends while calls are open (the program did not await them, or was killed), their tasks are cancelled
    /// and awaited, so an `onCall` that ignores cancellation holds up the end of the run. `onLog` is called in order, from one task,
    /// as lines arrive; it must not block.
    ///
    /// Cancelling the calling task kills the process. The call never returns before the process is gone.
    ///
    /// - Throws: ``SandboxError`` when the program could not be started or had to be ended. What it had put out until then is in
    ///   ``SandboxError/output``. A program that throws is not an error: see ``SandboxOutcome/threw(_:)``.
    func run(
        _ program: SandboxProgram,
        onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async throws(SandboxError) -> SandboxRunReport
}

extension SandboxRunning {
    /// Runs one program to its end; its log lines are read from the report.
    package func run(
        _ program: SandboxProgram, onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply
    ) async throws(SandboxError) -> SandboxRunReport {
        try await self.run(program, onCall: onCall, onLog: { _ in })
    }
}
