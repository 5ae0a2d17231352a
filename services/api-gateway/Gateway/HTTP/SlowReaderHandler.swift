import NIOCore

/// Closes a connection whose client does not read what it asked for, so that nothing waits for it for ever.
///
/// What was written stays in memory until the client has read it, and neither TCP nor the idle time-out ends that: a client with a closed
/// window is alive and its request is still being answered. A new one for each connection.
final class SlowReaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let timeLimit: TimeAmount
    private var closing: Scheduled<Void>?

    /// - Parameter timeLimit: How long more may wait for the client than the connection's watermark, without a break.
    init(timeLimit: TimeAmount) { self.timeLimit = timeLimit }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let channel = context.channel
        if channel.isWritable {
            self.stop()
        } else if self.closing == nil {
            self.closing = context.eventLoop.scheduleTask(in: self.timeLimit) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.stop() }

    private func stop() {
        self.closing?.cancel()
        self.closing = nil
    }
}
