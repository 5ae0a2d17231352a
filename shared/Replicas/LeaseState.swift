import Store

/// A process's own view of its lease, as a value: until when it may act as the owner of what it owns.
///
/// The time counts on the process's monotonic clock from *before* a renewal was sent, and ends one margin early: whoever takes over
/// compares the database's clock with a time that was written later, so that two owners never overlap.
struct LeaseState {
    private let lifetime: Duration
    private var held: (lease: ReplicaLease, until: Duration)?
    private var waiters: [(id: UInt64, continuation: CheckedContinuation<ReplicaLease?, Never>)] = []
    private var nextWaiter: UInt64 = 0

    /// - Parameters:
    ///   - lease: How long a heartbeat counts in the database.
    ///   - margin: How much earlier this process stops.
    init(lease: Duration, margin: Duration) { self.lifetime = lease - margin }

    /// The lease, if it holds at `now`.
    func current(at now: Duration) -> ReplicaLease? {
        guard let held = self.held, now < held.until else { return nil }
        return held.lease
    }

    /// Until when a lease holds if it is not renewed; nil when it is not the one last held.
    func end(of lease: ReplicaLease) -> Duration? { self.held.flatMap { $0.lease == lease ? $0.until : nil } }

    /// The lease last held, whether it still counts or not: what the next heartbeat is for.
    var last: ReplicaLease? { self.held?.lease }

    /// Notes a registration or heartbeat that was sent at `sent` and succeeded; gives whoever waited for a lease.
    mutating func renewed(_ lease: ReplicaLease, sent: Duration) -> [CheckedContinuation<ReplicaLease?, Never>] {
        self.held = (lease, sent + self.lifetime)
        defer { self.waiters = [] }
        return self.waiters.map(\.continuation)
    }

    /// Forgets the lease, because the database says that it has lapsed.
    mutating func lost() { self.held = nil }

    /// A name for somebody who is about to wait.
    mutating func makeWaiter() -> UInt64 {
        defer { self.nextWaiter += 1 }
        return self.nextWaiter
    }

    /// Keeps somebody waiting for a lease.
    mutating func wait(_ id: UInt64, _ continuation: CheckedContinuation<ReplicaLease?, Never>) {
        self.waiters.append((id, continuation))
    }

    /// Gives somebody back who waits no more; nil when it was given back before.
    mutating func stopWaiting(_ id: UInt64) -> CheckedContinuation<ReplicaLease?, Never>? {
        guard let index = self.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return self.waiters.remove(at: index).continuation
    }
}
