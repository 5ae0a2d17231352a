import NIOCore
import NIOHTTP1

/// Lets through one request of a connection after the other, and decides when the connection ends: when it is idle for too long, and, when
/// the service stops, as soon as what is being asked is answered.
///
/// A client may send requests ahead (RFC 9112, section 9.3.2). Those wait here, as much of them as one reading brings; until they are taken,
/// no more is read. As long as nobody sends ahead the connection is never kept from reading, because to turn that off and on again costs two
/// system calls for each request.
///
/// Idleness is counted between the parts of requests that came whole, not between bytes, so that a head that trickles in is no life. A
/// request that is complete is being answered, however long that takes.
final class RequestOrderHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What came ahead of its turn.
    private enum Event {
        case part(HTTPServerRequestPart)
        case error(any Error)
        case inputClosed
    }

    private let idleTimeout: TimeAmount
    private var waiting = CircularBuffer<Event>(initialCapacity: 0)
    /// The end of the request that was let through last has not come yet.
    private var isReceiving = false
    /// The end of its answer has not been written yet.
    private var isAnswering = false
    private var isReadHeldBack = false
    private var isStopping = false
    /// Nothing is let through any more.
    private var isOver = false
    private var lastPart = NIODeadline.uptimeNanoseconds(0)
    private var timer: Scheduled<Void>?

    /// - Parameter idleTimeout: How long a connection may be idle.
    init(idleTimeout: TimeAmount) { self.idleTimeout = idleTimeout }

    // MARK: - In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        self.lastPart = context.eventLoop.now
        self.take(.part(self.unwrapInboundIn(data)), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.take(.error(error), context) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            self.isStopping = true
            self.waiting.removeAll()
            self.closeIfDone(context)
        case ChannelEvent.inputClosed: self.take(.inputClosed, context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func take(_ event: Event, _ context: ChannelHandlerContext) {
        if self.waiting.isEmpty, self.isDue(event) { return self.pass(event, context) }
        // A service that stops finishes what it has begun, and nothing else.
        if !self.isStopping { self.waiting.append(event) }
    }

    /// Whether an event belongs to the request that was let through, or may begin the next.
    private func isDue(_ event: Event) -> Bool {
        switch event {
        case .part(.head): !self.isAnswering
        case .part, .inputClosed: true
        case .error: self.isReceiving || !self.isAnswering
        }
    }

    private func pass(_ event: Event, _ context: ChannelHandlerContext) {
        switch event {
        case .part(let part):
            switch part {
            case .head: (self.isReceiving, self.isAnswering) = (true, true)
            case .body: break
            case .end: self.isReceiving = false
            }
            context.fireChannelRead(self.wrapInboundOut(part))
            if case .end = part { self.closeIfDone(context) }
        case .error(let error):
            // What cannot be read as a request is answered like one.
            if error is HTTPParserError { (self.isReceiving, self.isAnswering) = (false, true) }
            context.fireErrorCaught(error)
        case .inputClosed: context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    func read(context: ChannelHandlerContext) {
        guard self.waiting.isEmpty else {
            self.isReadHeldBack = true
            return
        }
        context.read()
    }

    // MARK: - Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(var head) where self.isStopping:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body: context.write(data, promise: promise)
        case .end:
            self.lastPart = context.eventLoop.now
            self.isAnswering = false
            context.write(data, promise: promise)
            if self.isStopping {
                context.flush()
                self.closeIfDone(context)
            } else if !self.waiting.isEmpty {
                self.letThrough(context)
            }
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Whoever says the last word answers nothing that comes after it.
        if mode != .input {
            self.waiting.removeAll()
            self.isOver = true
        }
        context.close(mode: mode, promise: promise)
        if self.isReadHeldBack { self.resumeReading(context) }
    }

    private func letThrough(_ context: ChannelHandlerContext) {
        while let next = self.waiting.first, self.isDue(next) {
            self.waiting.removeFirst()
            self.pass(next, context)
        }
        // Some of those behind look at what was read only when they are told that this was all for now.
        context.fireChannelReadComplete()
        if self.waiting.isEmpty, self.isReadHeldBack { self.resumeReading(context) }
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        self.isReadHeldBack = false
        context.read()
    }

    private func closeIfDone(_ context: ChannelHandlerContext) {
        guard self.isStopping, !self.isReceiving, !self.isAnswering, !self.isOver else { return }
        self.isOver = true
        context.close(promise: nil)
    }

    // MARK: - Idleness

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.watch(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.watch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.end() }

    private func watch(_ context: ChannelHandlerContext) {
        guard self.timer == nil else { return }
        self.lastPart = context.eventLoop.now
        self.look(at: self.lastPart + self.idleTimeout, context)
    }

    /// One timer at a time, moved on when it fires: most of them find that something came meanwhile.
    private func look(at time: NIODeadline, _ context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            let due = self.lastPart + self.idleTimeout
            if !self.isReceiving, self.isAnswering {
                self.look(at: context.eventLoop.now + self.idleTimeout, context)
            } else if context.eventLoop.now >= due {
                context.close(promise: nil)
            } else {
                self.look(at: due, context)
            }
        }
    }

    private func end() {
        self.waiting.removeAll()
        self.isOver = true
        self.timer?.cancel()
        self.timer = nil
    }
}
