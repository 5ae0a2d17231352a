/// Lower-case hexadecimal digits, the only form that trace headers allow.
enum Hexadecimal {
    /// The value of at most 16 digits; nil when a byte is not a lower-case digit.
    static func value(of digits: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// The 16 digits of a value.
    static func text(of value: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { text in
            self.write(value, to: text, at: 0)
            return 16
        }
    }

    /// Writes the 16 digits of a value into a buffer that has room for them.
    static func write(_ value: UInt64, to text: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 0xF
            text[start + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}
