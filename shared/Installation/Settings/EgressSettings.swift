package import Egress
package import Service

/// What programs and documents can reach.
///
/// Configuration keys:
/// - `roost.egress.allow` (list, default empty): `host:port` of private, loopback or other special addresses that may be called.
/// - the bounds below.
package struct EgressSettings: Sendable {
    package let allow: EgressAllowList
    package let limits: EgressLimits

    package init(_ reader: inout SettingsReader) {
        let entries = reader.list("roost.egress.allow", "host:port of addresses that are not public and may be called all the same.")
        do {
            self.allow = try EgressAllowList(entries)
        } catch {
            self.allow = .empty
            reader.fault("roost.egress.allow", error.message)
        }
        var limits = EgressLimits()
        limits.maxRequestBytes = reader.byteCount(
            "roost.egress.max_request_bytes", default: limits.maxRequestBytes, "The largest body sent to an API.")
        limits.maxResponseBytes = reader.byteCount(
            "roost.egress.max_response_bytes", default: limits.maxResponseBytes, "The largest answer taken from an API or document server.")
        limits.maxHeaderBytes = reader.byteCount(
            "roost.egress.max_header_bytes", default: limits.maxHeaderBytes, "The largest header section.")
        limits.maxTime = reader.duration(
            "roost.egress.max_time", default: limits.maxTime, "How long one call may take, redirects included.")
        limits.connectTimeout = reader.duration(
            "roost.egress.connect_timeout", default: limits.connectTimeout, "How long connecting to one address may take.")
        limits.idleTimeout = reader.duration(
            "roost.egress.idle_timeout", default: limits.idleTimeout, "How long an API may be silent in the middle of a call.")
        limits.maxRedirects = reader.integer("roost.egress.max_redirects", default: limits.maxRedirects, in: 0...50, "Redirects followed.")
        limits.maxConnectionsPerHost = reader.integer(
            "roost.egress.max_connections_per_host", default: limits.maxConnectionsPerHost, in: 1...1024, "Connections kept to one host.")
        limits.maxRequestsPerHost = reader.integer(
            "roost.egress.max_requests_per_host", default: limits.maxRequestsPerHost, in: 1...100_000,
            "Calls under way or waiting for one host; what comes beyond is refused.")
        limits.maxHosts = reader.integer(
            "roost.egress.max_hosts", default: limits.maxHosts, in: 1...100_000,
            "Hosts to which connections are kept; the one unused for longest gives way.")
        limits.keepAlive = reader.duration(
            "roost.egress.keep_alive", default: limits.keepAlive, "How long an unused connection stays open.")
        self.limits = limits
    }
}
