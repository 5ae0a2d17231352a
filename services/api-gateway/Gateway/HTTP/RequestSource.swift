import Logging
import NIOCore
import Telemetry

/// Where a request came from, for what is logged about it.
struct RequestSource {
    let trace: TraceContext
    let peer: SocketAddress?
    /// What `X-Forwarded-For` says.
    let forwardedFor: [String]
    /// The proxies that are believed.
    let proxies: TrustedProxies

    /// A logger with the request's trace and its client. Made where something is logged: most requests log nothing, and metadata costs more
    /// than the rest of their way through the gateway's own code.
    func logger(_ base: Logger) -> Logger {
        var logger = base
        logger[metadataKey: "trace.id"] = "\(self.trace.traceID)"
        if let peer = self.peer?.ipAddress {
            logger[metadataKey: "client.address"] = "\(self.proxies.client(peer: peer, forwardedFor: self.forwardedFor))"
        }
        return logger
    }
}
