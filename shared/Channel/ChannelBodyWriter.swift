/// The producing end of a streamed body.
package struct ChannelBodyWriter: Sendable {
    let sink: any ChannelBodySink

    /// Hands over one chunk; waits while the peer has not taken enough of what was written before.
    ///
    /// What waits on this side is bounded by ``ChannelLimits/maxUnsentBytes`` plus the last chunk given.
    /// - Throws: ``ChannelError`` when the exchange has ended, so that a producer stops by itself.
    package func write(_ chunk: [UInt8]) async throws(ChannelError) { try await self.sink.write(chunk) }

    /// Hands over one chunk if there is room for it now; false, and nothing done, when the peer has too much to take already.
    ///
    /// For whoever has many bodies to write to and may wait for none of them. Not beside a ``write(_:)`` of pieces that belong together.
    /// - Throws: ``ChannelError`` when the exchange has ended.
    package func offer(_ chunk: [UInt8]) throws(ChannelError) -> Bool { try self.sink.offer(chunk) }

    /// Says that a body is complete that is written by its holder; a producer returns instead. Nothing can be written afterwards.
    package func finish() { self.sink.finish() }

    /// Hands over a text as UTF-8; see ``write(_:)``.
    package func write(_ text: String) async throws(ChannelError) { try await self.sink.write(Array(text.utf8)) }
}

/// Where the chunks of a body go that is being produced. The transports implement it.
protocol ChannelBodySink: Sendable {
    /// Takes one chunk once there is room for it.
    func write(_ chunk: [UInt8]) async throws(ChannelError)
    /// Takes one chunk if there is room for it now.
    func offer(_ chunk: [UInt8]) throws(ChannelError) -> Bool
    /// Ends the body and lets go of its holder.
    func finish()
}
