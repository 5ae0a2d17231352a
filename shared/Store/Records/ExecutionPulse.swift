package import Model

/// What those who wait for an execution of another process look at again and again. Both times are the database's.
package struct ExecutionPulse: Sendable, Hashable {
    package let hasEnded: Bool
    /// Whether a call of it may have changed something.
    package let hasEffects: Bool
    package let readAt: Timestamp
    /// When its owner last renewed its lease; nil when that has lapsed.
    package let heartbeatAt: Timestamp?
    /// How long a heartbeat counts.
    private let lease: Duration

    init(hasEnded: Bool, hasEffects: Bool, readAt: Timestamp, heartbeatAt: Timestamp?, lease: Duration) {
        self.hasEnded = hasEnded
        self.hasEffects = hasEffects
        self.readAt = readAt
        self.heartbeatAt = heartbeatAt
        self.lease = lease
    }

    /// After how long the owner's lease lapses if it is not renewed; nil when it has.
    package var lapsesAfter: Duration? {
        self.heartbeatAt.map { .microseconds($0.microseconds - self.readAt.microseconds) + self.lease }
    }
}
