import Synchronization

/// The address of a server, which is known only once it listens; whoever asks before waits.
final class AddressLatch: Sendable {
    typealias Outcome = Result<ChannelAddress, ChannelError>
    private typealias Waiter = CheckedContinuation<Outcome, Never>

    private struct State {
        var outcome: Outcome?
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// Sets the outcome, once, and ends all waits.
    func set(_ outcome: Outcome) {
        let waiters = self.state.withLock { state in
            guard state.outcome == nil else { return [Waiter]() }
            state.outcome = outcome
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }

    /// Waits for the outcome.
    func get() async throws(ChannelError) -> ChannelAddress {
        let cancelled = Outcome.failure(ChannelError(.cancelled, "Waiting for the server's address was cancelled."))
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        defer { self.state.withLock { _ = $0.cancelled.remove(id) } }
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: Waiter) in
                let outcome = self.state.withLock { state -> Outcome? in
                    if let outcome = state.outcome { return outcome }
                    if state.cancelled.contains(id) { return cancelled }
                    state.waiters[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                state.cancelled.insert(id)
                return state.waiters.removeValue(forKey: id)
            }
            waiter?.resume(returning: cancelled)
        }.get()
    }
}
