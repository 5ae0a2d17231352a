import CSandbox
import Glibc

/// Reads and writes the frames of `protocol.h`, blocking, on the one descriptor that a child has.
enum FrameChannel {
    /// A frame from the host. Owns its bytes; a NUL stands behind them.
    struct Incoming: ~Copyable {
        let type: UInt32
        let bytes: UnsafeMutablePointer<UInt8>
        let count: Int
        private var offset = 0

        fileprivate init(type: UInt32, bytes: UnsafeMutablePointer<UInt8>, count: Int) {
            self.type = type
            self.bytes = bytes
            self.count = count
        }

        deinit { free(self.bytes) }

        mutating func readUInt32() -> UInt32 { self.readInteger() }
        mutating func readUInt64() -> UInt64 { self.readInteger() }

        /// A text of known length.
        mutating func readText(byteCount: Int) -> String {
            let start = self.advance(byteCount)
            return String(decoding: UnsafeBufferPointer(start: self.bytes + start, count: byteCount), as: UTF8.self)
        }

        /// Gives everything that is left, up to a NUL, to `body`; not beyond, since the frame's end frees it.
        func withRest<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
            body(UnsafeRawPointer(self.bytes + self.offset).assumingMemoryBound(to: CChar.self))
        }

        private mutating func readInteger<Integer: FixedWidthInteger>() -> Integer {
            let start = self.advance(MemoryLayout<Integer>.size)
            return Integer(littleEndian: UnsafeRawPointer(self.bytes + start).loadUnaligned(as: Integer.self))
        }

        private mutating func advance(_ count: Int) -> Int {
            guard count <= self.count - self.offset else { _exit(Int32(SANDBOX_EXIT_CHANNEL)) }
            defer { self.offset += count }
            return self.offset
        }
    }

    /// Waits for the next frame; ends the process when the host is gone.
    static func read() -> Incoming {
        let descriptor = Int32(SANDBOX_CHANNEL_FD)
        var header: (UInt32, UInt8) = (0, 0)
        guard
            sandbox_read_fully(descriptor, &header.0, MemoryLayout<UInt32>.size) == 1,
            sandbox_read_fully(descriptor, &header.1, 1) == 1
        else { _exit(Int32(SANDBOX_EXIT_CHANNEL)) }
        let count = Int(UInt32(littleEndian: header.0))
        guard let memory = malloc(count + 1) else { _exit(Int32(SANDBOX_EXIT_MEMORY)) }
        let bytes = memory.assumingMemoryBound(to: UInt8.self)
        guard sandbox_read_fully(descriptor, bytes, count) == 1 else { _exit(Int32(SANDBOX_EXIT_CHANNEL)) }
        bytes[count] = 0
        return Incoming(type: UInt32(header.1), bytes: bytes, count: count)
    }

    /// Waits until a frame begins to arrive, at most so many milliseconds; negative waits for ever.
    static func waitForFrame(milliseconds: Int32) -> Bool {
        sandbox_wait_readable(Int32(SANDBOX_CHANNEL_FD), milliseconds) != 0
    }

    /// Reads what still comes until the host is gone, and ends the process: an exit with unread bytes would look like a reset to the
    /// host, which might then miss the last frames.
    static func drain() -> Never {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            while Glibc.read(Int32(SANDBOX_CHANNEL_FD), buffer.baseAddress, buffer.count) > 0 {}
        }
        _exit(0)
    }

    /// A frame to the host, put together field by field: numbers, and texts of which every one but the last carries its length.
    struct Outgoing: ~Copyable {
        private var pieces: [UnsafeRawBufferPointer] = []
        private var byteCount = 0

        init() {}

        deinit { for piece in self.pieces { free(UnsafeMutableRawPointer(mutating: piece.baseAddress)) } }

        mutating func append(_ number: UInt32) {
            guard let memory = malloc(4) else { _exit(Int32(SANDBOX_EXIT_MEMORY)) }
            memory.storeBytes(of: number.littleEndian, as: UInt32.self)
            self.append(owning: UnsafeRawBufferPointer(start: memory, count: 4))
        }

        /// Takes memory from `malloc`.
        mutating func append(owning bytes: UnsafeRawBufferPointer) {
            self.pieces.append(bytes)
            self.byteCount += bytes.count
        }

        /// Writes the frame, to the host unless told otherwise; ends the process when the host is gone. Large texts are written from where
        /// they are.
        consuming func send(type: UInt8, to descriptor: Int32 = Int32(SANDBOX_CHANNEL_FD)) {
            guard let length = UInt32(exactly: self.byteCount) else { _exit(Int32(SANDBOX_EXIT_MEMORY)) }
            let isSmall = self.byteCount < 8192
            var head: [UInt8] = []
            head.reserveCapacity(SANDBOX_FRAME_HEADER_SIZE + (isSmall ? self.byteCount : 0))
            withUnsafeBytes(of: length.littleEndian) { head.append(contentsOf: $0) }
            head.append(type)
            if isSmall { for piece in self.pieces { head.append(contentsOf: piece) } }
            var status = sandbox_write_fully(descriptor, head, head.count)
            if !isSmall {
                for piece in self.pieces where status == 1 { status = sandbox_write_fully(descriptor, piece.baseAddress, piece.count) }
            }
            guard status == 1 else { _exit(Int32(SANDBOX_EXIT_CHANNEL)) }
        }
    }
}
