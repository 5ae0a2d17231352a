import NIOCore

/// Cuts what an esbuild service writes into its packets; the first one is its version as bare text.
struct EsbuildPacketDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    private let maxPacketBytes: Int

    init(maxPacketBytes: Int) { self.maxPacketBytes = maxPacketBytes }

    mutating func decode(buffer: inout ByteBuffer) throws -> ByteBuffer? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, endianness: .little, as: UInt32.self) else { return nil }
        guard Int(length) <= self.maxPacketBytes else { throw EsbuildPacket.Malformed() }
        guard buffer.readableBytes >= 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        return buffer.readSlice(length: Int(length))
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ByteBuffer? { try self.decode(buffer: &buffer) }
}
