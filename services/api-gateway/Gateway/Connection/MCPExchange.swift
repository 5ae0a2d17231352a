import Channel
import MCP
import NIOCore
import NIOHTTP1
import SessionAPI

/// One request to the MCP endpoint on its connection, and its answer: where the connection's callbacks and the task that answers meet.
///
/// Both are on the connection's event loop; the task comes through ``Handle``.
final class MCPExchange {
    /// How far the request's body has come.
    private enum Body {
        case coming
        case complete
        case tooLarge
        /// It is no HTTP, or its sender left.
        case broken
    }

    /// What is written at once, in bytes: a writer is held up between pieces only.
    private static let maxPieceBytes = 64 << 10
    /// When those who listen are to come back to another gateway.
    private static let comingBackDelay = Duration.seconds(1)

    private let context: ChannelHandlerContext
    private let maxBodyBytes: Int
    private let version: HTTPVersion
    private let isHead: Bool
    /// The client waits for whatever may come, rather than for the answer to something.
    private let isListening: Bool
    /// The client's revision has streams that say when to come back.
    private let knowsComingBack: Bool
    private var isListeningOver = false
    /// Whether the connection ends with this exchange.
    private var isLast: Bool
    private var body = Body.coming
    private var bytes = ByteBuffer()
    private var isReceived = false
    private var isAnswered = false
    private var isClosed = false
    private var reader: CheckedContinuation<Void, Never>?
    private var writer: CheckedContinuation<Void, Never>?
    /// The task that answers.
    var task: Task<Void, Never>?

    init(head: HTTPRequestHead, maxBodyBytes: Int, context: ChannelHandlerContext) {
        self.context = context
        self.maxBodyBytes = maxBodyBytes
        self.version = head.version
        self.isHead = head.method == .HEAD
        self.isListening = head.method == .GET
        let revision = self.isListening ? head.headers.first(name: "mcp-protocol-version") : nil
        self.knowsComingBack = revision.flatMap(MCPRevision.init(rawValue:))?.hasPollingStreams ?? false
        self.isLast = !head.isKeepAlive
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > maxBodyBytes {
            self.end(.tooLarge)
        }
    }

    // MARK: - The connection

    /// Whether the request has come and is answered, both to their ends.
    var isOver: Bool { self.isReceived && self.isAnswered }

    /// A part of the request's body has come. What nobody wants any more is dropped.
    func receive(_ part: ByteBuffer) {
        guard case .coming = self.body, !self.isAnswered else { return }
        guard self.bytes.readableBytes + part.readableBytes <= self.maxBodyBytes else { return self.end(.tooLarge) }
        if self.bytes.readableBytes == 0 { self.bytes = part } else { self.bytes.writeImmutableBuffer(part) }
    }

    /// The request is complete.
    func receiveEnd() {
        self.isReceived = true
        if case .coming = self.body { self.end(.complete) }
    }

    /// The rest of the request cannot be read, so that where the next one would begin is not known either.
    func breakOff() {
        self.isLast = true
        if case .coming = self.body { self.end(.broken) }
        if self.isAnswered { self.context.close(promise: nil) }
    }

    /// The client has read on.
    func becomeWritable() { self.writer.take()?.resume() }

    /// The service stops: a client that only listens is to come back to another one.
    func endListening() {
        guard self.isListening, !self.isAnswered else { return }
        self.isListeningOver = true
        self.task?.cancel()
    }

    /// The connection is closed.
    func cancel() {
        self.isClosed = true
        if case .coming = self.body { self.end(.broken) }
        self.writer.take()?.resume()
        self.task?.cancel()
    }

    private func end(_ body: Body) {
        self.body = body
        if case .complete = body {} else { self.bytes = ByteBuffer() }
        if case .tooLarge = body { self.context.triggerUserOutboundEvent(RequestOrderHandler.BodyIsUnwanted(), promise: nil) }
        self.reader.take()?.resume()
    }

    // MARK: - The answer

