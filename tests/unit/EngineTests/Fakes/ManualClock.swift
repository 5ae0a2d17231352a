import Synchronization

/// A clock whose time moves only when a test moves it.
final class ManualClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: self.offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - self.offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var lastID = 0
        var sleepers: [Int: Sleeper] = [:]
        var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        /// Those who wait for somebody to sleep until such a time at the latest.
        var shortArrivals: [(latest: Instant, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var now: Instant { self.state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let resume: [CheckedContinuation<Void, Never>]? = self.state.withLock { state in
                    guard !Task.isCancelled, deadline > state.now else { return nil }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    let ready = state.arrivals.filter { state.sleepers.count >= $0.count }
                    state.arrivals.removeAll { state.sleepers.count >= $0.count }
                    let short = state.shortArrivals.filter { deadline <= $0.latest }
                    state.shortArrivals.removeAll { deadline <= $0.latest }
                    return (ready.map(\.continuation) + short.map(\.continuation))
                }
                guard let resume else {
                    if Task.isCancelled { continuation.resume(throwing: CancellationError()) } else { continuation.resume() }
                    return
                }
                for waiter in resume { waiter.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until at least `count` tasks sleep.
    func waitForSleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = self.state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.arrivals.append((count, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Waits until some task sleeps for so long at the most.
    func waitForSleeper(within duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isReady = self.state.withLock { state in
                let latest = state.now.advanced(by: duration)
                if state.sleepers.values.contains(where: { $0.deadline <= latest }) { return true }
                state.shortArrivals.append((latest, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Moves time and wakes whoever slept until then.
    func advance(by duration: Duration) {
        let woken = self.state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }
}
