import Synchronization

/// Keeps values by key up to a total cost; the least recently used goes first. Safe to use from anywhere.
final class RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var cost: Int
        var lastUse: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var cost = 0
        var uses: UInt64 = 0
    }

    private let maxCost: Int
    private let state = Mutex(State())

    init(maxCost: Int) { self.maxCost = maxCost }

    /// The value of a key, which counts as a use.
    func value(for key: Key) -> Value? {
        self.state.withLock { state in
            guard state.entries[key] != nil else { return nil }
            state.uses += 1
            state.entries[key]?.lastUse = state.uses
            return state.entries[key]?.value
        }
    }

    /// Keeps a value, in the place of what the key had. One that alone costs more than the whole is not kept.
    func keep(_ value: Value, for key: Key, cost: Int = 1) {
        self.state.withLock { state in
            if let old = state.entries.removeValue(forKey: key) { state.cost -= old.cost }
            guard cost <= self.maxCost else { return }
            state.uses += 1
            state.entries[key] = Entry(value: value, cost: cost, lastUse: state.uses)
            state.cost += cost
            guard state.cost > self.maxCost else { return }
            // An eighth goes at once, so that the sort is paid for by many keeps.
            for (key, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                guard state.cost > self.maxCost - self.maxCost / 8, state.entries.count > 1 else { break }
                state.entries.removeValue(forKey: key)
                state.cost -= entry.cost
            }
        }
    }
}
