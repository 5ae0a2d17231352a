import NIOCore
import Telemetry

extension HTTP2ConnectionHandler {
    /// Sends a request, unless it is too late for that; then the stream ends as not processed.
    func open(_ stream: HTTP2Stream) {
        guard case .client(_, let authority) = self.role, let framing else { return }
        guard self.phase == .open, !self.isDraining else {
            return self.refuse(stream, ChannelError(.notProcessed, "The connection takes no more requests."))
        }
        guard stream.withState({ $0.beginOpening() }) else {
            return self.refuse(stream, ChannelError(.cancelled, "The request was cancelled before it was sent."))
        }
        let remaining = stream.request.remaining
        guard remaining != .zero else {
            stream.perform(stream.withState { $0.expire() })
            return self.refuse(stream, StreamCode.deadlineExceeded.error)
        }
        self.collectFields(of: stream.request, authority: authority, remaining: remaining)
        let hasBody = !stream.withState { $0.hasNoOutboundBody }
        guard let id = framing.submitRequest(self.fields, hasBody: hasBody) else {
            self.retire()
            return self.refuse(stream, ChannelError(.notProcessed, "The connection takes no more requests."))
        }
        let deadline = remaining.map { NIODeadline.now() + TimeAmount($0) }
        self.streams[id] = Entry(stream: stream, deadline: deadline)
        if stream.withState({ $0.open(id: id) }) { framing.reset(stream: id, code: .cancel) }
        if let deadline { self.watch(deadline) }
    }

    /// Takes a response's head from the framing engine.
    func receiveResponse(_ id: Int32) {
        guard let stream = self.streams[id]?.stream, self.head.status >= 200 else { return }
        if self.head.fault != nil {
            self.framing?.reset(stream: id, code: .cancel)
            let error = ChannelError(.tooLarge, "The headers of the response are larger than \(self.limits.maxHeaderBytes) bytes.")
            stream.withState { $0.receive(head: .failure(error)) }
        } else if let code = self.head.error {
            if code == .unauthenticated { self.retire(Self.error(for: code)) }
            stream.withState { $0.receive(head: .failure(Self.error(for: code))) }
        } else {
            self.reportProven()
            let head = ReceivedHead(status: self.head.status, headers: self.head.headers)
            stream.withState { $0.receive(head: .success(head)) }
        }
        if self.touched.last !== stream { self.touched.append(stream) }
    }

    /// Opens nothing more on this connection and closes it when the last stream has ended.
    func retire(_ error: ChannelError? = nil) {
        guard !self.isDraining, case .client(let owner, _) = self.role else { return }
        self.isDraining = true
        owner.connectionIsDraining(self.connection, because: error)
    }

    private func refuse(_ stream: HTTP2Stream, _ error: ChannelError) {
        stream.end(.connection(error))
        self.endedCount += 1
    }

    private func reportProven() {
        guard !self.hasReportedProven, case .client(let owner, _) = self.role else { return }
        self.hasReportedProven = true
        owner.connectionIsProven(self.connection)
    }

    private func collectFields(of request: ChannelRequest, authority: String, remaining: Duration?) {
        self.fields.removeAll()
        self.fields.append(":method", request.method)
        self.fields.append(":scheme", self.scheme)
        self.fields.append(":authority", authority)
        self.fields.append(":path", request.path)
        if let proof { self.fields.append("roost-proof", String(decoding: proof, as: UTF8.self)) }
        if let remaining { self.fields.append("roost-timeout", String(Self.milliseconds(of: remaining)), isIndexed: false) }
        if let trace = request.trace {
            self.fields.append("traceparent", trace.traceparent, isIndexed: false)
            if let state = trace.state { self.fields.append("tracestate", state.description, isIndexed: false) }
        }
        self.fields.append(contentsOf: request.headers)
    }

    /// Whole milliseconds, rounded up: the client measures as well, and exactly.
    private static func milliseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1_000)
        guard !milliseconds.overflow, seconds < 999_999_999 else { return 999_999_999_999 }
        return milliseconds.partialValue + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }

    private static func error(for code: ChannelError.Code) -> ChannelError {
        switch code {
        case .unauthenticated: ChannelError(code, "The server does not accept this client's channel key.")
        case .deadlineExceeded: StreamCode.deadlineExceeded.error
        case .handlerFailed: ChannelError(code, "The handler failed; the server's log says why.")
        default: ChannelError(code, "The server did not accept the request.")
        }
    }
}
