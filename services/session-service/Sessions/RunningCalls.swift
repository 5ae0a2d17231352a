import Synchronization

/// The calls in flight in this process, so that they can be counted, bounded and ended together.
final class RunningCalls: Sendable {
    private let calls = Mutex<[ObjectIdentifier: SessionCall]>([:])

    /// How many there are.
    var count: Int { self.calls.withLock { $0.count } }

    /// Adds a call; false when there are `limit` already.
    func insert(_ call: SessionCall, limit: Int) -> Bool {
        self.calls.withLock { calls in
            guard calls.count < limit else { return false }
            calls[ObjectIdentifier(call)] = call
            return true
        }
    }

    func remove(_ call: SessionCall) { _ = self.calls.withLock { $0.removeValue(forKey: ObjectIdentifier(call)) } }

    /// Wants all of them stopped.
    func stopAll(_ reason: SessionCall.StopReason) {
        for call in self.calls.withLock({ Array($0.values) }) { call.stop(reason) }
    }
}
