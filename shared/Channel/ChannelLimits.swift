/// The bounds of a channel. Client and server take the same type, because most hold on both ends of a connection.
package struct ChannelLimits: Sendable, Hashable {
    /// How many exchanges one connection carries at once; the server announces it, the client keeps to what the server announced.
    ///
    /// It is also how many resets the server takes at once and per second, so that clients that all go away together do not look
    /// like an attack.
    package var maxStreamsPerConnection = 10_000
    /// How many handlers a server runs at once; what comes beyond is refused unprocessed.
    package var maxConcurrentHandlers = 20_000
    /// How many connections a server keeps; what comes beyond is closed at once.
    package var maxConnections = 1_024
    /// How many connections a client keeps to its peer, each on an event loop of its own as far as there are so many.
    package var connectionsPerPeer = 4
    /// After how many requests a client replaces a connection; stream identifiers end at 2^31 (RFC 9113, section 5.1.1).
    package var maxRequestsPerConnection = 500_000_000
    /// How many requests wait in a client for a connection or a free stream; what comes beyond fails as overloaded. As many as one
    /// connection carries, because all of them wait while the first connection is being made.
    package var maxWaitingRequests = 10_000
    /// How many received bytes of one exchange wait for their consumer; the flow-control window of HTTP/2.
    package var maxUnreadBytes = 65_535
    /// How many bytes of one exchange wait to be sent before a producer is held up.
    package var maxUnsentBytes = 64 * 1_024
    /// How many received bytes of all exchanges of one connection may be under way at once: the connection's window.
    package var connectionWindowBytes = 16 * 1_024 * 1_024
    /// How large the header fields of one message may be, counted as RFC 9113, section 6.5.2, does (32 bytes more for each field).
    package var maxHeaderBytes = 64 * 1_024
    /// How long making a connection may take, TLS and the peer's first settings included.
    package var connectTimeout = Duration.seconds(3)
    /// The first pause after a failed connection attempt; it doubles with each failure.
    package var minBackoff = Duration.milliseconds(50)
    /// The longest pause between connection attempts.
    package var maxBackoff = Duration.seconds(3)
    /// After how long without a received byte a connection is probed with a PING.
    ///
    /// Together with ``keepAliveTimeout`` it is how long a silent peer goes unnoticed; what then follows (`roost.gateway.interruption_wait`)
    /// may take a lease more, and all of it has to end within 10 s.
    package var keepAliveInterval = Duration.seconds(1)
    /// How long the answer to a PING may take until the connection counts as lost.
    package var keepAliveTimeout = Duration.seconds(2)
    /// How long exchanges under way get to finish after a graceful shutdown began.
    package var drainTimeout = Duration.seconds(30)

    package init() {}
}
