package import Model

/// Which replica keeps a session, and under which epoch: a lease as the contract writes it, `<replica id> <epoch>`.
package struct SessionOwner: Sendable, Hashable, CustomStringConvertible {
    package let replica: ReplicaID
    /// Rises each time the replica loses its lease and registers again.
    package let epoch: Int64

    package init(replica: ReplicaID, epoch: Int64) {
        self.replica = replica
        self.epoch = epoch
    }

    /// Reads what ``description`` gives; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, let replica = ReplicaID(String(parts[0])), let epoch = Int64(parts[1]), epoch > 0 else { return nil }
        self.init(replica: replica, epoch: epoch)
    }

    package var description: String { "\(self.replica) \(self.epoch)" }
}
