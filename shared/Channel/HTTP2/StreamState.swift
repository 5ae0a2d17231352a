/// One HTTP/2 stream, of a client or a server, as a value: what has come in, what is to go out, who waits for what, and how it ends.
///
/// Tasks and the event loop both work on it, under one lock. What the event loop learns inside the framing engine (`receive…`, `close`)
/// wakes nobody; ``deliver()`` does, once the engine has returned. What a task does wakes others at once, by the ``Wake`` it gets.
struct StreamState<HeadWaiter: Sendable, Reader: Sendable, Writer: Sendable>: Sendable {
    typealias Pipe = BodyPipe<Reader, Writer>
    typealias Slot = HeadSlot<HeadWaiter, ReceivedHead>

    /// What has to happen outside of the lock after a step.
    struct Wake: Sendable {
        var head: (HeadWaiter, Slot.Outcome)?
        var inbound = Pipe.Wake()
        var outbound = Pipe.Wake()
        /// How many bytes of the stream's window to give back to the peer.
        var credit = 0
        /// The stream has to be broken off with this code.
        var reset: StreamCode?
        /// The task that works on this stream (handler or producer) is to be cancelled.
        var cancelsTask = false
    }

    enum Phase: Sendable {
        case unopened
        case open
        case closed
    }

    /// The stream's identifier, once the event loop has opened it.
    private(set) var id: Int32 = 0
    private(set) var phase = Phase.unopened
    private(set) var inbound: Pipe
    private(set) var outbound: Pipe
    private var head = Slot.empty
    private var arrivedHead: ReceivedHead?
    private var hasReceivedHead = false
    private var closeReason: ChannelError?
    private var uncredited = 0
    private let creditThreshold: Int
    /// Why this side ended the stream; it stands before whatever the peer or the engine says afterwards.
    private var abortReason: ChannelError?
    private var isRequestSent = false
    private var response: OutgoingResponse?
    private var hasResponded = false

    init(limits: ChannelLimits) {
        self.inbound = Pipe(capacity: limits.maxUnreadBytes)
        self.outbound = Pipe(capacity: limits.maxUnsentBytes)
        // The engine sends WINDOW_UPDATE once half of the window was given back. A quarter here leaves the peer at least a quarter in the
        // worst case, so that it never stands still while everything that it sent was read.
        self.creditThreshold = max(1, limits.maxUnreadBytes / 4)
    }
}

/// The head of a response as the client received it.
struct ReceivedHead: Sendable {
    let status: Int
    let headers: ChannelHeaders
}

/// The head of a response as the server sends it.
struct OutgoingResponse: Sendable {
    let status: Int
    let headers: ChannelHeaders
    /// Set for an answer of the channel itself.
    let error: ChannelError.Code?
}

// MARK: Event loop

extension StreamState {
    /// Called before the stream is opened at the engine: false when it was cancelled in the meantime and must not be.
    mutating func beginOpening() -> Bool { self.phase == .unopened && self.abortReason == nil }

    /// The engine has given the stream its identifier. True when it was cancelled while that happened: whoever cancelled did not know
    /// the identifier yet and has left the reset to the caller.
    mutating func open(id: Int32) -> Bool {
        self.id = id
        self.phase = .open
        return self.abortReason != nil
    }

    /// The request's HEADERS frame has been handed to the connection: from now on the peer may have seen it.
    mutating func markRequestSent() { self.isRequestSent = true }

    /// The response's head has come; an error that the channel itself answered with ends the stream for the caller.
    mutating func receive(head: Result<ReceivedHead, ChannelError>) {
        // What comes after the head are trailers, which the channel has no use for.
        guard !self.hasReceivedHead else { return }
        self.hasReceivedHead = true
        switch head {
        case .success(let head): self.arrivedHead = head
        case .failure(let error): if self.abortReason == nil { self.abortReason = error }
        }
    }

    mutating func receive(_ bytes: UnsafeBufferPointer<UInt8>) { self.inbound.receive(bytes) }

    mutating func receiveEnd() { self.inbound.finishReceiving() }

    /// The engine has closed the stream, or the connection is gone.
    mutating func close(_ end: StreamEnd) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        let reason = self.error(at: end)
        self.closeReason = reason
        self.inbound.failReceiving(reason)
    }

    private func error(at end: StreamEnd) -> ChannelError {
        if let abortReason { return abortReason }
        switch end {
        case .code(.noError): return ChannelError(.reset, "The peer ended the exchange without taking or sending the rest.")
        case .code(let code): return code.error
        case .connection(let error):
            guard self.isRequestSent else {
                return ChannelError(.notProcessed, "The connection ended before the request was sent: \(error.message)")
            }
            return error.isSafeToRetry ? ChannelError(.connectionLost, error.message) : error
        }
    }

    /// Hands out everybody whom the events since the last call concern.
    mutating func deliver() -> Wake {
        var wake = Wake()
        if let head = self.arrivedHead {
            self.arrivedHead = nil
            wake.head = self.head.fill(.success(head))
        } else if let reason = self.abortReason ?? self.closeReason {
            wake.head = self.head.fill(.failure(reason))
        }
        wake.inbound = self.inbound.deliver()
        if case .success(let chunk?)? = wake.inbound.reader?.1 { wake.credit = self.credit(for: chunk.count) }
        if let closeReason {
            wake.cancelsTask = !self.outbound.isFinished
            wake.outbound = self.outbound.abandon(self.abortReason ?? closeReason)
        }
        return wake
    }

    /// Moves bytes into a DATA frame.
    mutating func pull(into buffer: UnsafeMutableBufferPointer<UInt8>) -> (Pipe.Pulled, Pipe.Wake) { self.outbound.pull(into: buffer) }

    /// Whether nothing but the head is to be sent.
    var hasNoOutboundBody: Bool { self.outbound.isFinished && self.outbound.count == 0 }

    /// Takes the response to be submitted; nil when the stream is closed or it was taken before.
    mutating func takeResponse() -> OutgoingResponse? {
        guard self.phase == .open else { return nil }
        defer { self.response = nil }
        return self.response
    }

    /// The request's time is up.
    mutating func expire() -> Wake { self.abort(StreamCode.deadlineExceeded.error, code: .cancel) }
}

