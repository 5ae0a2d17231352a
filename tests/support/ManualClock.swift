import Synchronization

/// A clock that stands still until a test moves it.
package final class ManualClock: Clock, Sendable {
    package struct Instant: InstantProtocol {
        fileprivate var offset: Duration

        package func advanced(by duration: Duration) -> Instant { Instant(offset: self.offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - self.offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [(id: Int, count: Int, continuation: CheckedContinuation<Void, Never>)] = []

        /// Watchers whose number of sleepers is reached.
        mutating func satisfiedWatchers() -> [CheckedContinuation<Void, Never>] {
            let satisfied = self.watchers.filter { $0.count <= self.sleepers.count }.map(\.continuation)
            self.watchers.removeAll { $0.count <= self.sleepers.count }
            return satisfied
        }
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Instant { self.state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let watchers: [CheckedContinuation<Void, Never>] = self.state.withLock { state in
                    guard state.now < deadline else {
                        continuation.resume()
                        return []
                    }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    return state.satisfiedWatchers()
                }
                for watcher in watchers { watcher.resume() }
                // The handler below may have run before the sleeper was there.
                if Task.isCancelled { self.wake(id) }
            }
        } onCancel: {
            self.wake(id)
        }
    }

    /// Moves the time and wakes whoever has slept long enough.
    package func advance(by duration: Duration) {
        let due = self.state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until at least `count` tasks sleep, or the waiting task is cancelled.
    package func waitForSleepers(_ count: Int) async {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let watchers = self.state.withLock { state in
                    state.watchers.append((id, count, continuation))
                    return state.satisfiedWatchers()
                }
                for watcher in watchers { watcher.resume() }
                // The handler below may have run before the watcher was there.
                if Task.isCancelled { self.forget(id) }
            }
        } onCancel: {
            self.forget(id)
        }
    }

    private func forget(_ id: Int) {
        let watcher = self.state.withLock { state in
            let watcher = state.watchers.first { $0.id == id }
            state.watchers.removeAll { $0.id == id }
            return watcher
        }
        watcher?.continuation.resume()
    }

    private func wake(_ id: Int) {
        self.state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
    }
}
