/// A monotonic clock as two closures, so that types that use one need not be generic over it.
struct ReplicaClock: Sendable {
    /// The time since this value was made.
    let now: @Sendable () -> Duration
    /// Waits; throws when the task is cancelled.
    let sleep: @Sendable (Duration) async throws -> Void

    init(_ clock: some Clock<Duration>) {
        func make<C: Clock<Duration>>(_ clock: C) -> (@Sendable () -> Duration, @Sendable (Duration) async throws -> Void) {
            let origin = clock.now
            return ({ origin.duration(to: clock.now) }, { try await clock.sleep(for: $0) })
        }
        (self.now, self.sleep) = make(clock)
    }
}
