package import Hummingbird
import HummingbirdCore
package import NIOCore
package import Telemetry

/// What accompanies one request through the gateway.
package struct GatewayRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The trace that the request belongs to: the client's where it sent one, otherwise a new one.
    package var trace: TraceContext
    /// Who is at the other end of the connection.
    package let peer: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.trace = TraceContext.root()
        self.peer = source.channel.remoteAddress
    }
}
