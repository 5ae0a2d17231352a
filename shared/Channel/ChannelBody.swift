/// What a request or response carries: a sequence of chunks that is produced no faster than it is consumed.
///
/// A body that was *received* from a stream has one consumer, who reads it once. A body made of bytes can be read any number of times,
/// and only such a body (or an empty one) can be sent again when a request was not processed.
package struct ChannelBody: Sendable {
    /// Produces a body; it returns when everything is written and throws to break the exchange off.
    package typealias Producer = @Sendable (ChannelBodyWriter) async throws -> Void

    enum Storage: Sendable {
        case bytes([UInt8])
        case producer(Producer)
        case held(any ChannelBodyHolder)
        case source(any ChannelBodySource)
    }

    let storage: Storage

    init(storage: Storage) { self.storage = storage }

    /// A body of nothing.
    package static let empty = ChannelBody(storage: .bytes([]))

    /// A body that is there already.
    package static func bytes(_ bytes: [UInt8]) -> ChannelBody { ChannelBody(storage: .bytes(bytes)) }

    /// A body of a text in UTF-8.
    package static func text(_ text: String) -> ChannelBody { .bytes(Array(text.utf8)) }

    /// A body that is written piece by piece while it travels.
    ///
    /// For a response the producer runs in the task that ran the handler; for a request it runs in the client's `run()`. It is
    /// cancelled as soon as the exchange ends, whichever side ended it.
    package static func stream(_ produce: @escaping Producer) -> ChannelBody { ChannelBody(storage: .producer(produce)) }

    /// A body of the chunks of any asynchronous sequence, consumed only as fast as the peer reads.
    package static func stream<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks) -> ChannelBody where Chunks.Element == [UInt8] {
        .stream { writer in
            for try await chunk in chunks { try await writer.write(chunk) }
        }
    }

    /// A response's body that is written from outside, by nobody's task; the handler's has ended by then and counts as one no more.
    package static func held(by holder: any ChannelBodyHolder) -> ChannelBody { ChannelBody(storage: .held(holder)) }

    /// Who writes the body, when nobody's task does.
    var holder: (any ChannelBodyHolder)? {
        guard case .held(let holder) = self.storage else { return nil }
        return holder
    }

    /// The bytes, when the whole body is there already; nil when it has yet to arrive or to be produced.
    package var availableBytes: [UInt8]? {
        guard case .bytes(let bytes) = self.storage else { return nil }
        return bytes
    }

    /// Reads the whole body.
    ///
    /// - Throws: ``ChannelError`` with the code `tooLarge` as soon as more than `maxBytes` have come; the exchange is cancelled.
    package func collect(upTo maxBytes: Int) async throws(ChannelError) -> [UInt8] {
        var collected: [UInt8] = []
        var chunks = self.makeAsyncIterator()
        while let chunk = try await chunks.next() {
            guard collected.count + chunk.count <= maxBytes else {
                chunks.cancel()
                throw ChannelError(.tooLarge, "The body is larger than the \(maxBytes) bytes that its reader allows.")
            }
            if collected.isEmpty { collected = chunk } else { collected.append(contentsOf: chunk) }
        }
        return collected
    }
}

/// Where the chunks of a received body come from. The transports implement it.
protocol ChannelBodySource: AnyObject, Sendable {
    /// The next chunk, nil at the end. Cancelling the waiting task ends the exchange.
    func next() async throws(ChannelError) -> [UInt8]?
    /// Says that nobody will read on.
    func cancel()
}