/// How a stream came to its end, as seen from the event loop.
enum StreamEnd {
    case code(StreamCode)
    case connection(ChannelError)
}

// MARK: Tasks of both sides

extension StreamState {
    /// Takes what has come in; nil means that the reader has to wait.
    mutating func read(_ wake: inout Wake) -> Pipe.ReadResult? {
        let result = self.inbound.read(&wake.inbound)
        if case .success(let chunk?)? = result { wake.credit = self.credit(for: chunk.count) }
        return result
    }

    /// Waits for what comes in, unless it is there by now.
    mutating func wait(reader: Reader) -> Wake {
        var wake = Wake()
        wake.inbound = self.inbound.wait(reader: reader)
        if case .success(let chunk?)? = wake.inbound.reader?.1 { wake.credit = self.credit(for: chunk.count) }
        return wake
    }

    /// Takes the whole body if it is there and nobody has read from it.
    mutating func takeCompleteBody() -> [UInt8]? { self.inbound.takeComplete() }

    mutating func write(_ chunk: [UInt8]) -> Pipe.Attempt { self.outbound.write(chunk) }

    mutating func wait(writer: Writer, with chunk: [UInt8]) -> Wake {
        var wake = Wake()
        wake.outbound = self.outbound.wait(writer: writer, with: chunk)
        return wake
    }

    mutating func finishWriting() -> Wake {
        var wake = Wake()
        wake.outbound = self.outbound.finish()
        return wake
    }

    /// Breaks the stream off from this side. Whoever waits on it gets the error; the peer gets the code.
    mutating func abort(_ error: ChannelError, code: StreamCode) -> Wake {
        var wake = Wake()
        guard self.phase != .closed, self.abortReason == nil, !(self.head.isFilled && self.inbound.isFinished) else { return wake }
        self.abortReason = error
        wake.head = self.head.fill(.failure(error))
        wake.inbound = self.inbound.fail(error)
        wake.cancelsTask = !self.outbound.isFinished
        wake.outbound = self.outbound.abandon(error)
        // What was to wake the engine is overtaken by the reset.
        wake.outbound.puller = false
        if self.phase == .open { wake.reset = code }
        return wake
    }

    private mutating func credit(for count: Int) -> Int {
        guard self.phase == .open, !self.inbound.isFinished else { return 0 }
        self.uncredited += count
        guard self.uncredited >= self.creditThreshold else { return 0 }
        defer { self.uncredited = 0 }
        return self.uncredited
    }
}

// MARK: Tasks of the client

extension StreamState {
    /// Waits for the response's head.
    mutating func wait(head: HeadWaiter) -> Wake {
        var wake = Wake()
        wake.head = self.head.wait(head)
        return wake
    }
}

// MARK: Tasks of the server

extension StreamState {
    /// Answers, once: the head, and the whole body if it is there. False when the stream is closed or was answered already.
    mutating func respond(_ response: OutgoingResponse, body: [UInt8]?) -> Bool {
        guard self.phase == .open, !self.hasResponded else { return false }
        self.hasResponded = true
        self.response = response
        guard let body else { return true }
        // Nothing was written before the head, so there is room, and nobody waits.
        _ = self.outbound.write(body)
        _ = self.outbound.finish()
        return true
    }

    /// The handler's task was cancelled while it waited here: its waits end, and what it had begun to answer breaks off. An answer that
    /// is complete, such as the one that says that time is up, still goes out.
    mutating func stopTask(_ error: ChannelError) -> Wake {
        var wake = Wake()
        wake.inbound = self.inbound.abandon(error)
        if self.hasResponded { wake.outbound = self.outbound.fail(error) }
        return wake
    }

    /// What a failure of the handler, or the end of its time, still allows for.
    enum Failing: Sendable {
        case answer
        case reset(Wake)
        case nothing
    }

    /// Ends the stream because of an error on the server: with an answer if none was given, with a reset otherwise.
    mutating func fail(_ error: ChannelError, response: OutgoingResponse, body: [UInt8], code: StreamCode) -> Failing {
        guard self.phase == .open else { return .nothing }
        if self.respond(response, body: body) { return .answer }
        guard self.abortReason == nil, !self.hasNoOutboundBody else { return .nothing }
        self.abortReason = error
        var wake = Wake()
        wake.inbound = self.inbound.abandon(error)
        wake.outbound = self.outbound.abandon(error)
        wake.outbound.puller = false
        wake.reset = code
        return .reset(wake)
    }

    /// Says that the handler does not read on; what the client still sends waits, bounded by the window, until the response ends.
    mutating func stopReading(_ error: ChannelError) -> Wake {
        var wake = Wake()
        wake.inbound = self.inbound.abandon(error)
        return wake
    }
}
