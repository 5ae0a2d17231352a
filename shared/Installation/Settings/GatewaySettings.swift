import Channel
import Egress
import Foundation
package import Service

/// The api-gateway.
///
/// Configuration keys:
/// - `roost.gateway.host` (text, default 127.0.0.1), `roost.gateway.port` (integer, default 4400): where it listens for everybody.
/// - `roost.gateway.admin_host`, `roost.gateway.admin_port` (integer, default 0, any free port): where it answers operators.
/// - `roost.gateway.advertised_host` (text): the name or address under which session-services reach it, when that is not `host`.
/// - `roost.gateway.public_url` (text): the URL that clients use, the only source of links; by default `http://<host>:<port>`.
/// - `roost.gateway.trusted_proxies` (list, default empty): addresses or networks whose `X-Forwarded-For` counts.
/// - `roost.gateway.allowed_origins` (list, default empty): origins of browser clients, beside the public URL's own and loopback ones.
/// - the bounds below.
package struct GatewaySettings: Sendable {
    package let host: String
    package let port: Int
    package let adminHost: String
    package let adminPort: Int
    package let advertisedHost: String?
    package let publicURL: String?
    package let trustedProxies: [String]
    package let allowedOrigins: [String]
    package let maxMessageBytes: Int
    package let maxDocumentBytes: Int
    package let maxConnections: Int
    package let idleTimeout: Duration
    package let callTimeout: Duration
    package let answerTimeout: Duration
    package let replicaWait: Duration
    package let interruptionWait: Duration
    package let maxReplicas: Int
    package let maxWaiting: Int
    package let maxWaitingListeners: Int
    package let maxKnownSessions: Int
    package let maxUnreadBytes: Int
    package let sessionServices: [String]
    package let drain: Duration
    /// Requests per second; nil where they are not counted.
    package let keyRate: Int?
    package let accountRate: Int?
    package let organizationRate: Int?
    package let rateBurst: Duration

    /// Scheme, host and port that clients use, without a slash at the end: the only source of links.
    package var origin: String { self.publicURL ?? "http://\(self.host.contains(":") ? "[\(self.host)]" : self.host):\(self.port)" }

    package init(_ reader: inout SettingsReader) {
        self.host = reader.string("roost.gateway.host", default: "127.0.0.1", "The address that the gateway listens on.")
        self.port = reader.integer(
            "roost.gateway.port", default: 4400, in: 0...65_535, "The port that the gateway listens on; 0 takes a free one.")
        self.adminHost = reader.string("roost.gateway.admin_host", default: "127.0.0.1", "The address of its listener for operators.")
        self.adminPort = reader.integer(
            "roost.gateway.admin_port", default: 0, in: 0...65_535, "The port of that listener; 0 takes a free one.")
        self.advertisedHost = reader.optionalString(
            "roost.gateway.advertised_host",
            "The name or address under which session-services reach the gateway, when that is not its host.")
        self.publicURL = reader.optionalString("roost.gateway.public_url", "The URL that clients use; the only source of links.")
        self.trustedProxies = reader.list("roost.gateway.trusted_proxies", "Addresses or networks whose X-Forwarded-For counts.")
        self.allowedOrigins = reader.list(
            "roost.gateway.allowed_origins", "Origins of browser clients, beside the public URL's own and loopback ones.")
        self.maxMessageBytes = reader.byteCount(
            "roost.gateway.max_message_bytes", default: 4 << 20, "The largest MCP message, and REST request without an API document.")
        self.maxDocumentBytes = reader.byteCount(
            "roost.gateway.max_document_bytes", default: 64 << 20, "The largest REST request with an API document.")
        self.maxConnections = reader.integer(
            "roost.gateway.max_connections", default: 16_384, in: 1...1_000_000, "Connections at once; more wait in the kernel.")
        self.idleTimeout = reader.duration("roost.gateway.idle_timeout", default: .seconds(75), "How long a connection may stay silent.")
        self.callTimeout = reader.duration(
            "roost.gateway.call_timeout", default: .seconds(3660), "How long one tool call over MCP may take in all.")
        self.answerTimeout = reader.duration(
            "roost.gateway.answer_timeout", default: .seconds(9), "How long a session-service may take for anything but a tool call.")
        self.replicaWait = reader.duration(
            "roost.gateway.replica_wait", default: .milliseconds(7_500),
            "How long a message waits for a session-service that takes it; longer than roost.replica.lease, to outlast one that dies.")
        self.interruptionWait = reader.duration(
            "roost.gateway.interruption_wait", default: .seconds(6),
            "How long a client waits to hear what became of a call whose session-service went away: a lease and a little more.")
        self.maxReplicas = reader.integer(
            "roost.gateway.max_replicas", default: 256, in: 1...10_000, "Session-services that are kept connected.")
        self.sessionServices = reader.list(
            "roost.gateway.session_services",
            "host:port of each session-service, in place of the registry; for networks in which the registered addresses lead nowhere.")
        self.maxWaiting = reader.integer(
            "roost.gateway.max_waiting", default: 2_000, in: 1...1_000_000,
            "Messages that wait for a session-service at once; what comes beyond answers 503 at once.")
        self.maxWaitingListeners = reader.integer(
            "roost.gateway.max_waiting_listeners", default: 10_000, in: 1...1_000_000,
            "Clients that come back to listen and wait for a session-service at once; what comes beyond answers 503 at once.")
        self.maxKnownSessions = reader.integer(
            "roost.gateway.max_known_sessions", default: 100_000, in: 2...10_000_000,
            "Sessions whose owner is remembered; the owner of any other is looked up in the database.")
        self.maxUnreadBytes = reader.byteCount(
            "roost.gateway.max_unread_bytes", default: 256 << 20, "Answers that wait for clients which do not read them, together.")
        self.drain = reader.duration("roost.gateway.drain", default: .seconds(20), "How long what runs may go on after SIGTERM.")
        func rate(_ name: String, default value: Int, _ whose: String) -> Int? {
            let rate = reader.integer(
                "roost.gateway.\(name)", default: value, in: 0...1_000_000,
                "Requests per second of \(whose) that one gateway lets through; 0 for any number.")
            return rate == 0 ? nil : rate
        }
        self.keyRate = rate("key_rate", default: 1000, "an API key")
        self.accountRate = rate("account_rate", default: 1000, "an account, with all its keys and tokens")
        self.organizationRate = rate("organization_rate", default: 5000, "an organization but its admins")
        self.rateBurst = reader.duration(
            "roost.gateway.rate_burst", default: .seconds(2), "What these rates allow in this time may come at once.")
        if let url = self.publicURL, !Self.isOrigin(url) {
            reader.fault(
                "roost.gateway.public_url", "must be http:// or https://, a host in lower case, perhaps a port, and nothing after that")
        }
        for origin in self.allowedOrigins where origin != "*" && !Self.isOrigin(origin.lowercased()) {
            reader.fault("roost.gateway.allowed_origins", "`\(origin)` is not an origin such as https://app.example.com, nor *")
        }
        if self.publicURL == nil, self.port == 0 {
            reader.fault("roost.gateway.public_url", "is required when roost.gateway.port is 0, because links need the port")
        }
        for entry in self.sessionServices where ChannelAddress(entry) == nil {
            reader.fault("roost.gateway.session_services", "`\(entry)` is not of the form host:port")
        }
        for entry in self.trustedProxies where IPNetwork(entry) == nil {
            reader.fault("roost.gateway.trusted_proxies", "`\(entry)` is neither an address nor a network such as 10.0.0.0/8")
        }
    }

    /// Whether a text is scheme, host and perhaps port, written as browsers and RFC 6454 (section 6.2) write an origin.
    private static func isOrigin(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme, let host = parts.host, !host.isEmpty else { return false }
        let port = parts.port.map { ":\($0)" } ?? ""
        return ["http", "https"].contains(scheme) && (1...65_535).contains(parts.port ?? 1) && host == host.lowercased()
            && text == "\(scheme)://\(host)\(port)"
    }
}
