/// The bytes with a meaning in JSON's grammar (RFC 8259), named so that a `switch` over a byte reads like the grammar.
extension UInt8 {
    static var quote: UInt8 { 0x22 }
    static var backslash: UInt8 { 0x5C }
    static var slash: UInt8 { 0x2F }
    static var openBrace: UInt8 { 0x7B }
    static var closeBrace: UInt8 { 0x7D }
    static var openBracket: UInt8 { 0x5B }
    static var closeBracket: UInt8 { 0x5D }
    static var colon: UInt8 { 0x3A }
    static var comma: UInt8 { 0x2C }
    static var minus: UInt8 { 0x2D }
    static var plus: UInt8 { 0x2B }
    static var period: UInt8 { 0x2E }
    static var space: UInt8 { 0x20 }
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var zero: UInt8 { 0x30 }
    static var lowerB: UInt8 { 0x62 }
    static var lowerE: UInt8 { 0x65 }
    static var lowerF: UInt8 { 0x66 }
    static var lowerN: UInt8 { 0x6E }
    static var lowerR: UInt8 { 0x72 }
    static var lowerT: UInt8 { 0x74 }
    static var lowerU: UInt8 { 0x75 }

    /// Whether this is one of the ten digits.
    var isDigit: Bool { self &- .zero <= 9 }

    /// Whether this is one of the four bytes that may stand between tokens.
    var isWhitespace: Bool { self == .space || self == .lineFeed || self == .carriageReturn || self == .tab }

    /// The value of a hexadecimal digit in either case, nil for any other byte.
    var hexDigitValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }
}

/// The lower-case hexadecimal digit for the low four bits of `value`.
func hexDigit(_ value: UInt8) -> UInt8 {
    let nibble = value & 0xF
    return nibble < 10 ? .zero + nibble : 0x57 + nibble
}
