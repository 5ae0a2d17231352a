package import Logging
import Model
import NIOPosix
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// The sandbox of one process: runs programs, each in a locked-down child that a fork server makes.
///
/// It is a service: ``run()`` keeps the fork server and the TypeScript service alive until shutdown, at which every program that still
/// runs is killed. Before ``run()`` has been called, and while either process is being replaced, runs wait for
/// ``SandboxConfiguration/startTimeout`` and then fail as `unavailable`. Whoever runs programs must be shut down first.
///
/// If this process is killed, nothing of the sandbox is left behind: the fork server and esbuild end with their sockets, and the children
/// with the fork server.
package struct SandboxHost: SandboxRunning, Service {
    let zygotes: ZygoteSupervisor
    let translator: Translator
    private let admission: Admission

    /// Prepares the sandbox; nothing is started yet.
    package init(configuration: SandboxConfiguration, logger: Logger) {
        let group = MultiThreadedEventLoopGroup.singleton
        self.zygotes = ZygoteSupervisor(configuration: configuration, eventLoop: group.any(), logger: logger)
        self.translator = Translator(configuration: configuration, eventLoop: group.any(), logger: logger)
        self.admission = Admission(
            configuration: configuration, coreCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), eventLoop: group.any())
    }

    /// Keeps the sandbox's processes alive until shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.zygotes.run() }
                group.addTask { await self.translator.run() }
            }
        }
    }

    package func run(
        _ program: SandboxProgram,
        onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async throws(SandboxError) -> SandboxRunReport {
        try await self.admission.withSeat { seat throws(SandboxError) in
            let translated = try await self.translator.translate(program.source, limits: program.limits)
            let (ending, output) = try await self.perform(
                .program(code: translated.code, seed: program.seed, startTime: program.startTime), limits: program.limits, seat: seat,
                onCall: onCall, onLog: onLog)
            switch ending {
            case .returned(let value):
                return SandboxRunReport(outcome: .returned(value), output: output)
            case .threw(let name, let message, let stack):
                let thrown = translated.thrown(name: name, message: message, stack: stack)
                return SandboxRunReport(outcome: .threw(thrown), output: output)
            case .failed(let code, let message):
                throw SandboxError(code, message, output: output, hasStarted: true)
            }
        }
    }

    #if DEBUG
    /// Has a child try one of the attacks that its worker knows (see the worker's `SelfTest`), for the tests of the lockdown.
    package func attack(_ name: String, limits: SandboxLimits = SandboxLimits()) async throws(SandboxError) -> SandboxOutput {
        try await self.admission.withSeat { seat throws(SandboxError) in
            let (ending, output) = try await self.perform(
                .selfTest(name), limits: limits, seat: seat, onCall: { _ in .throwing(name: "Error", message: "") }, onLog: { _ in })
            if case .failed(let code, let message) = ending { throw SandboxError(code, message, output: output, hasStarted: true) }
            return output
        }
    }
    #endif

    private func perform(
        _ first: Answer.Content, limits: SandboxLimits, seat: AdmissionSeat,
        onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async throws(SandboxError) -> (ending: RunState.Ending, output: SandboxOutput) {
        let child = try await self.zygotes.fork(limits)
        let run = SandboxRun(child: child, limits: limits, seat: seat, eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        return await run.perform(first, onCall: onCall, onLog: onLog)
    }
}
