package import Model
package import Store

/// Where executions are kept; the store's repository, in the services.
package protocol ExecutionRecords: Sendable {
    /// Writes a running execution, before its program runs.
    func start(_ draft: ExecutionDraft) async throws

    /// Writes that a call which may write is about to be sent; throws `ownerLost` when it must not be.
    func startCall(
        _ call: ExecutionCallDraft, of execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws

    /// Writes how calls ended.
    func endCalls(_ ends: [ExecutionCallEnd], of execution: ExecutionID, in organization: OrganizationID) async throws

    /// The one end of an execution.
    func finish(
        _ execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease, with end: ExecutionEnd
    ) async throws -> ExecutionRepository.Finish

    /// Which of a process's executions somebody wants stopped.
    func cancelled(of lease: ReplicaLease) async throws -> [ExecutionID]

    /// The processes that run executions which somebody wants stopped, as they are asked for; nil where one must ask.
    func cancellations() -> StoreChanges<ReplicaID>?

    /// Ends what dead owners left, with an outcome made of what is known of the calls; returns how many that were.
    func sweepOrphans(outcome: ExecutionRepository.InterruptedOutcome) async throws -> Int
}

extension ExecutionRecords {
    /// Nobody tells: one must ask.
    package func cancellations() -> StoreChanges<ReplicaID>? { nil }
}

extension ExecutionRepository: ExecutionRecords {
    package func cancelled(of lease: ReplicaLease) async throws -> [ExecutionID] {
        try await self.cancelRequests(of: lease).map(\.execution)
    }

    package func startCall(
        _ call: ExecutionCallDraft, of execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws {
        try await self.calls.start(call, of: execution, in: organization, by: lease)
    }

    package func endCalls(_ ends: [ExecutionCallEnd], of execution: ExecutionID, in organization: OrganizationID) async throws {
        try await self.calls.end(ends, of: execution, in: organization)
    }

    package func sweepOrphans(outcome: ExecutionRepository.InterruptedOutcome) async throws -> Int {
        try await self.sweep(outcome: outcome).count
    }
}

/// The lease by which a process owns what it runs; kept by whoever registers the process and renews its heartbeat.
package protocol LeaseSource: Sendable {
    /// The lease while it holds, counted with the safety margin; nil while the process has none.
    var currentLease: ReplicaLease? { get }

    /// Waits for a lease where there is none; throws when the task is cancelled.
    func lease() async throws -> ReplicaLease

    /// Waits until a lease does not hold any more, by this process's clock alone, or the task is cancelled.
    func untilLost(_ lease: ReplicaLease) async
}
