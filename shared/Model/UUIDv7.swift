/// Makes and checks version 7 UUIDs (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits.
enum UUIDv7 {
    /// Makes one for now, in lower case.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = UInt64(bitPattern: Timestamp.now().microseconds / 1000)
        let high = (milliseconds << 16) | 0x7000 | (generator.next() & 0x0FFF)
        let low = (0b10 << 62) | (generator.next() & (UInt64.max >> 2))
        return self.text(high: high, low: low)
    }

    /// Whether the bytes are a lower-case UUID with version 7 and the RFC's variant.
    static func isCanonical(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count == 36 else { return false }
        for (position, byte) in bytes.enumerated() {
            switch position {
            case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return false }
            case 14: guard byte == UInt8(ascii: "7") else { return false }
            case 19:
                guard byte == UInt8(ascii: "8") || byte == UInt8(ascii: "9") || byte == UInt8(ascii: "a") || byte == UInt8(ascii: "b")
                else { return false }
            default:
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
                else { return false }
            }
        }
        return true
    }

    private static func text(high: UInt64, low: UInt64) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { bytes.append(UInt8(ascii: "-")) }
            let word = index < 16 ? high : low
            bytes.append(digits[Int((word >> UInt64(60 - (index % 16) * 4)) & 0xF)])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
