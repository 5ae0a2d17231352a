/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The bytes as text.
    static func encode(_ bytes: [UInt8]) -> String {
        // Into the string's own storage: a file of 10 MB is written once and not copied.
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { target in
            var written = 0
            var index = 0
            while index < bytes.count {
                let count = min(3, bytes.count - index)
                var group = UInt32(bytes[index]) << 16
                if count > 1 { group |= UInt32(bytes[index + 1]) << 8 }
                if count > 2 { group |= UInt32(bytes[index + 2]) }
                for position in 0..<4 {
                    target[written + position] =
                        position <= count ? self.alphabet[Int(group >> UInt32(18 - 6 * position)) & 63] : UInt8(ascii: "=")
                }
                written += 4
                index += 3
            }
            return written
        }
    }
}
