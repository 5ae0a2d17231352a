import NIOCore
import NIOHTTP1

/// Lets through one request of a connection after the other, and decides when the connection ends: when it is idle for too long, and, when
/// the service stops, as soon as what is being asked is answered.
///
/// A client may send requests ahead (RFC 9112, section 9.3.2). Those wait here, as much of them as one reading brings; until they are taken,
/// no more is read. As long as nobody sends ahead the connection is never kept from reading, because to turn that off and on again costs two
/// system calls for each request.
///
/// A client that sends nothing more than its requests (it half-closes its connection) reads their answers all the same (RFC 9112, section
/// 9.6): that it is done is passed on when nothing is being answered, and cuts short only a request that has not come whole.
///
/// What still comes of a request that is answered is read and dropped, within a bound, so that the connection can go on with the next.
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

    /// Sent from behind while a request is being answered: the rest of its body is not read before that.
    struct BodyIsUnwanted {}

    /// Passed on when the service stops: what would go on for as long as the client wants ends.
    struct ListeningEnds {}

    private let idleTimeout: TimeAmount
    private let maxUnwantedBytes: Int
    private var waiting = CircularBuffer<Event>(initialCapacity: 0)
    /// The end of the request that was let through last has not come yet.
    private var isReceiving = false
    /// The end of its answer has not been written yet.
    private var isAnswering = false
    private var isBodyUnwanted = false
    /// What came of the request's body after its answer, or after the last answer of the connection.
    private var unwantedByteCount = 0
    private var isReadHeldBack = false
    private var isStopping = false
    /// The decoder reads nothing behind the request that was let through last.
    private var isLastRequest = false
    /// The last answer is on its way to the socket.
    private var isEnding = false
    /// Nothing is let through any more.
    private var isOver = false
    private var lastPart = NIODeadline.uptimeNanoseconds(0)
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - idleTimeout: How long a connection may be idle.
    ///   - maxUnwantedBytes: What is read of a request's body after its answer; a longer one ends the connection.
    init(idleTimeout: TimeAmount, maxUnwantedBytes: Int) {
        self.idleTimeout = idleTimeout
        self.maxUnwantedBytes = maxUnwantedBytes
    }

    // MARK: - In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = self.unwrapInboundIn(data)
        guard self.admits(part) else {
            // RFC 9112, section 9.3: a server that does not read a body to its end closes the connection.
            self.isOver = true
            return context.close(promise: nil)
        }
        guard !self.isOver else { return }
        self.lastPart = context.eventLoop.now
        self.take(.part(part), context)
    }

    /// Counts what nobody wants; false when it is too much.
    private func admits(_ part: HTTPServerRequestPart) -> Bool {
        guard case .body(let bytes) = part, self.isOver || self.isReceiving && !self.isAnswering else { return true }
        self.unwantedByteCount += bytes.readableBytes
        return self.unwantedByteCount <= self.maxUnwantedBytes
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.take(.error(error), context) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            self.isStopping = true
            self.waiting.removeAll()
            context.fireUserInboundEventTriggered(ListeningEnds())
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
        case .part: true
        case .error, .inputClosed: self.isReceiving || !self.isAnswering
        }
    }

    private func pass(_ event: Event, _ context: ChannelHandlerContext) {
        switch event {
        case .part(let part):
            switch part {
            case .head(let head):
                (self.isReceiving, self.isAnswering) = (true, true)
                (self.isBodyUnwanted, self.unwantedByteCount) = (false, 0)
                self.isLastRequest = head.endsDecoding
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
        guard self.waiting.isEmpty, !self.isBodyUnwanted else {
            self.isReadHeldBack = true
            return
        }
        context.read()
    }

    // MARK: - Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(var head) where self.isLastAnswer && head.status.code >= 200:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body: context.write(data, promise: promise)
        case .end:
            self.lastPart = context.eventLoop.now
            self.isAnswering = false
            self.isBodyUnwanted = false
            if self.isLastAnswer { return self.writeLast(data, context, promise) }
            context.write(data, promise: promise)
            self.letThrough(context)
        }
    }

    /// Whether nothing can be asked after what is being answered.
    private var isLastAnswer: Bool {
        if self.isStopping || self.isLastRequest { return true }
        if case .inputClosed? = self.waiting.first { return true }
        return false
    }

    /// Writes the end of the last answer and ends the connection behind it, when it has left.
    private func writeLast(_ data: NIOAny, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        self.isStopping = true
        self.isEnding = true
        self.waiting.removeAll()
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(data, promise: written)
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.isEnding = false
            self.closeIfDone(context)
        }
        if self.isReadHeldBack { self.resumeReading(context) }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsUnwanted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.isBodyUnwanted = self.isReceiving && self.isAnswering
        promise?.succeed()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Whoever says the last word answers nothing that comes after it.
        if mode != .input {
            self.waiting.removeAll()
            self.isBodyUnwanted = false
            self.isOver = true
        }
        context.close(mode: mode, promise: promise)
        if self.isReadHeldBack { self.resumeReading(context) }
    }

    private func letThrough(_ context: ChannelHandlerContext) {
        guard !self.waiting.isEmpty else {
            if self.isReadHeldBack { self.resumeReading(context) }
            return
        }
        while let next = self.waiting.first, self.isDue(next) {
            self.waiting.removeFirst()
            self.pass(next, context)
        }
        // Some of those behind look at what was read only when they are told that this was all for now.
        context.fireChannelReadComplete()
        if self.waiting.isEmpty, !self.isBodyUnwanted, self.isReadHeldBack { self.resumeReading(context) }
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        self.isReadHeldBack = false
        context.read()
    }

    private func closeIfDone(_ context: ChannelHandlerContext) {
        guard self.isStopping, !self.isReceiving, !self.isAnswering, !self.isEnding, !self.isOver else { return }
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

extension HTTPRequestHead {
    /// Whether the decoder takes what follows the request for another protocol: it does after every CONNECT and every offer to go on with
    /// another one (RFC 9110, section 7.8), though none is ever taken up here.
    fileprivate var endsDecoding: Bool {
        if self.method == .CONNECT { return true }
        guard self.headers.contains(name: "upgrade") else { return false }
        return self.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }
}
