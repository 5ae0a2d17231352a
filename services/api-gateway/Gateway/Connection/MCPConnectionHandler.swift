import Channel
import Logging
import NIOCore
import NIOHTTP1

/// Takes the requests to the MCP endpoint out of a connection and answers them on its event loop; passes everything else on.
///
/// Requests come one after the other, by ``RequestOrderHandler``, so there is one exchange at a time.
final class MCPConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let endpoint: MCPEndpoint
    private let executor: EventLoopExecutor
    private let logger: Logger
    /// The last request to the endpoint; nil while another one is passed on.
    private var exchange: MCPExchange?

    init(endpoint: MCPEndpoint, executor: EventLoopExecutor, logger: Logger) {
        self.endpoint = endpoint
        self.executor = executor
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.exchange = nil
            guard MCPEndpoint.takes(head) else { return context.fireChannelRead(data) }
            self.begin(head, context)
        case .body(let bytes):
            guard let exchange else { return context.fireChannelRead(data) }
            exchange.receive(bytes)
        case .end:
            guard let exchange else { return context.fireChannelRead(data) }
            exchange.receiveEnd()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let exchange, !exchange.isOver else { return context.fireErrorCaught(error) }
        exchange.breakOff()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is RequestOrderHandler.ListeningEnds {
            self.exchange?.endListening()
            return
        }
        // It comes only while nothing is answered, or in the middle of a request, of which nothing more can come.
        if event as? ChannelEvent == .inputClosed, let exchange, !exchange.isOver { return exchange.breakOff() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.exchange?.becomeWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.exchange?.cancel()
        self.exchange = nil
        context.fireChannelInactive()
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let exchange = MCPExchange(head: head, maxBodyBytes: self.endpoint.maxMessageBytes, context: context)
        self.exchange = exchange
        let (endpoint, logger, executor) = (self.endpoint, self.logger, self.executor)
        let handle = MCPExchange.Handle(exchange, eventLoop: context.eventLoop)
        let request = MCPRequest(head: head, peer: context.channel.remoteAddress) { () async throws(MCPRequest.BodyFault) in
            try await handle.body()
        }
        // The bridge from the connection's callbacks to a task, which ends with the exchange: that cancels it when the connection closes.
        exchange.task = Task(executorPreference: executor) {
            await handle.answer(endpoint.respond(to: request, logger: logger), on: executor)
        }
    }
}
