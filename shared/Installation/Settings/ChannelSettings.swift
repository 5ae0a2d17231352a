package import Channel
package import Service

/// The internal channel between gateways and session-services.
///
/// Configuration keys:
/// - `roost.channel.key_file` (text, required): the file with the key that the installation's processes share, at least
///   ``ChannelKey/minBytes`` bytes.
/// - `roost.channel.tls_certificate_file`, `roost.channel.tls_key_file`, `roost.channel.tls_trust_file` (text): PEM files; all three or
///   none. Without them the channel is plaintext, which is right on one machine.
/// - the bounds below.
package struct ChannelSettings: Sendable {
    /// The three PEM files of TLS on the channel.
    package struct TLS: Sendable {
        package let certificateFile: String
        package let keyFile: String
        package let trustFile: String
    }

    package let keyFile: String
    package let tls: TLS?
    package let limits: ChannelLimits

    /// The bounds for a process whose calls in flight may go on for `drain` after SIGTERM: its exchanges end after them, and before the
    /// process is made to.
    package func limits(draining drain: Duration) -> ChannelLimits {
        var limits = self.limits
        limits.drainTimeout = drain + .seconds(2)
        return limits
    }

    package init(_ reader: inout SettingsReader) {
        self.keyFile = reader.requiredString(
            "roost.channel.key_file",
            "The file with the key that the installation's processes share; at least \(ChannelKey.minBytes) bytes.")
        let certificate = reader.optionalString("roost.channel.tls_certificate_file", "The session-service's certificate chain, PEM.")
        let key = reader.optionalString("roost.channel.tls_key_file", "The private key of that certificate, PEM.")
        let trust = reader.optionalString("roost.channel.tls_trust_file", "The authorities that the gateway trusts on the channel, PEM.")
        if let certificate, let key, let trust {
            self.tls = TLS(certificateFile: certificate, keyFile: key, trustFile: trust)
        } else {
            self.tls = nil
            if certificate != nil || key != nil || trust != nil {
                reader.fault(
                    "roost.channel.tls_certificate_file", "goes together with tls_key_file and tls_trust_file: give all three or none")
            }
        }
        self.limits = Self.limits(&reader)
    }

    private static func limits(_ reader: inout SettingsReader) -> ChannelLimits {
        var limits = ChannelLimits()
        limits.maxStreamsPerConnection = reader.integer(
            "roost.channel.max_streams_per_connection", default: limits.maxStreamsPerConnection, in: 1...1_000_000,
            "How many exchanges one connection carries at once.")
        limits.maxConcurrentHandlers = reader.integer(
            "roost.channel.max_concurrent_handlers", default: limits.maxConcurrentHandlers, in: 1...1_000_000,
            "How many exchanges a session-service works on at once; what comes beyond is refused unprocessed.")
        limits.connectionsPerPeer = reader.integer(
            "roost.channel.connections_per_peer", default: limits.connectionsPerPeer, in: 1...64,
            "Connections that a gateway keeps to one replica.")
        limits.maxWaitingRequests = reader.integer(
            "roost.channel.max_waiting_requests", default: limits.maxWaitingRequests, in: 0...1_000_000,
            "Requests that wait in a gateway for a connection or a free stream; what comes beyond answers 503.")
        limits.connectTimeout = reader.duration(
            "roost.channel.connect_timeout", default: limits.connectTimeout, "How long making a connection may take.")
        limits.keepAliveInterval = reader.duration(
            "roost.channel.keep_alive_interval", default: limits.keepAliveInterval, "After how long a silent connection is probed.")
        limits.keepAliveTimeout = reader.duration(
            "roost.channel.keep_alive_timeout", default: limits.keepAliveTimeout, "How long the answer to a probe may take.")
        return limits
    }
}
