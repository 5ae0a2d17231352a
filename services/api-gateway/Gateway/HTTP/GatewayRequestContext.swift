package import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
package import Telemetry

/// What accompanies one request through the gateway.
package struct GatewayRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The trace that the request belongs to: the client's where it sent one, otherwise a new one.
    package var trace: TraceContext
    /// Who is at the other end of the connection.
    package let peer: SocketAddress?
    /// What `X-Forwarded-For` says of the client, as far as trusted proxies wrote it.
    var forwardedFor: [String] = []
    /// The proxies that are believed.
    var proxies = TrustedProxies([])

    /// The request's logger with its trace and its client. Made where something is logged: most requests log nothing, and metadata costs
    /// more than the rest of their way through the gateway's own code.
    package var requestLogger: Logger {
        var logger = self.logger
        logger[metadataKey: "trace.id"] = "\(self.trace.traceID)"
        if let peer = self.peer?.ipAddress {
            logger[metadataKey: "client.address"] = "\(self.proxies.client(peer: peer, forwardedFor: self.forwardedFor))"
        }
        return logger
    }

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.trace = TraceContext.root()
        self.peer = source.channel.remoteAddress
    }
}
