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

    /// The request's logger with its trace and its client.
    package var requestLogger: Logger {
        RequestSource(trace: self.trace, peer: self.peer, forwardedFor: self.forwardedFor, proxies: self.proxies).logger(self.logger)
    }

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.trace = TraceContext.root()
        self.peer = source.channel.remoteAddress
    }
}
