import Channel
import MCP

/// The events of one answer, passed on in whole events only, and always with an end that the client understands.
///
/// When the session-service goes away in the middle, the part of an event that had come is dropped and an event with a typed error takes
/// the place of the answer that will not come: a client must not wait for ever, nor be shown half an event, which it would take for a
/// broken message. Backpressure goes through: nothing is read from the service while the consumer does not ask.
package struct SessionEventStream: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    /// How large one event may be; it is the bound of an answer too, since an answer is one event.
    package static let maxEventBytes = SessionClient.maxWholeAnswerBytes

    private let body: ChannelBody
    private let request: JSONRPCID?

    init(body: ChannelBody, request: JSONRPCID?) {
        self.body = body
        self.request = request
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: self.body.makeAsyncIterator(), request: self.request) }

    /// Reads the events one after the other.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var chunks: ChannelBody.AsyncIterator
        private let request: JSONRPCID?
        private var pending: [UInt8] = []
        private var isOver = false

        init(chunks: ChannelBody.AsyncIterator, request: JSONRPCID?) {
            self.chunks = chunks
            self.request = request
        }

        /// The next bytes, one or more whole events; nil at the end. Never throws: what goes wrong becomes the last event, and a caller
        /// that was cancelled gets the end.
        package mutating func next() async -> [UInt8]? {
            guard !self.isOver else { return nil }
            do throws(ChannelError) {
                while let chunk = try await self.chunks.next() {
                    if let events = self.take(chunk) { return events }
                    guard self.pending.count <= SessionEventStream.maxEventBytes else { return self.end() }
                }
                self.isOver = true
                return nil
            } catch {
                return error.code == .cancelled ? self.stop() : self.end()
            }
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> [UInt8]? { await self.next() }

        /// Takes a chunk; gives out everything up to the last empty line. The service ends lines with LF alone.
        private mutating func take(_ chunk: [UInt8]) -> [UInt8]? {
            let searchStart = Swift.max(0, self.pending.count - 1)
            self.pending.append(contentsOf: chunk)
            let newline = UInt8(ascii: "\n")
            var index = self.pending.count - 1
            while index > searchStart {
                if self.pending[index] == newline, self.pending[index - 1] == newline { break }
                index -= 1
            }
            guard index > searchStart else { return nil }
            guard index < self.pending.count - 1 else {
                defer { self.pending = [] }
                return self.pending
            }
            let whole = Array(self.pending[...index])
            self.pending.removeFirst(index + 1)
            return whole
        }

        private mutating func end() -> [UInt8]? {
            _ = self.stop()
            guard let request = self.request else { return nil }
            return MCPAnswer.event(MCPAnswer.error(.executionInterrupted(request)))
        }

        private mutating func stop() -> [UInt8]? {
            self.isOver = true
            self.pending = []
            return nil
        }
    }
}
