import ExecutionStack
import Installation
import JSON
import MCP
import Model
import SessionAPI
import Store

/// Tool calls whose process goes away before it answers: what the client is told of them.
extension MCPEndpoint {
    /// Sends a tool call; when it gets no answer, finds out what became of it before its client is told.
    ///
    /// The gateway itself names the call's execution, so that it knows what to ask the database for, whatever of the answer has come.
    func narrating(for principal: Principal, _ send: (ExecutionID) async throws -> SessionAnswer) async throws -> SessionAnswer {
        let execution = ExecutionID()
        let narrator: InterruptionNarrator = { error, canComeBack in
            guard [.executionInterrupted, .callTimedOut].contains(error.code) else { return error }
            if canComeBack, error.code == .executionInterrupted { return await self.unlessKept(error, of: execution, for: principal) }
            return error.telling(of: await self.services.interruptions.findOut(execution, in: principal.organization))
        }
        do {
            return try await send(execution).narrating(narrator)
        } catch let error as MCPError {
            throw await narrator(error, false) ?? error
        }
    }

    /// What a client is told that can come back for its answer: nothing if that is kept, or if the process that runs the call lives and will
    /// keep it, because whatever could be said now might be wrong then.
    private func unlessKept(_ error: MCPError, of execution: ExecutionID, for principal: Principal) async -> MCPError? {
        let found = await LostAnswers(services: self.services).findOut(
            execution, in: principal.organization, within: self.services.settings.interruptionWait)
        switch found {
        case .outcome?, .running?: return nil
        case .interrupted(let execution)?: return error.telling(of: execution)
        case nil: return error.telling(of: InterruptedExecution(unknown: execution))
        }
    }
}

extension MCPError {
    /// The same refusal with what is known of the call's execution.
    func telling(of execution: InterruptedExecution) -> MCPError {
        let message: String
        switch (self.code, execution.state) {
        case (.executionInterrupted, .completed?):
            message = "The call ran to its end, but its answer was lost on the way. The record of its execution has the outcome."
        case (.executionInterrupted, _) where execution.isRetryable:
            message = "The process that ran the call went away before it answered. \(execution.advice)"
        default: message = self.message
        }
        var data = self.data
        for (key, value) in execution.data { data[key] = value }
        return MCPError(self.code, message, id: self.id, data: data, retryAfter: self.retryAfter)
    }
}