    private func write(_ response: MCPResponse, byteCount: Int?) {
        var head = HTTPResponseHead(version: self.version, status: response.status, headers: response.headers)
        if let byteCount {
            head.headers.add(name: "content-length", value: String(byteCount))
        } else if self.version == .http1_0 {
            // Chunks came with HTTP/1.1; before, such a body ends with its connection (RFC 9112, section 6.3).
            self.isLast = true
        }
        head.headers.add(name: "date", value: HTTPDate.now())
        if self.isLast {
            head.headers.add(name: "connection", value: "close")
        } else if self.version == .http1_0 {
            head.headers.add(name: "connection", value: "keep-alive")
        }
        self.context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
    }

    private func write(_ bytes: ByteBuffer) {
        guard !self.isHead else { return }
        self.context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(bytes))), promise: nil)
    }

    private func finish() {
        self.isAnswered = true
        self.bytes = ByteBuffer()
        let (context, isLast) = (self.context, self.isLast)
        let written = isLast ? context.eventLoop.makePromise(of: Void.self) : nil
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: written)
        written?.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }
}

extension MCPExchange {
    /// The exchange as its task sees it.
    struct Handle: Sendable {
        private let bound: NIOLoopBound<MCPExchange>

        init(_ exchange: MCPExchange, eventLoop: any EventLoop) { self.bound = NIOLoopBound(exchange, eventLoop: eventLoop) }

        /// Waits for the request's whole body.
        ///
        /// - Throws: ``MCPRequest/BodyFault``.
        func body() async throws(MCPRequest.BodyFault) -> ByteBuffer {
            if case .coming = self.bound.value.body {
                await withCheckedContinuation { self.bound.value.reader = $0 }
            }
            switch self.bound.value.body {
            case .complete: return self.bound.value.bytes
            case .tooLarge: throw .tooLarge
            case .coming, .broken: throw .broken
            }
        }

        /// Writes the answer, as fast as the client reads it.
        func answer(_ response: MCPResponse, on executor: EventLoopExecutor) async {
            guard !self.bound.value.isClosed else { return }
            switch response.body {
            case .whole(let bytes):
                self.bound.value.write(response, byteCount: bytes.readableBytes)
                if bytes.readableBytes > 0 { self.bound.value.write(bytes) }
                self.bound.value.finish()
            case .events(let stream):
                self.bound.value.write(response, byteCount: nil)
                self.bound.value.context.flush()
                // A task keeps the memory of its deepest call for as long as it lives, 16 KB of this one. A stream lives for long and needs
                // next to nothing, so that the rest of the exchange gets a task of its own, which ends with it in the same way.
                let task = Task(executorPreference: executor) { await self.passOn(stream) }
                self.bound.value.task = task
                if self.bound.value.isListeningOver { task.cancel() }
            }
        }

        /// Passes events on until their end or the connection's.
        private func passOn(_ stream: SessionEventStream) async {
            for await events in stream {
                guard await self.write(ByteBuffer(bytes: events)) else { return }
            }
            guard !self.bound.value.isClosed else { return }
            if self.bound.value.isListeningOver, self.bound.value.knowsComingBack {
                self.bound.value.write(ByteBuffer(bytes: MCPAnswer.comingBack(after: MCPExchange.comingBackDelay)))
            }
            self.bound.value.finish()
        }

        /// Writes piece by piece; false when the connection is closed.
        private func write(_ bytes: ByteBuffer) async -> Bool {
            var rest = bytes
            while let piece = rest.readSlice(length: min(rest.readableBytes, MCPExchange.maxPieceBytes)), piece.readableBytes > 0 {
                while !self.bound.value.isClosed, !self.bound.value.context.channel.isWritable {
                    await withCheckedContinuation { self.bound.value.writer = $0 }
                }
                guard !self.bound.value.isClosed else { return false }
                self.bound.value.write(piece)
                self.bound.value.context.flush()
            }
            return true
        }
    }
}
