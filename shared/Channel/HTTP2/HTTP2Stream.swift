import Synchronization

/// What the task that sends a request waits on.
typealias HeadContinuation = CheckedContinuation<Result<ReceivedHead, ChannelError>, Never>
/// The state of a stream between tasks and an event loop.
typealias TaskStreamState = StreamState<HeadContinuation, ReadContinuation, WriteContinuation>

/// One exchange over HTTP/2, on either side: the place where a task and a connection's event loop meet.
///
/// The state decides; this class takes the lock, and performs what the state asked for after letting go of it.
final class HTTP2Stream: Sendable {
    /// The request: what the client sends, or what the server received (then its body is in ``HTTP2Stream`` itself).
    let request: ChannelRequest
    /// The connection that carries the stream.
    let connection: HTTP2Connection
    /// The handler's task on the server; on the client that of the request body's producer.
    let task = TaskCanceller()
    private let isServer: Bool
    private let state: Mutex<TaskStreamState>

    init(request: ChannelRequest, connection: HTTP2Connection, isServer: Bool, limits: ChannelLimits) {
        self.request = request
        self.connection = connection
        self.isServer = isServer
        self.state = Mutex(TaskStreamState(limits: limits))
    }

    /// Changes the state under the lock. Nothing may be resumed, cancelled or submitted inside.
    func withState<Outcome: Sendable>(_ body: (inout TaskStreamState) -> Outcome) -> Outcome {
        self.state.withLock { state in body(&state) }
    }

    /// Performs what a step of the state asked for. Called from tasks and from the event loop, never inside the framing engine.
    func perform(_ wake: TaskStreamState.Wake) {
        if let (waiter, outcome) = wake.head { waiter.resume(returning: outcome) }
        // Only what goes out is pulled by the engine.
        _ = wake.inbound.resume()
        if wake.outbound.resume() { self.connection.submit(.resume(self)) }
        if wake.credit > 0 { self.connection.submit(.credit(self, wake.credit)) }
        if let code = wake.reset { self.connection.submit(.reset(self, code)) }
        if wake.cancelsTask { self.task.cancel() }
    }
}

// MARK: Event loop

extension HTTP2Stream {
    /// Hands out what the event loop has learnt since the last time.
    func deliver() { self.perform(self.withState { $0.deliver() }) }

    /// Ends the stream and tells everybody who waits. Not inside the framing engine.
    func end(_ end: StreamEnd) {
        self.perform(
            self.withState { state in
                state.close(end)
                return state.deliver()
            }
        )
    }
}

// MARK: Bodies

extension HTTP2Stream: ChannelBodySource, ChannelBodySink {
    func next() async throws(ChannelError) -> [UInt8]? {
        let (result, wake) = self.withState { state in
            var wake = TaskStreamState.Wake()
            let result = state.read(&wake)
            return (result, wake)
        }
        self.perform(wake)
        if let result { return try result.get() }
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.perform(self.withState { $0.wait(reader: continuation) })
            }
        } onCancel: {
            self.cancel()
        }.get()
    }

    func offer(_ chunk: [UInt8]) throws(ChannelError) -> Bool {
        switch self.withState({ $0.write(chunk) }) {
        case .accepted(let wake):
            if wake.resume() { self.connection.submit(.resume(self)) }
            return true
        case .failed(let error): throw error
        case .full: return false
        }
    }

    func write(_ chunk: [UInt8]) async throws(ChannelError) {
        if try self.offer(chunk) { return }
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.perform(self.withState { $0.wait(writer: continuation, with: chunk) })
            }
        } onCancel: {
            self.cancel()
        }.get()
    }

    func finish() {
        self.task.release()
        self.finishWriting()
    }

    /// Says that the body that this side sends is complete.
    func finishWriting() { self.perform(self.withState { $0.finishWriting() }) }

    /// The task that waits here was cancelled. A client's exchange is over with that; a server's handler has yet to end.
    func cancel() {
        let error = ChannelError(.cancelled, "The request was cancelled.")
        let isServer = self.isServer
        self.perform(self.withState { isServer ? $0.stopTask(error) : $0.abort(error, code: .cancel) })
    }
}
