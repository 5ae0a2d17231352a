extension HTTP2Stream {
    /// The request as the handler gets it.
    var receivedRequest: ChannelRequest {
        var request = self.request
        if let bytes = self.withState({ $0.takeCompleteBody() }) {
            request.body = .bytes(bytes)
        } else {
            request.body = ChannelBody(storage: .source(self))
        }
        return request
    }

    /// Sends the head, with the whole body if it is there. False when the exchange is over already.
    func respond(_ response: ChannelResponse) -> Bool {
        let outgoing = OutgoingResponse(status: response.status, headers: response.headers, error: nil)
        guard self.withState({ $0.respond(outgoing, body: response.body.availableBytes) }) else { return false }
        return self.connection.submit(.respond(self))
    }

    /// Leaves the body to its holder. Telling it of the end comes before the beginning, so that no end is missed.
    func leave(to holder: any ChannelBodyHolder) {
        self.task.hold(holder)
        holder.begin(ChannelBodyWriter(sink: self))
    }

    /// Ends the exchange because of an error on this side: as an answer if none was given yet, as a reset otherwise.
    func fail(_ error: ChannelError) {
        let (outgoing, body, code) = Self.answer(to: error)
        switch self.withState({ $0.fail(error, response: outgoing, body: body, code: code) }) {
        case .answer: self.connection.submit(.respond(self))
        case .reset(let wake): self.perform(wake)
        case .nothing: break
        }
    }

    /// Says that the handler will read no more of the request.
    func stopReading() {
        let error = ChannelError(.cancelled, "The handler has ended.")
        self.perform(self.withState { $0.stopReading(error) })
    }

    /// How an error of the channel looks as a response: the one table from codes to statuses.
    private static func answer(to error: ChannelError) -> (OutgoingResponse, [UInt8], StreamCode) {
        let status: Int
        var code = StreamCode.internalError
        switch error.code {
        case .unauthenticated: status = 401
        case .invalidMessage: status = 400
        case .tooLarge: status = 431
        case .deadlineExceeded:
            status = 504
            code = .deadlineExceeded
        default: status = 500
        }
        let headers: ChannelHeaders = ["content-type": "text/plain; charset=utf-8"]
        return (OutgoingResponse(status: status, headers: headers, error: error.code), Array(error.message.utf8), code)
    }
}
