import Engine
import Model
import Store

/// What is asked of the database about executions whose answers did not come.
extension Store {
    /// What is told of an execution by its row and those of its calls.
    func interruption(of record: ExecutionRecord, in organization: OrganizationID) async throws -> InterruptedExecution {
        let calls = try await self.calls.list(of: record.id, in: organization)
        return InterruptedExecution(
            execution: record.id, state: record.state, calls: CallReport(calls, hasEnded: record.state.isTerminal))
    }

    /// Ends an execution whose owner's lease lapsed, with what is known of its calls as the outcome. Whether it has ended then shows in its
    /// row: a sweep may have been faster.
    func interrupt(_ execution: ExecutionID, in organization: OrganizationID, limits: AnswerLimits) async throws {
        _ = try await self.executions.interrupt(execution, in: organization) { execution, calls in
            ExecutionAnswer.interrupted(execution, calls, limits: limits).toolResult
        }
    }
}
