package import Service

/// The session-service.
///
/// Configuration keys:
/// - `roost.sessions.host` (text, default 127.0.0.1), `roost.sessions.port` (integer, default 0, any free port): where its channel listens.
/// - `roost.sessions.advertised_host` (text): the name or address under which gateways reach it, when that is not `host`.
/// - `roost.sessions.admin_host`, `roost.sessions.admin_port`: where it answers operators.
package struct SessionsSettings: Sendable {
    package let host: String
    package let port: Int
    package let advertisedHost: String?
    package let adminHost: String
    package let adminPort: Int
    package let drain: Duration
    package let maxInMemory: Int
    package let maxPerAccount: Int
    package let maxCalls: Int
    package let suspendAfter: Duration
    package let callTimeout: Duration
    package let keepAliveInterval: Duration
    package let maxUnreadBytes: Int
    package let maxStreams: Int
    package let maxStreamsPerSession: Int
    package let replayRetention: Duration
    package let maxReplayBytes: Int
    package let maxSessionReplayBytes: Int

    package init(_ reader: inout SettingsReader) {
        self.host = reader.string("roost.sessions.host", default: "127.0.0.1", "The address that the session-service's channel listens on.")
        self.port = reader.integer("roost.sessions.port", default: 0, in: 0...65_535, "The port of the channel; 0 takes a free one.")
        self.advertisedHost = reader.optionalString(
            "roost.sessions.advertised_host",
            "The name or address under which gateways reach the session-service, when that is not its host.")
        self.adminHost = reader.string("roost.sessions.admin_host", default: "127.0.0.1", "The address of its listener for operators.")
        self.adminPort = reader.integer(
            "roost.sessions.admin_port", default: 0, in: 0...65_535, "The port of that listener; 0 takes a free one.")
        self.maxInMemory = reader.integer(
            "roost.sessions.max_in_memory", default: 20_000, in: 1...10_000_000, "Sessions in memory; the one unused longest makes room.")
        self.maxPerAccount = reader.integer(
            "roost.sessions.max_per_account", default: 1000, in: 1...1_000_000, "Open sessions of one account.")
        self.maxCalls = reader.integer("roost.sessions.max_calls", default: 2000, in: 1...1_000_000, "Tool calls under way in one process.")
        self.suspendAfter = reader.duration(
            "roost.sessions.suspend_after", default: .seconds(300), "How long an unused session stays in memory; its row stays.")
        self.callTimeout = reader.duration("roost.sessions.call_timeout", default: .seconds(900), "How long one tool call may take in all.")
        self.keepAliveInterval = reader.duration(
            "roost.sessions.keep_alive_interval", default: .seconds(15), "How often a stream that has nothing to say sends a comment.")
        self.maxUnreadBytes = reader.byteCount(
            "roost.sessions.max_unread_bytes", default: 256 << 20, "Answers that wait for clients which do not read them, together.")
        self.maxStreams = reader.integer(
            "roost.sessions.max_streams", default: 10_000, in: 1...1_000_000, "Streams that clients listen on, in one process.")
        self.maxStreamsPerSession = reader.integer(
            "roost.sessions.max_streams_per_session", default: 4, in: 1...1000,
            "Streams that one session's client listens on; the oldest ends for a new one.")
        self.replayRetention = reader.duration(
            "roost.sessions.replay_retention", default: .seconds(300),
            "How long the answer of a call is kept for a client that lost its stream.")
        self.maxReplayBytes = reader.byteCount(
            "roost.sessions.max_replay_bytes", default: 1 << 20, in: 1024...64 << 20, "One such answer.")
        self.maxSessionReplayBytes = reader.byteCount(
            "roost.sessions.max_session_replay_bytes", default: 4 << 20, in: 1024...1 << 30, "Such answers of one session, together.")
        self.drain = reader.duration("roost.sessions.drain", default: .seconds(20), "How long what runs may go on after SIGTERM.")
    }
}
