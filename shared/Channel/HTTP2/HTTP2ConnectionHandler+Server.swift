import NIOCore

extension HTTP2ConnectionHandler {
    /// Takes a request's head from the framing engine. The handler starts in ``HTTP2ConnectionHandler/settle()``, when as much of the
    /// body as came along is there too.
    func receiveRequest(_ id: Int32) {
        var request = ChannelRequest(method: self.head.method, path: self.head.path, headers: self.head.headers, trace: self.head.trace)
        var deadline: NIODeadline?
        if let timeout = self.head.timeout {
            request.deadline = ContinuousClock.now.advanced(by: timeout)
            deadline = NIODeadline.now() + TimeAmount(timeout)
        }
        let stream = HTTP2Stream(request: request, connection: self.connection, isServer: true, limits: self.limits)
        _ = stream.withState { $0.open(id: id) }
        self.streams[id] = Entry(stream: stream, deadline: deadline)
        self.arrivals.append(Arrival(stream: stream, fault: self.fault()))
        if let deadline { self.watch(deadline) }
    }

    private func fault() -> ChannelError? {
        if self.proof != nil, !self.head.isProven {
            return ChannelError(.unauthenticated, "The request does not prove the channel key.")
        }
        return switch self.head.fault {
        case .tooLarge?: ChannelError(.tooLarge, "The headers of the request are larger than \(self.limits.maxHeaderBytes) bytes.")
        case .timeout?: ChannelError(.invalidMessage, "The header roost-timeout is not a number of milliseconds.")
        case nil: nil
        }
    }

    /// Starts the handler, or says why not.
    func admit(_ arrival: Arrival) {
        guard case .server(let owner) = self.role else { return }
        let stream = arrival.stream
        if let fault = arrival.fault {
            stream.fail(fault)
            guard fault.code == .unauthenticated, !self.hasSentGoAway else { return }
            // Answered, and then this connection is of no use: who has the key knows it from the start.
            self.hasSentGoAway = true
            self.isDraining = true
            self.framing?.submitGoAway()
            return owner.connectionRefused(self.connection)
        }
        guard let id = self.liveID(of: stream) else { return }
        do {
            try owner.accept(stream)
        } catch {
            self.framing?.reset(stream: id, code: .refusedStream)
        }
    }

    /// Sends the response that a handler has left in its stream.
    func respond(on stream: HTTP2Stream) {
        guard let framing, let id = self.liveID(of: stream) else { return }
        let (response, hasNoBody) = stream.withState { ($0.takeResponse(), $0.hasNoOutboundBody) }
        guard let response else { return }
        self.fields.removeAll()
        self.fields.append(":status", String(response.status))
        if let error = response.error { self.fields.append("roost-error", error.description) }
        self.fields.append(contentsOf: response.headers)
        if !framing.submitResponse(self.fields, stream: id, hasBody: !hasNoBody) { framing.reset(stream: id, code: .internalError) }
    }

    /// Announces the end (RFC 9113, section 6.8): first a GOAWAY that turns nothing away, and after a round trip the one that counts.
    func drain() {
        guard !self.isDraining, let framing else { return }
        switch self.role {
        case .client: self.retire()
        case .server:
            self.isDraining = true
            guard self.phase == .open, let context else {
                return self.close(ChannelError(.notProcessed, "The server has stopped."))
            }
            framing.submitShutdownNotice()
            framing.ping(payload: Self.drainPayload)
            // A peer that does not answer must not hold the drain up.
            context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                self.sendFinalGoAway()
                self.pump()
            }
        }
    }

    /// Turns away what the client has not opened by now.
    func sendFinalGoAway() {
        guard self.isDraining, !self.hasSentGoAway, self.phase == .open, let framing else { return }
        self.hasSentGoAway = true
        framing.submitGoAway()
    }
}
