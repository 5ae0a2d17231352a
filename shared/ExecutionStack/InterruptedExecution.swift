import Engine
package import JSON
package import Model
package import Store

/// What is told of an execution whose answer does not come: the same in the data of a JSON-RPC error as in structured content.
package struct InterruptedExecution: Sendable, Hashable {
    package let execution: ExecutionID
    /// The state that it is in, where that is known.
    package let state: ExecutionState?
    private let calls: CallReport

    /// Whether the same program may be sent again without anything happening twice.
    package var isRetryable: Bool { self.calls.isRepeatable }

    /// What to do now, in a sentence.
    package var advice: String { ExecutionFailure.advice(self.isRetryable) }

    /// `{executionId, retryable, calls, callCount}`.
    package var data: JSONObject {
        [
            "executionId": .string(self.execution.rawValue), "retryable": .bool(self.isRetryable), "calls": self.calls.json,
            "callCount": .int(self.calls.count),
        ]
    }

    init(execution: ExecutionID, state: ExecutionState? = nil, calls: CallReport) {
        self.execution = execution
        self.state = state
        self.calls = calls
    }
}

/// Finds out what became of an execution of which another process gives no answer any more, and ends it when that process is dead.
///
/// Whether anything may have been written shows in its calls' rows at once. That nothing was can be said only of an execution that was
/// ended, because its owner may live and be about to send a call: then the owner's lease is waited for.
package struct InterruptionInquiry: Sendable {
    /// The pauses between two looks at whether the owner lives.
    private static let pause: Duration = .milliseconds(100)
    /// How many of them there are between two looks at the execution while its owner lives.
    private static let pausesBetweenLooks = 3

    private let store: Store
    private let answer: AnswerLimits
    private let isLive: @Sendable (ReplicaLease) -> Bool
    private let patience: Duration

    /// - Parameters:
    ///   - services: Whose database is asked.
    ///   - isLive: Whether a process is thought to hold a lease, which costs nothing to ask; the database has the last word.
    ///   - patience: How long to wait for the lease of an owner to lapse: a lease and a little more.
    package init(services: some StackServices, patience: Duration, isLive: @escaping @Sendable (ReplicaLease) -> Bool) {
        self.store = services.store
        self.answer = services.core.limits.answer
        self.isLive = isLive
        self.patience = patience
    }

    /// What is known of an execution; also when the database is away, or the calling task is cancelled. The bound is looked at between
    /// statements: one that hangs is waited for as long as the database's own bounds let it.
    package func findOut(_ execution: ExecutionID, in organization: OrganizationID) async -> InterruptedExecution {
        await self.findOut(execution, in: organization, on: ContinuousClock())
    }

    /// The same with time counted by another clock.
    package func findOut<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, on clock: C
    ) async -> InterruptedExecution {
        let deadline = clock.now.advanced(by: self.patience)
        // Of what is not known it is not said that it can be repeated.
        var known = InterruptedExecution(execution: execution, calls: CallReport([], isRepeatable: false))
        while true {
            if let found = try? await self.look(execution, in: organization) {
                known = found.known
                guard let owner = found.owner else { return known }
                if let ended = await self.settled(execution, in: organization, whileLives: owner, until: deadline, on: clock) {
                    return ended
                }
                let limits = self.answer
                _ = try? await self.store.executions.interrupt(execution, in: organization) { execution, calls in
                    ExecutionAnswer.interrupted(execution, calls, limits: limits).toolResult
                }
                if let last = try? await self.look(execution, in: organization) {
                    known = last.known
                    if last.owner == nil { return known }
                }
            }
            guard clock.now < deadline, (try? await clock.sleep(for: Self.pause)) != nil else { return known }
        }
    }

    /// Waits as long as the owner lives; what is known of the execution if the owner itself settles it meanwhile.
    private func settled<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, whileLives owner: ReplicaLease, until deadline: C.Instant, on clock: C
    ) async -> InterruptedExecution? {
        var pauses = 0
        while self.isLive(owner), clock.now < deadline, (try? await clock.sleep(for: Self.pause)) != nil {
            pauses += 1
            guard pauses.isMultiple(of: Self.pausesBetweenLooks) else { continue }
            if let found = try? await self.look(execution, in: organization), found.owner == nil { return found.known }
        }
        return nil
    }

    /// What is stored now; with the owner for whose lease it is worth to wait.
    private func look(
        _ execution: ExecutionID, in organization: OrganizationID
    ) async throws -> (known: InterruptedExecution, owner: ReplicaLease?) {
        guard let record = try await self.store.executions.find(execution, in: organization) else {
            return (InterruptedExecution(execution: execution, calls: CallReport([], isRepeatable: false)), nil)
        }
        let calls = try await self.store.calls.list(of: execution, in: organization)
        let report = CallReport(calls, hasEnded: record.state.isTerminal)
        let isSettled = record.state.isTerminal || calls.effectiveCount > 0
        return (InterruptedExecution(execution: execution, state: record.state, calls: report), isSettled ? nil : record.owner)
    }
}
