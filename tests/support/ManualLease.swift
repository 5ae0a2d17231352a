import Model
package import Store
import Synchronization

/// A lease that a test gives and takes.
package final class ManualLease: Sendable {
    private struct State {
        var lease: ReplicaLease?
        var lastWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state: Mutex<State>

    package init(_ lease: ReplicaLease? = ReplicaLease(replica: ReplicaID(), epoch: 1)) { self.state = Mutex(State(lease: lease)) }

    /// The lease that holds.
    package var currentLease: ReplicaLease? { self.state.withLock { $0.lease } }

    /// Gives another lease, or takes it.
    package func set(_ lease: ReplicaLease?) {
        let waiters = self.state.withLock { state in
            state.lease = lease
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for a lease; throws when the task is cancelled.
    package func lease() async throws -> ReplicaLease {
        while true {
            if let lease = self.currentLease { return lease }
            await self.wait { $0 == nil }
            try Task.checkCancellation()
        }
    }

    /// Waits until a lease does not hold, or the task is cancelled.
    package func untilLost(_ lease: ReplicaLease) async {
        while self.currentLease == lease, !Task.isCancelled { await self.wait { $0 == lease } }
    }

    /// Waits for the next change, or the task's cancellation, while the lease is as told.
    private func wait(while isAsBefore: (ReplicaLease?) -> Bool) async {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    guard isAsBefore(state.lease), !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
