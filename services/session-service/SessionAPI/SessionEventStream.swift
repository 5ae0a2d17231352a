import Channel
import MCP

/// The events of one answer, passed on in whole events only, and always with an end that the client understands.
///
/// When the session-service goes away in the middle, the part of an event that had come is dropped and an event with a typed error takes
/// the place of the answer that will not come: a client must not wait for ever, nor be shown half an event, which it would take for a
/// broken message. A client that was given an id right at the beginning comes back by itself when its stream ends without the answer; where
/// that is kept, or still to come from a process that lives, its stream just ends.
///
/// Backpressure goes through: nothing is read from the service while the consumer does not ask.
package struct SessionEventStream: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    /// How large one event may be; it is the bound of an answer too, since an answer is one event.
    package static let maxEventBytes = 16 << 20

    private let body: ChannelBody
    private let request: JSONRPCID?
    private let unread: UnreadAnswers
    /// Says more of a call whose answer does not come.
    var narrator: InterruptionNarrator?

    init(body: ChannelBody, request: JSONRPCID?, unread: UnreadAnswers) {
        self.body = body
        self.request = request
        self.unread = unread
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(chunks: self.body.makeAsyncIterator(), request: self.request, unread: self.unread, narrator: self.narrator)
    }

    /// Reads the events one after the other.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var chunks: ChannelBody.AsyncIterator
        private let request: JSONRPCID?
        private let unread: UnreadAnswers
        private let narrator: InterruptionNarrator?
        private var pending: [UInt8] = []
        /// The room for what is pending or was given out last.
        private var room: UnreadAnswers.Room?
        private var isOver = false
        /// Whether the stream began with an event that only gives an id, as streams do of a revision whose clients come back by themselves:
        /// earlier ones take a stream that ends in good order for a call without an answer. Nil before the beginning.
        private var canComeBack: Bool?

        init(chunks: ChannelBody.AsyncIterator, request: JSONRPCID?, unread: UnreadAnswers, narrator: InterruptionNarrator?) {
            self.chunks = chunks
            self.request = request
            self.unread = unread
            self.narrator = narrator
        }

        /// The next bytes, one or more whole events; nil at the end. Never throws: what goes wrong becomes the last event, and a caller
        /// that was cancelled gets the end.
        package mutating func next() async -> [UInt8]? {
            guard !self.isOver else { return nil }
            // Whoever asks for more has passed on what it got.
            if self.pending.isEmpty { self.room = nil }
            do throws(ChannelError) {
                while let chunk = try await self.chunks.next() {
                    if let events = self.take(chunk) {
                        self.canComeBack = self.canComeBack ?? MCPAnswer.beginsWithPriming(events)
                        return events
                    }
                    guard self.pending.count <= SessionEventStream.maxEventBytes else {
                        // It would be as large the next time.
                        self.canComeBack = false
                        return await self.interrupt(.executionInterrupted(self.request))
                    }
                    guard self.hasRoom() else { return self.end(.answerDropped(self.request)) }
                }
                self.isOver = true
                return nil
            } catch {
                switch error.code {
                case .cancelled: return self.stop()
                case .deadlineExceeded: return await self.interrupt(.callTimedOut(self.request))
                default: return await self.interrupt(.executionInterrupted(self.request))
                }
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

        /// Takes more room when there is more to keep, twice as much each time; false when the process has none left.
        private mutating func hasRoom() -> Bool {
            guard self.pending.count > Swift.max(self.room?.byteCount ?? 0, UnreadAnswers.minBytes) else { return true }
            let wanted = Swift.min(self.pending.count * 2, SessionEventStream.maxEventBytes + UnreadAnswers.minBytes)
            self.room = nil
            self.room = try? self.unread.takeRoom(for: wanted)
            return self.room != nil
        }

        /// Ends an answer that does not come; first finds out what became of the call, where somebody can.
        private mutating func interrupt(_ error: MCPError) async -> [UInt8]? {
            guard self.request != nil, let narrator = self.narrator else { return self.end(error) }
            let canComeBack = self.canComeBack ?? false
            if let told = await narrator(error, canComeBack) { return self.end(told) }
            return canComeBack ? self.stop() : self.end(error)
        }

        private mutating func end(_ error: MCPError) -> [UInt8]? {
            _ = self.stop()
            guard self.request != nil else { return nil }
            return MCPAnswer.event(MCPAnswer.error(error))
        }

        private mutating func stop() -> [UInt8]? {
            self.isOver = true
            self.pending = []
            self.room = nil
            return nil
        }
    }
}
