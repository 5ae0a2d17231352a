import NIOCore

/// A value of esbuild's service protocol: one tag byte, then the value; lengths and counts are little-endian u32.
enum EsbuildValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(UInt32)
    case string(String)
    case bytes([UInt8])
    case array([EsbuildValue])
    /// Keys carry no tag.
    case object([String: EsbuildValue])

    subscript(key: String) -> EsbuildValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var string: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    var integer: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
    var array: [EsbuildValue]? { if case .array(let values) = self { values } else { nil } }
}

/// One packet of that protocol: a length, then `id << 1 | isResponse`, then a value.
struct EsbuildPacket: Equatable {
    var id: UInt32
    var isResponse: Bool
    var value: EsbuildValue

    /// Bytes that are no packet: the process is not the one we think it is.
    struct Malformed: Error {}

    /// How deep values nest at most; esbuild's own answers stay below six.
    private static let maxDepth = 16

    init(id: UInt32, isResponse: Bool, value: EsbuildValue) {
        self.id = id
        self.isResponse = isResponse
        self.value = value
    }

    /// Reads a packet's content, without its length.
    init(parsing buffer: ByteBuffer) throws(Malformed) {
        var buffer = buffer
        guard let head = buffer.readInteger(endianness: .little, as: UInt32.self) else { throw Malformed() }
        self.id = head >> 1
        self.isResponse = head & 1 == 1
        self.value = try Self.readValue(&buffer, depth: 0)
        guard buffer.readableBytes == 0 else { throw Malformed() }
    }

    /// The packet with its length before it.
    var encoded: ByteBuffer {
        var content = ByteBuffer()
        content.writeInteger(self.id << 1 | (self.isResponse ? 1 : 0), endianness: .little)
        Self.write(self.value, to: &content)
        var packet = ByteBuffer()
        packet.reserveCapacity(4 + content.readableBytes)
        packet.writeInteger(UInt32(content.readableBytes), endianness: .little)
        packet.writeImmutableBuffer(content)
        return packet
    }

    private static func readValue(_ buffer: inout ByteBuffer, depth: Int) throws(Malformed) -> EsbuildValue {
        guard depth < Self.maxDepth, let tag = buffer.readInteger(as: UInt8.self) else { throw Malformed() }
        switch tag {
        case 0:
            return .null
        case 1:
            guard let byte = buffer.readInteger(as: UInt8.self) else { throw Malformed() }
            return .bool(byte != 0)
        case 2:
            guard let value = buffer.readInteger(endianness: .little, as: UInt32.self) else { throw Malformed() }
            return .integer(value)
        case 3:
            return .string(try self.readText(&buffer))
        case 4:
            return .bytes(Array(try self.readSlice(&buffer).readableBytesView))
        case 5:
            var values: [EsbuildValue] = []
            for _ in 0..<(try self.readCount(&buffer)) { values.append(try self.readValue(&buffer, depth: depth + 1)) }
            return .array(values)
        case 6:
            var members: [String: EsbuildValue] = [:]
            for _ in 0..<(try self.readCount(&buffer)) {
                let key = try self.readText(&buffer)
                members[key] = try self.readValue(&buffer, depth: depth + 1)
            }
            return .object(members)
        default:
            throw Malformed()
        }
    }

    private static func readCount(_ buffer: inout ByteBuffer) throws(Malformed) -> Int {
        // Every element takes at least one byte, so that a count cannot promise more work than there are bytes.
        guard let count = buffer.readInteger(endianness: .little, as: UInt32.self), Int(count) <= buffer.readableBytes else {
            throw Malformed()
        }
        return Int(count)
    }

    private static func readSlice(_ buffer: inout ByteBuffer) throws(Malformed) -> ByteBuffer {
        guard
            let count = buffer.readInteger(endianness: .little, as: UInt32.self),
            let slice = buffer.readSlice(length: Int(count))
        else { throw Malformed() }
        return slice
    }

    private static func readText(_ buffer: inout ByteBuffer) throws(Malformed) -> String {
        String(decoding: try self.readSlice(&buffer).readableBytesView, as: UTF8.self)
    }

    private static func write(_ value: EsbuildValue, to buffer: inout ByteBuffer) {
        switch value {
        case .null:
            buffer.writeInteger(UInt8(0))
        case .bool(let value):
            buffer.writeBytes([1, value ? 1 : 0])
        case .integer(let value):
            buffer.writeInteger(UInt8(2))
            buffer.writeInteger(value, endianness: .little)
        case .string(let text):
            buffer.writeInteger(UInt8(3))
            self.write(text, to: &buffer)
        case .bytes(let bytes):
            buffer.writeInteger(UInt8(4))
            buffer.writeInteger(UInt32(bytes.count), endianness: .little)
            buffer.writeBytes(bytes)
        case .array(let values):
            buffer.writeInteger(UInt8(5))
            buffer.writeInteger(UInt32(values.count), endianness: .little)
            for value in values { self.write(value, to: &buffer) }
        case .object(let members):
            buffer.writeInteger(UInt8(6))
            buffer.writeInteger(UInt32(members.count), endianness: .little)
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                self.write(key, to: &buffer)
                self.write(value, to: &buffer)
            }
        }
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt32(text.utf8.count), endianness: .little)
        buffer.writeString(text)
    }
}
