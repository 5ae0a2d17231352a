import Store
import Synchronization

/// Remembers which replica keeps which session, so that a message costs no statement. It may be wrong: whoever is asked wrongly says so.
///
/// Bounded without a clock and without an order of use: there are two halves; what is found in the older one moves to the younger, and
/// when that is full it becomes the older one and the rest is forgotten. What is forgotten costs one look-up.
final class OwnerCache: Sendable {
    /// A session by half of its hash: never the id, and 128 bits tell sessions apart as well as 256 do.
    private struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ hash: SecretHash) {
            (self.high, self.low) = hash.bytes.withUnsafeBytes { bytes in
                (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        }
    }

    private struct State {
        var young: [Key: ReplicaLease] = [:]
        var old: [Key: ReplicaLease] = [:]
    }

    private let maxPerHalf: Int
    private let state = Mutex(State())

    /// - Parameter maxSessions: How many are remembered at the most.
    init(maxSessions: Int) { self.maxPerHalf = max(1, maxSessions / 2) }

    /// How many are remembered.
    var count: Int { self.state.withLock { $0.young.count + $0.old.count } }

    /// Who keeps the session, as far as is known.
    func find(_ session: SecretHash) -> ReplicaLease? {
        let key = Key(session)
        return self.state.withLock { state in
            if let owner = state.young[key] { return owner }
            guard let owner = state.old.removeValue(forKey: key) else { return nil }
            self.insert(owner, key, &state)
            return owner
        }
    }

    /// Notes who keeps the session.
    func store(_ owner: ReplicaLease, for session: SecretHash) {
        let key = Key(session)
        self.state.withLock { state in
            if state.young[key] == owner { return }
            state.old[key] = nil
            self.insert(owner, key, &state)
        }
    }

    /// Forgets the session.
    func remove(_ session: SecretHash) {
        let key = Key(session)
        self.state.withLock { state in
            state.young[key] = nil
            state.old[key] = nil
        }
    }

    private func insert(_ owner: ReplicaLease, _ key: Key, _ state: inout State) {
        if state.young.count >= self.maxPerHalf, state.young[key] == nil {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = owner
    }
}
