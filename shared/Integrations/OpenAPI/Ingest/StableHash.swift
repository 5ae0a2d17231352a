/// FNV-1a, 64 bits: short suffixes that are the same on every machine and in every process. Not for anything that must resist an attack.
enum StableHash {
    /// The hash as `digits` (at most 16) lower-case hexadecimal digits.
    static func text(_ parts: [String], digits: Int = 8) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            // A byte that UTF-8 never has keeps ("ab", "c") and ("a", "bc") apart.
            hash = (hash ^ 0xFF) &* 0x100_0000_01b3
        }
        let text = String(hash, radix: 16)
        return String((String(repeating: "0", count: 16 - text.count) + text).prefix(digits))
    }

    /// The text itself where it has at most `count` characters, else its beginning with a hash of the whole.
    static func bounded(_ text: String, to count: Int) -> String {
        text.count <= count ? text : "\(text.prefix(max(1, count - 9)))_\(self.text([text]))"
    }
}
