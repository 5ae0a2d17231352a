import Model
import Replicas
import Store

/// What a gateway knows of the session-services, as a value: who is registered, who fails, who has how much to do. No I/O, no waiting:
/// ``ReplicaSet`` performs what it says. Times are durations on one monotonic clock.
struct ReplicaTable {
    /// How the replica of a lease stands.
    enum Standing: Hashable {
        /// It can be asked.
        case up
        /// It is registered and does not answer.
        case away
        /// Nobody holds the lease any more: what was owned under it is anybody's.
        case lapsed
    }

    /// What a reading changed.
    struct Changes {
        /// Replicas that a connection is to be made to.
        var added: [Replica] = []
        /// Replicas that left the registry.
        var left: [ReplicaID] = []
        /// Whether those who wait for a replica should look again.
        var isWorthALook = false
    }

    private struct Entry {
        var replica: Replica
        var isUp = true
        /// Said by the registry, or by the replica itself, which says it first.
        var isDraining: Bool
        /// Sessions that were placed there since its load was told.
        var placed: Int64 = 0
        /// Since when the registry does not have it.
        var absentSince: Duration?

        /// What placement compares. A session that was just opened is about to be used: it counts as ten that rest, until the replica
        /// itself tells what it has to do.
        var load: Int64 { self.replica.load + self.placed * 10 }
    }

    private let maxReplicas: Int
    private var entries: [ReplicaID: Entry] = [:]
    private var lastReading: UInt64 = 0
    /// When the last reading that counts began.
    private(set) var readAt: Duration?

    init(maxReplicas: Int) { self.maxReplicas = maxReplicas }

    // MARK: - The registry

    /// Takes a reading; an older one than the last changes nothing.
    mutating func update(_ reading: ReplicaReading, at now: Duration) -> Changes {
        var changes = Changes()
        guard reading.number > self.lastReading else { return changes }
        self.lastReading = reading.number
        self.readAt = now
        let present = Set(reading.replicas.map(\.id))
        for (id, entry) in self.entries where entry.absentSince == nil && !present.contains(id) {
            self.entries[id]?.absentSince = now
            changes.left.append(id)
            changes.isWorthALook = true
        }
        for replica in reading.replicas { self.take(replica, &changes) }
        return changes
    }

    private mutating func take(_ replica: Replica, _ changes: inout Changes) {
        guard var entry = self.entries[replica.id] else {
            guard self.entries.count < self.maxReplicas else { return }
            self.entries[replica.id] = Entry(replica: replica, isDraining: replica.isDraining)
            changes.added.append(replica)
            changes.isWorthALook = true
            return
        }
        let isNews = entry.replica.epoch != replica.epoch || entry.absentSince != nil || (replica.isDraining && !entry.isDraining)
        changes.isWorthALook = changes.isWorthALook || isNews
        if entry.replica.heartbeatAt != replica.heartbeatAt { entry.placed = 0 }
        entry.absentSince = nil
        entry.isDraining = entry.isDraining || replica.isDraining
        entry.replica = replica
        self.entries[replica.id] = entry
    }

    /// Forgets a replica that left the registry; false when it is back.
    mutating func removeAbsent(_ id: ReplicaID) -> Bool {
        guard self.entries[id]?.absentSince != nil else { return false }
        self.entries[id] = nil
        return true
    }

    // MARK: - What its members do

    /// Gives a replica nothing new, because it does not answer; true when it was thought to until now.
    mutating func failed(_ id: ReplicaID) -> Bool {
        guard self.entries[id]?.isUp == true else { return false }
        self.entries[id]?.isUp = false
        return true
    }

    /// A replica that failed answers again.
    mutating func answered(_ id: ReplicaID) { self.entries[id]?.isUp = true }

    /// A replica has said that it is about to stop.
    mutating func drains(_ id: ReplicaID) { self.entries[id]?.isDraining = true }

    /// Whether a replica that failed should be asked again.
    func isProbed(_ id: ReplicaID) -> Bool { self.entries[id].map { !$0.isUp && $0.absentSince == nil } ?? false }

    // MARK: - Choosing

    /// The lease that a replica holds, as far as is known.
    func lease(of id: ReplicaID) -> ReplicaLease? { self.entries[id]?.replica.lease }

    /// Whether there is a replica that takes sessions, failing ones included: the registry says that they live.
    var hasCandidate: Bool { self.entries.values.contains { $0.absentSince == nil && !$0.isDraining } }

    /// Whether a replica can be asked.
    func isUp(_ id: ReplicaID) -> Bool { self.entries[id].map { $0.isUp && $0.absentSince == nil } ?? false }

    /// How the replica of a lease stands.
    func standing(of lease: ReplicaLease) -> Standing {
        guard let entry = self.entries[lease.replica], entry.absentSince == nil else { return .lapsed }
        // One that registered again is asked all the same: it knows best what became of what it had.
        if entry.isUp { return .up }
        return entry.replica.epoch > lease.epoch ? .lapsed : .away
    }

    /// A replica for a session that has none: the less loaded of two that are drawn at random.
    ///
    /// Always taking the least loaded would have all gateways that read the same rows pile everything onto the same replica until the next
    /// reading. The two may be the same one, so that even of two replicas each gets some.
    /// - Parameters:
    ///   - excluded: Replicas that have refused.
    ///   - maxAge: How much older than the newest a heartbeat may be; beyond that the replica may hang, and is the last choice.
    ///   - draw: A random number below the one given.
    mutating func place(excluding excluded: Set<ReplicaID>, maxAge: Duration, draw: (Int) -> Int) -> ReplicaID? {
        let open = self.entries.values.filter { entry in
            entry.isUp && !entry.isDraining && entry.absentSince == nil && !excluded.contains(entry.replica.id)
        }
        guard let newest = open.map(\.replica.heartbeatAt.microseconds).max() else { return nil }
        let oldest = newest - Int64(maxAge / .microseconds(1))
        // In an order of their own, so that equal draws choose equally.
        let candidates = open.filter { $0.replica.heartbeatAt.microseconds >= oldest }.sorted { $0.replica.id < $1.replica.id }
        let (first, second) = (candidates[draw(candidates.count)], candidates[draw(candidates.count)])
        let chosen = (second.load < first.load ? second : first).replica.id
        self.entries[chosen]?.placed += 1
        return chosen
    }
}
