import ExecutionStack
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
        let narrator: InterruptionNarrator = { error in
            guard [.executionInterrupted, .callTimedOut].contains(error.code) else { return error }
            return error.telling(of: await self.services.interruptions.findOut(execution, in: principal.organization))
        }
        do {
            return try await send(execution).narrating(narrator)
        } catch let error as MCPError {
            throw await narrator(error)
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
