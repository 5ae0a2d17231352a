extension ChannelBody {
    /// Writes the body's chunks, if it is one that has to be produced; bytes travel with the head and are not written here.
    func produce(into writer: ChannelBodyWriter) async throws {
        switch self.storage {
        case .bytes: return
        case .producer(let produce): try await produce(writer)
        case .held: throw ChannelError(.invalidMessage, "A body that is held is for responses only.")
        case .source(let source):
            while let chunk = try await source.next() { try await writer.write(chunk) }
        }
    }

    /// Whether the body can be sent a second time.
    var isRepeatable: Bool { self.availableBytes != nil }
}
