package import Replicas
package import Store

/// Where the process's lease comes from; ``ReplicaRegistration`` in the service.
package protocol SessionLeaseSource: Sendable {
    /// The lease while it certainly holds.
    var currentLease: ReplicaLease? { get }

    /// Waits for a lease where there is none; throws when the task is cancelled.
    func lease() async throws -> ReplicaLease

    /// Waits until a lease does not hold any more, by this process's clock alone, or the task is cancelled.
    func untilLost(_ lease: ReplicaLease) async
}

extension ReplicaRegistration: SessionLeaseSource {}
