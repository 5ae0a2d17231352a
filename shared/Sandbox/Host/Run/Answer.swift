import CSandbox
import JSON
import Model
import NIOCore

/// A frame to a child. The first one carries the program; every other answers one of its questions.
struct Answer: Sendable {
    /// What the frame says.
    enum Content: Sendable {
        case program(code: String, seed: UInt64, startTime: Timestamp)
        case fulfil(call: UInt32, SplicedJSON)
        case reject(call: UInt32, name: String, message: String)
        /// A moment that the program asked for has come.
        case wakeUp
        /// One of the attacks that a worker built for debugging knows.
        case selfTest(String)
    }

    /// How much is written at once, so that the socket's queue never holds more of a large answer than this, twice.
    private static let chunkSize = 128 << 10

    let content: Content
    /// The program's clock from now on, counted from the start of the run.
    let elapsed: Duration

    /// Writes the frame piece by piece, each when the child has made room for it.
    func write(_ write: (ByteBuffer) async throws -> Void) async throws {
        let (type, fields, body) = self.parts
        let length = 8 + fields.readableBytes + body.reduce(0) { $0 + $1.count }
        var head = ByteBuffer()
        head.reserveCapacity(SANDBOX_FRAME_HEADER_SIZE + min(length, Self.chunkSize))
        head.writeInteger(UInt32(length), endianness: .little)
        head.writeInteger(UInt8(type))
        head.writeInteger(UInt64(max(0, self.elapsed / .microseconds(1))), endianness: .little)
        head.writeImmutableBuffer(fields)
        if length <= Self.chunkSize {
            for piece in body { head.writeBytes(piece) }
            return try await write(head)
        }
        try await write(head)
        for piece in body {
            for start in stride(from: 0, to: piece.count, by: Self.chunkSize) {
                try await write(ByteBuffer(bytes: piece[start..<min(start + Self.chunkSize, piece.count)]))
            }
        }
    }

    private var parts: (type: UInt32, fields: ByteBuffer, body: [[UInt8]]) {
        var fields = ByteBuffer()
        switch self.content {
        case .program(let code, let seed, let startTime):
            fields.writeInteger(seed, endianness: .little)
            fields.writeInteger(startTime.microseconds, endianness: .little)
            return (SANDBOX_PROGRAM.rawValue, fields, [Array(code.utf8)])
        case .fulfil(let call, let json):
            fields.writeInteger(call, endianness: .little)
            return (SANDBOX_FULFILL.rawValue, fields, [json.prefix, json.body.bytes, json.suffix])
        case .reject(let call, let name, let message):
            fields.writeInteger(call, endianness: .little)
            fields.writeInteger(UInt32(name.utf8.count), endianness: .little)
            fields.writeString(name)
            return (SANDBOX_REJECT.rawValue, fields, [Array(message.utf8)])
        case .wakeUp:
            return (SANDBOX_WAKE_UP.rawValue, fields, [])
        case .selfTest(let attack):
            return (SANDBOX_SELF_TEST.rawValue, fields, [Array(attack.utf8)])
        }
    }
}
