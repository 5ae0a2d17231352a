extension ChannelBody: AsyncSequence {
    package typealias Element = [UInt8]
    package typealias Failure = ChannelError

    /// Reads the chunks of a body one after the other. Chunks are never empty.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private enum Rest {
            case bytes([UInt8])
            case source(any ChannelBodySource)
            case nothing
            case failure(ChannelError)
        }

        private var rest: Rest

        init(_ storage: ChannelBody.Storage) {
            switch storage {
            case .bytes(let bytes): self.rest = bytes.isEmpty ? .nothing : .bytes(bytes)
            case .source(let source): self.rest = .source(source)
            case .producer, .held:
                self.rest = .failure(
                    ChannelError(.invalidMessage, "This body is produced while it is sent and cannot be read here; send it instead.")
                )
            }
        }

        /// The next chunk, nil at the end. Cancelling the task that waits here ends the whole exchange.
        package mutating func next() async throws(ChannelError) -> [UInt8]? {
            switch self.rest {
            case .nothing: return nil
            case .failure(let error): throw error
            case .bytes(let bytes):
                self.rest = .nothing
                return bytes
            case .source(let source):
                guard let chunk = try await source.next() else {
                    self.rest = .nothing
                    return nil
                }
                return chunk
            }
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(ChannelError) -> [UInt8]? {
            try await self.next()
        }

        mutating func cancel() {
            if case .source(let source) = self.rest { source.cancel() }
            self.rest = .nothing
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self.storage) }
}
