/// A monotonic clock as closures, so that what uses one need not be generic over it: leases and everything that waits for them.
package struct MonotonicClock: Sendable {
    /// The time since this value was made.
    package let now: @Sendable () -> Duration
    /// Waits; throws when the task is cancelled.
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(_ clock: any Clock<Duration> = ContinuousClock()) {
        // The one of services is asked several times for each message, and generic code of an unknown clock costs ten times as much.
        if let clock = clock as? ContinuousClock { self.init(opening: clock) } else { self.init(opening: clock) }
    }

    private init<C: Clock<Duration>>(opening clock: C) {
        let origin = clock.now
        self.now = { origin.duration(to: clock.now) }
        self.sleep = { try await clock.sleep(for: $0) }
    }

    /// The time that something might take was over before it ended.
    package struct TimeIsUp: Error {}

    /// Runs `body` for so long at the most; then it is cancelled, and ``TimeIsUp`` thrown once it has ended.
    package func within<Result: Sendable>(
        _ time: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.sleep(time)
                throw TimeIsUp()
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// Runs `body` again and again after a pause, until the task is cancelled.
    package func every(_ interval: Duration, _ body: () async -> Void) async {
        while (try? await self.sleep(interval)) != nil { await body() }
    }
}
