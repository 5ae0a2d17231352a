package import Model

/// Where Identity takes its time from: the wall clock for what tokens say, a monotonic one for how long something may be remembered.
package struct TimeSource: Sendable {
    /// The wall clock.
    package let now: @Sendable () -> Timestamp
    /// The time since some fixed moment, which never goes back.
    package let uptime: @Sendable () -> Duration

    /// Takes both clocks; tests turn them by hand.
    package init(now: @escaping @Sendable () -> Timestamp, uptime: @escaping @Sendable () -> Duration) {
        self.now = now
        self.uptime = uptime
    }

    /// The machine's clocks.
    package static let system: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(now: Timestamp.now, uptime: { ContinuousClock.now - start })
    }()
}
