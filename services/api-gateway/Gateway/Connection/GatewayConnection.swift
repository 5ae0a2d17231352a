import Channel
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// A connection of the gateway's public port: Hummingbird's, with the MCP endpoint in front of it.
///
/// MCP messages are many and small, and on their way through a router, its middleware and the tasks around them they cost several times
/// what they cost on the connection's own event loop (docs/benchmarks.md). Everything else is the router's.
struct GatewayConnection: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    /// HTTP/1.1 with the router behind it; without an idle time-out, since it does not see all requests.
    let base: HTTP1Channel
    let endpoint: MCPEndpoint
    let idleTimeout: TimeAmount

    func setup(channel: any NIOCore.Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let handlers: [any NIOCore.ChannelHandler] = [
                RequestOrderHandler(idleTimeout: self.idleTimeout, maxUnwantedBytes: self.endpoint.maxBodyBytes),
                MCPConnectionHandler(endpoint: self.endpoint, executor: EventLoopExecutor(channel.eventLoop), logger: logger),
            ]
            try pipeline.addHandlers(handlers, position: .after(decoder))
            return value
        }
    }

    @concurrent func handle(value: Value, logger: Logger) async { await self.base.handle(value: value, logger: logger) }
}
