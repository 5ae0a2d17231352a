/// The body of a response as the client holds it: when the last reference goes away before the end, the exchange is cancelled.
///
/// The transports keep exchanges alive themselves, so only an object that nobody but the caller holds can notice that the caller let go.
final class DroppableSource: ChannelBodySource {
    private let source: any ChannelBodySource

    init(_ source: any ChannelBodySource) { self.source = source }

    /// Cancelling an exchange that is complete does nothing.
    deinit { self.source.cancel() }

    func next() async throws(ChannelError) -> [UInt8]? { try await self.source.next() }

    func cancel() { self.source.cancel() }
}
