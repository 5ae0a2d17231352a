import NIOCore

/// One HTTP/2 connection on its event loop: feeds the framing engine, writes what it puts out, and takes care of time.
///
/// Every entry point has the same shape: let the engine work, then ``settle()`` (tell the tasks), then ``pump()`` (write). Tasks are told
/// only after the engine has returned, so nothing that they do can come back into it.
final class HTTP2ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Role {
        case client(any ClientConnectionOwner, authority: String)
        case server(any ServerConnectionOwner)
    }

    enum Phase {
        /// The peer's settings have not come.
        case starting
        case open
        /// Everything is said; the last bytes are on their way.
        case finishing
        case closed
    }

    /// A stream and when it ends at the latest.
    struct Entry {
        let stream: HTTP2Stream
        let deadline: NIODeadline?
    }

    /// A new request, and what is wrong with it.
    struct Arrival {
        let stream: HTTP2Stream
        let fault: ChannelError?
    }

    let role: Role
    let limits: ChannelLimits
    let connection: HTTP2Connection
    let scheme: String
    private let key: ChannelKey?

    // Everything below is touched on the event loop only.
    var framing: FramingSession?
    private(set) var context: ChannelHandlerContext?
    var phase = Phase.starting
    /// No new streams; close when the last one has ended.
    var isDraining = false
    var hasSentGoAway = false
    var streams: [Int32: Entry] = [:]
    var head = IncomingHead()
    /// What proves a client on this connection: shown by the client, expected by the server; nil when no key is used.
    var proof: [UInt8]?
    /// Streams that tasks have to be told about.
    var touched: [HTTP2Stream] = []
    private var delivering: [HTTP2Stream] = []
    /// New requests on a server.
    var arrivals: [Arrival] = []
    private var admitting: [Arrival] = []
    /// Streams that have ended since the owner was told.
    var endedCount = 0
    var hasReportedProven = false
    var fields = HeaderFields()
    private var batch: [ConnectionCommand] = []
    private var isPumping = false
    private var closeReason: ChannelError?
    private var keepAlive: KeepAlive?
    private var keepAliveTimer: Scheduled<Void>?
    private var startTimer: Scheduled<Void>?
    private var deadlineTimer: (due: NIODeadline, timer: Scheduled<Void>)?

    /// Makes the handler of a connection whose channel is just being set up.
    init(role: Role, connection: HTTP2Connection, key: ChannelKey?, isSecure: Bool, limits: ChannelLimits) {
        self.role = role
        self.connection = connection
        self.key = key
        self.scheme = isSecure ? "https" : "http"
        self.limits = limits
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let framing, self.phase != .closed else { return }
        self.keepAlive?.received(at: .now())
        let isSound = self.unwrapInboundIn(data).withUnsafeReadableBytes { framing.receive($0) }
        if isSound { return }
        self.settle()
        self.pump()
        self.close(ChannelError(.protocolViolation, "The peer broke the rules of HTTP/2, or flooded the connection."))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.settle()
        self.pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.pump() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.close(ChannelTLS.error(from: error)) }

    func channelInactive(context: ChannelHandlerContext) {
        self.tearDown()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.tearDown()
        self.context = nil
    }

    // MARK: Life

    private func start(_ context: ChannelHandlerContext) {
        guard self.framing == nil, self.phase == .starting else { return }
        do {
            var nonce: ConnectionNonce?
            var role = FramingSession.Role.client
            if case .server = self.role {
                role = .server
                nonce = self.key.map { _ in ConnectionNonce() }
                self.proof = nonce.flatMap { self.key?.proof(for: $0) }
            }
            self.framing = try FramingSession(role: role, limits: self.limits, nonce: nonce, delegate: self)
        } catch {
            return self.close(error)
        }
        self.connection.bind(self)
        if case .server(let owner) = self.role, !owner.connectionOpened(self.connection) {
            return self.close(ChannelError(.overloaded, "This server keeps as many connections as it may, or has stopped."))
        }
        let now = NIODeadline.now()
        self.keepAlive = KeepAlive(interval: self.limits.keepAliveInterval, timeout: self.limits.keepAliveTimeout, now: now)
        self.startTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.limits.connectTimeout)) {
            self.close(ChannelError(.unavailable, "The peer did not send its HTTP/2 settings in time."))
        }
        self.schedule(keepAliveAt: now + TimeAmount(self.limits.keepAliveInterval))
        self.pump()
    }

    /// The peer's first settings are there. False when they are not those of a peer that we can talk to.
    func becomeReady(nonce: ConnectionNonce?) -> Bool {
        guard self.phase == .starting else { return true }
        if case .client = self.role, let key {
            guard let nonce else { return false }
            self.proof = key.proof(for: nonce)
        }
        self.startTimer?.cancel()
        self.startTimer = nil
        self.phase = .open
        return true
    }

    /// Closes at once; what runs on the connection fails with the error.
    func close(_ error: ChannelError) {
        guard self.phase != .closed else { return }
        self.closeReason = self.closeReason ?? error
        guard let context else { return self.tearDown() }
        context.close(promise: nil)
    }

    private func tearDown() {
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.keepAliveTimer?.cancel()
        self.startTimer?.cancel()
        self.deadlineTimer?.timer.cancel()
        self.keepAliveTimer = nil
        self.startTimer = nil
        self.deadlineTimer = nil
        let reason = self.closeReason ?? ChannelError(.connectionLost, "The connection closed.")
        // First the owner, so that nobody is sent here again; then everything that is or might have been waiting here.
        switch self.role {
        case .client(let owner, _): owner.connectionClosed(self.connection, because: reason)
        case .server(let owner): owner.connectionClosed(self.connection, because: reason)
        }
        let left = self.connection.close()
        let streams = self.streams
        self.streams = [:]
        self.arrivals = []
        let touched = self.touched
        self.touched = []
        for stream in touched { stream.deliver() }
        for entry in streams.values { entry.stream.end(.connection(reason)) }
        for case .open(let stream) in left { stream.end(.connection(reason)) }
    }

    // MARK: Commands

    /// Does what tasks have asked for since the last time.
    func runCommands() {
        self.connection.takeCommands(into: &self.batch)
        for index in self.batch.indices { self.run(self.batch[index]) }
        self.batch.removeAll(keepingCapacity: true)
        self.settle()
        self.pump()
    }

    private func run(_ command: ConnectionCommand) {
        guard self.phase != .closed, let framing else {
            if case .open(let stream) = command {
                stream.end(.connection(ChannelError(.notProcessed, "The connection closed before the request was sent.")))
            }
            return
        }
        switch command {
        case .open(let stream): self.open(stream)
        case .respond(let stream): self.respond(on: stream)
        case .resume(let stream):
            if let id = self.liveID(of: stream) { framing.resume(stream: id) }
        case .credit(let stream, let count):
            if let id = self.liveID(of: stream) { framing.credit(stream: id, count: count) }
        case .reset(let stream, let code):
            if let id = self.liveID(of: stream) { framing.reset(stream: id, code: code) }
        case .drain: self.drain()
        case .close(let error): self.close(error)
        }
    }

    /// The identifier of a stream that the engine still has.
    func liveID(of stream: HTTP2Stream) -> Int32? {
        let id = stream.withState { $0.id }
        return self.streams[id] == nil ? nil : id
    }

    // MARK: Output

    /// Writes what the engine has to say, until it has nothing more or the socket takes nothing more; then ``channelWritabilityChanged``
    /// comes back here.
    func pump() {
        // A flush may call back, through a change of writability; the loop below sees that by itself.
        guard !self.isPumping, let framing, let context, self.phase == .starting || self.phase == .open else { return }
        self.isPumping = true
        var hasMore = true
        while hasMore, self.phase != .closed, context.channel.isWritable {
            var buffer = context.channel.allocator.buffer(capacity: 0)
            hasMore = false
            while let output = framing.nextOutput(), !output.isEmpty {
                if buffer.capacity == 0 { buffer = context.channel.allocator.buffer(capacity: max(output.count, 2_048)) }
                buffer.writeBytes(output)
                if buffer.readableBytes >= 64 * 1_024 {
                    hasMore = true
                    break
                }
            }
            if buffer.readableBytes > 0 { context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil) }
            self.settle()
        }
        self.isPumping = false
        self.finishIfDone()
    }

    /// Tells tasks and owner what has happened in the engine.
    func settle() {
        while self.phase != .closed, !self.touched.isEmpty || !self.arrivals.isEmpty || self.endedCount > 0 {
            swap(&self.touched, &self.delivering)
            for stream in self.delivering { stream.deliver() }
            self.delivering.removeAll(keepingCapacity: true)
            swap(&self.arrivals, &self.admitting)
            for arrival in self.admitting { self.admit(arrival) }
            self.admitting.removeAll(keepingCapacity: true)
            let endedCount = self.endedCount
            self.endedCount = 0
            if endedCount > 0, case .client(let owner, _) = self.role { owner.streamsEnded(endedCount, on: self.connection) }
        }
    }

    private func finishIfDone() {
        guard self.phase == .open || self.phase == .starting, let framing, let context else { return }
        if self.isDraining, self.streams.isEmpty, !self.hasSentGoAway, case .client = self.role {
            self.hasSentGoAway = true
            framing.submitGoAway()
            return self.pump()
        }
        guard framing.isDone else { return }
        self.phase = .finishing
        self.closeReason = self.closeReason ?? ChannelError(.notProcessed, "The connection was closed in good order.")
        // An empty write completes when everything before it has reached the kernel.
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(capacity: 0)), promise: written)
        written.futureResult.assumeIsolated().whenComplete { _ in self.closeAfterLastWrite() }
    }

    /// A server shuts its direction down first and waits for the client to close: closing while bytes from the client are unread would
    /// make the kernel send a reset, which may overtake the last response.
    private func closeAfterLastWrite() {
        guard self.phase == .finishing, let context else { return }
        guard case .server = self.role else { return context.close(promise: nil) }
        let shut = context.eventLoop.makePromise(of: Void.self)
        context.close(mode: .output, promise: shut)
        shut.futureResult.assumeIsolated().whenFailure { _ in self.context?.close(promise: nil) }
        self.startTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.context?.close(promise: nil) }
    }

    // MARK: Time

    private func schedule(keepAliveAt due: NIODeadline) {
        guard let context, self.phase != .closed else { return }
        self.keepAliveTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            switch self.keepAlive?.look(at: .now()) {
            case .wait(let next)?: self.schedule(keepAliveAt: next)
            case .ping(let next)?:
                self.framing?.ping(payload: Self.keepAlivePayload)
                self.pump()
                self.schedule(keepAliveAt: next)
            case .lost?: self.close(ChannelError(.connectionLost, "The peer did not answer a PING in time."))
            case nil: break
            }
        }
    }

    static let keepAlivePayload: UInt64 = 0x526F_6F73_7400_0001
    static let drainPayload: UInt64 = 0x526F_6F73_7400_0002

    /// Sees to it that streams are looked at when this one's time is up. One timer for all, because deadlines rarely come to pass.
    func watch(_ deadline: NIODeadline) {
        guard let context, self.phase != .closed else { return }
        if let deadlineTimer {
            guard deadline < deadlineTimer.due else { return }
            deadlineTimer.timer.cancel()
        }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.expireStreams() }
        self.deadlineTimer = (deadline, timer)
    }

    private func expireStreams() {
        self.deadlineTimer = nil
        let now = NIODeadline.now()
        var next: NIODeadline?
        var expired: [HTTP2Stream] = []
        for entry in self.streams.values {
            guard let deadline = entry.deadline else { continue }
            if deadline <= now {
                expired.append(entry.stream)
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        for stream in expired { self.expire(stream) }
        // Deadlines that lie close together are looked at together.
        if let next { self.watch(max(next, now + .milliseconds(2))) }
    }

    private func expire(_ stream: HTTP2Stream) {
        switch self.role {
        case .client: stream.perform(stream.withState { $0.expire() })
        case .server:
            stream.fail(StreamCode.deadlineExceeded.error)
            stream.stopReading()
            stream.task.cancel()
        }
    }
}
