import NIOCore

extension HTTP2ConnectionHandler: FramingDelegate {
    func framingHeadBegan() { self.head.begin() }

    func framingHeadField(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        self.head.add(name, value, maxBytes: self.limits.maxHeaderBytes, proof: self.proof)
    }

    func framingHeadEnded(stream id: Int32, isRequest: Bool) {
        switch self.role {
        case .server:
            // Anything but a request is a trailer, for which the channel has no use.
            if isRequest { self.receiveRequest(id) }
        case .client: self.receiveResponse(id)
        }
    }

    func framingReceived(stream id: Int32, bytes: UnsafeBufferPointer<UInt8>) {
        guard let stream = self.streams[id]?.stream else { return }
        stream.withState { $0.receive(bytes) }
        self.touch(stream)
    }

    func framingReceivedEnd(stream id: Int32) {
        guard let stream = self.streams[id]?.stream else { return }
        stream.withState { $0.receiveEnd() }
        self.touch(stream)
    }

    func framingClosed(stream id: Int32, code: StreamCode) {
        guard let stream = self.streams.removeValue(forKey: id)?.stream else { return }
        stream.withState { $0.close(.code(code)) }
        self.touch(stream)
        self.endedCount += 1
    }

    func framingSentRequest(stream id: Int32) {
        self.streams[id]?.stream.withState { $0.markRequestSent() }
    }

    func framingSentEnd(stream id: Int32) {
        // The server has answered in full; if the client is still sending, it may stop (RFC 9113, section 8.1).
        guard case .server = self.role, let stream = self.streams[id]?.stream else { return }
        if !stream.withState({ $0.inbound.isFinished }) { self.framing?.reset(stream: id, code: .noError) }
    }

    func framingPull(stream id: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> TaskBodyPipe.Pulled {
        guard let stream = self.streams[id]?.stream else { return .failed }
        let (pulled, wake) = stream.withState { $0.pull(into: buffer) }
        // Resuming a task only queues it, so this is allowed in here.
        _ = wake.resume()
        return pulled
    }

    func framingSettings(nonce: ConnectionNonce?) {
        guard self.phase == .starting else { return }
        guard self.becomeReady(nonce: nonce) else {
            let error = ChannelError(.unauthenticated, "The peer does not ask for a proof of the channel key, so it is no Roost service.")
            return self.close(error)
        }
        if case .client(let owner, _) = self.role {
            owner.connectionIsReady(self.connection, maxStreams: self.framing?.peerMaxStreams ?? 0)
        }
    }

    func framingPong(payload: UInt64) {
        if payload == Self.drainPayload { self.sendFinalGoAway() }
    }

    func framingGoAway() {
        guard !self.isDraining else { return }
        self.isDraining = true
        if case .client(let owner, _) = self.role { owner.connectionIsDraining(self.connection, because: nil) }
    }

    private func touch(_ stream: HTTP2Stream) {
        if self.touched.last !== stream { self.touched.append(stream) }
    }
}
