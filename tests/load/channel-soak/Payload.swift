/// Bodies whose content follows from a number, so that either side can check them without the other.
struct Payload {
    private var state: UInt64
    private(set) var left: Int

    /// The payload of a request: so many bytes.
    init(request: Int, count: Int) {
        self.state = UInt64(truncatingIfNeeded: request) &* 0x9E37_79B9_7F4A_7C15 | 1
        self.left = count
    }

    /// The next bytes, at most so many; empty at the end.
    mutating func next(_ maxCount: Int) -> [UInt8] {
        let count = min(maxCount, self.left)
        self.left -= count
        return (0..<count).map { _ in
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: self.state >> 56)
        }
    }
}

/// A running checksum (FNV-1a).
struct Checksum: Equatable, Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { self.value = (self.value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
}
