extension HTTP2Stream {
    /// Opens the stream and waits for the response's head.
    ///
    /// Every way out ends in the slot: the head arrives, the stream or the connection closes, the connection does not take the stream any
    /// more, the deadline passes, or the task is cancelled.
    func exchange() async -> Result<ChannelResponse, ChannelError> {
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.perform(self.withState { $0.wait(head: continuation) })
                self.connection.open(self)
            }
        } onCancel: {
            self.cancel()
        }
        return outcome.map { head in
            ChannelResponse(status: head.status, headers: head.headers, body: self.responseBody())
        }
    }

    /// Puts the whole body in, before the stream is opened.
    func prepareBody(_ bytes: [UInt8]) {
        self.withState { state in
            _ = state.write(bytes)
            _ = state.finishWriting()
        }
    }

    /// Runs the producer of the request's body.
    func produceRequestBody() async {
        await self.task.run {
            do {
                try await self.request.body.produce(into: ChannelBodyWriter(sink: self))
                self.finishWriting()
            } catch {
                let reason = (error as? ChannelError) ?? ChannelError(.cancelled, "The producer of the request's body failed.")
                self.perform(self.withState { $0.abort(reason, code: .cancel) })
            }
        }
    }

    private func responseBody() -> ChannelBody {
        if let bytes = self.withState({ $0.takeCompleteBody() }) { return .bytes(bytes) }
        return ChannelBody(storage: .source(DroppableSource(self)))
    }
}
