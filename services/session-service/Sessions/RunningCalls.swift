import Store
import Synchronization

/// The calls in flight in this process, so that they can be counted, bounded and ended together.
final class RunningCalls: Sendable {
    private let calls = Mutex<[ObjectIdentifier: (call: SessionCall, lease: ReplicaLease)]>([:])

    /// How many there are.
    var count: Int { self.calls.withLock { $0.count } }

    /// Adds a call of a session that is owned under `lease`; false when there are `limit` already.
    func insert(_ call: SessionCall, under lease: ReplicaLease, limit: Int) -> Bool {
        self.calls.withLock { calls in
            guard calls.count < limit else { return false }
            calls[ObjectIdentifier(call)] = (call, lease)
            return true
        }
    }

    func remove(_ call: SessionCall) { _ = self.calls.withLock { $0.removeValue(forKey: ObjectIdentifier(call)) } }

    /// Wants all of them stopped.
    func stopAll(_ reason: SessionCall.StopReason) {
        for call in self.calls.withLock({ $0.values.map(\.call) }) { call.stop(reason) }
    }

    /// Wants those stopped whose sessions were owned under another lease than the one that holds now.
    func stopOrphans(under lease: ReplicaLease?) {
        for entry in self.calls.withLock({ Array($0.values) }) where entry.lease != lease { entry.call.stop(.leaseLost) }
    }
}
