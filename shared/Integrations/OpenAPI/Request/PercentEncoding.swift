/// Percent-encoding (RFC 3986, section 2.1).
enum PercentEncoding {
    /// Which characters stay as they are.
    enum Allowed {
        /// Unreserved ones only, so that a value can never be read as part of the URL's structure.
        case unreserved
        /// Reserved ones too, and octets that are encoded already (RFC 6570, section 3.2.3), but for those that OpenAPI 3.1.1, section
        /// 4.8.12.2, leaves to the application: in a query `[ ] # & +`, and in a path `? #`.
        case reservedInQuery, reservedInPath
    }

    /// Encodes the UTF-8 bytes of a text.
    static func encode(_ text: String, keeping allowed: Allowed = .unreserved) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        let source = Array(text.utf8)
        for (index, byte) in source.enumerated() {
            if byte.isUnreserved || self.keeps(byte, at: index, of: source, allowed) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), self.digits[Int(byte >> 4)], self.digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func keeps(_ byte: UInt8, at index: Int, of source: [UInt8], _ allowed: Allowed) -> Bool {
        if case .unreserved = allowed { return false }
        if byte == UInt8(ascii: "%") {
            return index + 2 < source.count && source[index + 1].isHexDigit && source[index + 2].isHexDigit
        }
        switch allowed {
        case .unreserved: return false
        case .reservedInQuery: return ":/?@!$'()*,;=".utf8.contains(byte)
        case .reservedInPath: return ":/@!$&'()*+,;=".utf8.contains(byte)
        }
    }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isHexDigit: Bool { self.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20) }
    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    /// RFC 3986, section 2.3.
    var isUnreserved: Bool { self.isLetter || self.isDigit || "-._~".utf8.contains(self) }
}
