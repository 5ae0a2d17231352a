/// The bounds of an ``EgressClient``; those that name a key are configuration keys `roost.egress.…`, the others are fixed.
package struct EgressLimits: Sendable, Hashable {
    /// The longest URL, redirects' too.
    package var maxURLBytes = 16_384
    /// The largest request body. Key `max_request_bytes`.
    package var maxRequestBytes = 32 * 1024 * 1024
    /// The largest response body that a request may ask for. Key `max_response_bytes`.
    package var maxResponseBytes = 32 * 1024 * 1024
    /// All header fields of a request together, names and values. Key `max_header_bytes`.
    package var maxHeaderBytes = 65_536
    /// The longest time that a request may ask for, from resolution to the last byte, redirects included. Key `max_time`.
    package var maxTime: Duration = .seconds(600)
    /// Opening one connection, the TLS handshake included. Key `connect_timeout`.
    package var connectTimeout: Duration = .seconds(5)
    /// The longest silence of a peer that owes bytes, or that takes none. Key `idle_timeout`.
    package var idleTimeout: Duration = .seconds(120)
    /// How many redirects are followed. Key `max_redirects`.
    package var maxRedirects = 10
    /// How many of a name's addresses are tried, IPv4 first.
    package var maxAddresses = 3
    /// Connections to one host and port with HTTP/1.1; HTTP/2 takes one. Key `max_connections_per_host`.
    package var maxConnectionsPerHost = 16
    /// Requests to one host and port at once, those that wait for a connection included. Key `max_requests_per_host`.
    package var maxRequestsPerHost = 256
    /// Hosts to which connections are kept. Past it the one unused for longest is closed. Key `max_hosts`.
    package var maxHosts = 256
    /// How long an unused connection stays open. Key `keep_alive`.
    package var keepAlive: Duration = .seconds(30)
    /// How long a name's checked addresses are used before it is resolved and checked again.
    package var resolutionLifetime: Duration = .seconds(5)
    /// Names whose addresses are remembered.
    package var maxRememberedNames = 1024
    /// Resolutions under way at once, those that wait for one of eight threads included.
    package var maxResolutions = 1024

    /// The defaults.
    package init() {}
}
