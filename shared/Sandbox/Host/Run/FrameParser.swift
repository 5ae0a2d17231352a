import CSandbox
import NIOCore

/// Cuts a child's byte stream into frames, however the bytes arrive. Holds at most one frame: a large one costs its size once.
struct FrameParser {
    private enum State {
        /// Collecting the five bytes of a header.
        case header
        /// Collecting so many more bytes of a payload.
        case payload(Frame.Kind, missing: Int)
    }

    private var state = State.header
    private var bytes: [UInt8] = []

    /// Takes bytes from `buffer` until a frame is whole or they are used up.
    ///
    /// `admit` decides over a frame by its kind and length before a byte of it is kept.
    mutating func next(
        from buffer: inout ByteBuffer, admit: (Frame.Kind, Int) throws(FrameFault) -> Void
    ) throws(FrameFault) -> Frame? {
        while true {
            switch self.state {
            case .header:
                self.take(SANDBOX_FRAME_HEADER_SIZE - self.bytes.count, from: &buffer)
                guard self.bytes.count == SANDBOX_FRAME_HEADER_SIZE else { return nil }
                let length = (0..<4).reduce(0) { $0 | Int(self.bytes[$1]) << (8 * $1) }
                guard let kind = Frame.Kind(type: self.bytes[4]) else { throw .violation("a frame of an unknown type") }
                try admit(kind, length)
                self.bytes = []
                self.bytes.reserveCapacity(length)
                self.state = .payload(kind, missing: length)
            case .payload(let kind, let missing):
                let taken = self.take(missing, from: &buffer)
                self.state = .payload(kind, missing: missing - taken)
                guard taken == missing else { return nil }
                let payload = self.bytes
                self.bytes = []
                self.state = .header
                return try Frame(kind, payload: payload)
            }
        }
    }

    @discardableResult
    private mutating func take(_ count: Int, from buffer: inout ByteBuffer) -> Int {
        let count = min(count, buffer.readableBytes)
        guard let slice = buffer.readSlice(length: count) else { return 0 }
        self.bytes.append(contentsOf: slice.readableBytesView)
        return count
    }
}
