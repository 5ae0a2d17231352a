import NIOCore

/// Decides when to probe a silent connection and when to give it up. Any received byte is a sign of life, so a busy connection is never
/// probed.
struct KeepAlive {
    enum Step: Equatable {
        /// Nothing to do; look again at that time.
        case wait(until: NIODeadline)
        /// Send a PING; look again at that time.
        case ping(lookAgain: NIODeadline)
        /// The peer is gone.
        case lost
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private var lastReceived: NIODeadline
    private var pingSent: NIODeadline?

    init(interval: Duration, timeout: Duration, now: NIODeadline) {
        self.interval = TimeAmount(interval)
        self.timeout = TimeAmount(timeout)
        self.lastReceived = now
    }

    /// When to look for the first time.
    var firstLook: NIODeadline { self.lastReceived + self.interval }

    /// Bytes have come.
    mutating func received(at now: NIODeadline) {
        self.lastReceived = now
        self.pingSent = nil
    }

    /// Looks at the clock.
    mutating func look(at now: NIODeadline) -> Step {
        if let pingSent {
            guard now >= pingSent + self.timeout else { return .wait(until: pingSent + self.timeout) }
            return .lost
        }
        guard now >= self.lastReceived + self.interval else { return .wait(until: self.lastReceived + self.interval) }
        self.pingSent = now
        return .ping(lookAgain: now + self.timeout)
    }
}
