import Synchronization

private typealias ExchangeContinuation = CheckedContinuation<Result<ChannelResponse, ChannelError>, Never>

/// One request and its response between two tasks of one process.
final class MemoryExchange: Sendable {
    private struct State {
        var head = HeadSlot<ExchangeContinuation, ChannelResponse>.empty
        var request: TaskBodyPipe
        var response: TaskBodyPipe
        var ended: ChannelError?

        struct Wakes {
            var head: (ExchangeContinuation, Result<ChannelResponse, ChannelError>)?
            var pipes: [TaskBodyPipe.Wake]
        }

        mutating func withPipe<R>(_ direction: Direction, _ body: (inout TaskBodyPipe) -> R) -> R {
            switch direction {
            case .request: body(&self.request)
            case .response: body(&self.response)
            }
        }
    }

    enum Direction: Sendable {
        case request
        case response
    }

    /// The request as it was sent; its body travels through the exchange.
    let request: ChannelRequest
    /// The task that runs the handler.
    let handlerTask = TaskCanceller()
    /// The task that produces the request's body, if that is a stream.
    let producerTask = TaskCanceller()
    private let state: Mutex<State>

    init(request: ChannelRequest, limits: ChannelLimits) {
        self.request = request
        self.state = Mutex(
            State(
                request: TaskBodyPipe(capacity: limits.maxUnreadBytes),
                response: TaskBodyPipe(capacity: limits.maxUnreadBytes)
            )
        )
    }

    // MARK: The client's side

    /// Waits for the head of the response.
    func head() async -> Result<ChannelResponse, ChannelError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.state.withLock { $0.head.wait(continuation) }
                if let (waiter, result) = ready { waiter.resume(returning: result) }
            }
        } onCancel: {
            self.end(Self.cancelled)
        }
    }

    /// The end that the producer of the request's body writes to.
    var requestWriter: ChannelBodyWriter { ChannelBodyWriter(sink: MemorySink(exchange: self, direction: .request)) }

    /// Says that the request's body is complete.
    func finishRequest() {
        _ = self.state.withLock { $0.request.finish() }.resume()
    }

    // MARK: The server's side

    /// The request's body as the handler reads it.
    var requestBody: ChannelBody {
        if case .bytes = self.request.body.storage { return self.request.body }
        return ChannelBody(storage: .source(MemorySource(exchange: self, direction: .request)))
    }

    /// The end that the producer of the response's body writes to.
    var responseWriter: ChannelBodyWriter { ChannelBodyWriter(sink: MemorySink(exchange: self, direction: .response)) }

    /// Gives the client the head of the response.
    func respond(_ response: ChannelResponse) {
        var response = response
        if case .bytes = response.body.storage {
        } else {
            let source = MemorySource(exchange: self, direction: .response)
            response.body = ChannelBody(storage: .source(DroppableSource(source)))
        }
        let ready = self.state.withLock { $0.head.fill(.success(response)) }
        if let (waiter, result) = ready { waiter.resume(returning: result) }
    }

    /// Leaves the response's body to its holder.
    func leave(to holder: any ChannelBodyHolder) {
        self.handlerTask.hold(holder)
        holder.begin(self.responseWriter)
    }

    /// Says that the response is complete; the client need not send the rest of its request.
    func finishResponse() {
        let (request, response) = self.state.withLock { state in
            let error = ChannelError(.reset, "The peer ended the exchange without taking the rest.")
            return (state.request.abandon(error), state.response.finish())
        }
        _ = request.resume()
        _ = response.resume()
        self.producerTask.cancel()
    }

    // MARK: Both

    /// Whether nothing more comes of the exchange.
    var isOver: Bool { self.state.withLock { $0.ended != nil || $0.response.isFinished } }

    /// Ends the exchange, unless it has ended: everybody who waits gets the error, and both tasks are cancelled.
    func end(_ error: ChannelError) {
        let wakes = self.state.withLock { state -> State.Wakes? in
            let isComplete = state.head.isFilled && state.response.isFinished
            guard state.ended == nil, !isComplete else { return nil }
            state.ended = error
            return State.Wakes(
                head: state.head.fill(.failure(error)),
                pipes: [state.request.fail(error), state.request.abandon(error), state.response.fail(error)])
        }
        guard let wakes else { return }
        if let (waiter, result) = wakes.head { waiter.resume(returning: result) }
        for wake in wakes.pipes { _ = wake.resume() }
        self.handlerTask.cancel()
        self.producerTask.cancel()
    }

    private static let serverCancelled = ChannelError(.reset, "The server broke off the exchange.")

    static let cancelled = ChannelError(.cancelled, "The request was cancelled.")

    fileprivate func read(_ direction: Direction) async -> Result<[UInt8]?, ChannelError> {
        let (result, wake) = self.state.withLock { state in
            var wake = TaskBodyPipe.Wake()
            let result = state.withPipe(direction) { $0.read(&wake) }
            return (result, wake)
        }
        _ = wake.resume()
        if let result { return result }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let wake = self.state.withLock { state in state.withPipe(direction) { $0.wait(reader: continuation) } }
                _ = wake.resume()
            }
        } onCancel: {
            self.end(direction == .response ? Self.cancelled : Self.serverCancelled)
        }
    }

    fileprivate func offer(_ chunk: [UInt8], _ direction: Direction) throws(ChannelError) -> Bool {
        switch self.state.withLock({ state in state.withPipe(direction) { $0.write(chunk) } }) {
        case .accepted(let wake):
            _ = wake.resume()
            return true
        case .failed(let error): throw error
        case .full: return false
        }
    }

    fileprivate func write(_ chunk: [UInt8], _ direction: Direction) async -> Result<Void, ChannelError> {
        do {
            if try self.offer(chunk, direction) { return .success(()) }
        } catch {
            return .failure(error)
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let wake = self.state.withLock { state in state.withPipe(direction) { $0.wait(writer: continuation, with: chunk) } }
                _ = wake.resume()
            }
        } onCancel: {
            self.end(direction == .request ? Self.cancelled : Self.serverCancelled)
        }
    }
}

private struct MemorySink: ChannelBodySink {
    let exchange: MemoryExchange
    let direction: MemoryExchange.Direction

    func write(_ chunk: [UInt8]) async throws(ChannelError) { try await self.exchange.write(chunk, self.direction).get() }

    func offer(_ chunk: [UInt8]) throws(ChannelError) -> Bool { try self.exchange.offer(chunk, self.direction) }

    /// Only responses are held.
    func finish() {
        self.exchange.handlerTask.release()
        self.exchange.finishResponse()
    }
}

private final class MemorySource: ChannelBodySource {
    private let exchange: MemoryExchange
    private let direction: MemoryExchange.Direction

    init(exchange: MemoryExchange, direction: MemoryExchange.Direction) {
        self.exchange = exchange
        self.direction = direction
    }

    func next() async throws(ChannelError) -> [UInt8]? { try await self.exchange.read(self.direction).get() }

    func cancel() { self.exchange.end(MemoryExchange.cancelled) }
}
