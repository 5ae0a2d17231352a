import Engine
import Identity
package import JSON
package import Model
package import Store

/// An execution as it is stored, with its outcome in the form in which it was answered.
package struct StoredExecution: Sendable {
    package let record: ExecutionRecord
    /// Its calls that may write.
    package let calls: ExecutionCalls
    /// `{content, structuredContent, isError}`; nil while it runs.
    package let outcome: JSONText?
}

extension ExecutionStack {
    /// One execution: of the principal's own, or for an admin any of the organization's.
    package func execution(_ id: ExecutionID) async throws(ExecutionStackError) -> StoredExecution {
        let (record, calls): (ExecutionRecord?, ExecutionCalls)
        do {
            record = try await self.store.executions.find(id, in: self.organization, account: self.visibleAccount)
            calls = record == nil ? .none : try await self.store.calls.list(of: id, in: self.organization)
        } catch {
            throw .unavailable(error)
        }
        guard let record else { throw self.noSuchExecution }
        return StoredExecution(record: record, calls: calls, outcome: self.outcome(of: record, calls))
    }

    /// Executions, newest first: the principal's own, or for an admin all of the organization's.
    package func executions(_ page: PageRequest = .first) async throws -> Page<ExecutionRecord> {
        try await self.store.executions.list(in: self.organization, account: self.visibleAccount, page)
    }

    /// Asks for an execution to be stopped, wherever it runs, and says in which state it is. It ends `cancelled` shortly after; a
    /// terminal state means that there was nothing left to stop.
    package func cancel(_ id: ExecutionID) async throws(ExecutionStackError) -> ExecutionState {
        let state: ExecutionState
        do {
            state = try await self.store.executions.requestCancel(id, in: self.organization, account: self.visibleAccount)
        } catch let error as StoreError where error.code == .notFound {
            throw self.noSuchExecution
        } catch {
            throw .unavailable(error)
        }
        // Its process asks the database now and then; when that is this one, it need not wait.
        self.core.owner.cancel(id)
        return state
    }

    private var organization: OrganizationID { self.scope.principal.organization }

    /// Whose executions the principal sees; nil for everybody's.
    private var visibleAccount: AccountID? {
        Authorization.allows(.readOthers, to: .principal(self.scope.principal)) ? nil : self.scope.principal.account
    }

    private var noSuchExecution: ExecutionStackError {
        ExecutionStackError(code: .notFound, message: "There is no such execution.")
    }

    /// Where no outcome could be stored, as of a program that was never run, it is made here, the same every time.
    private func outcome(of record: ExecutionRecord, _ calls: ExecutionCalls) -> JSONText? {
        guard record.outcome == nil, record.state.isTerminal else { return record.outcome }
        return ExecutionAnswer.interrupted(record.id, calls, limits: self.core.limits.answer).toolResult
    }
}
