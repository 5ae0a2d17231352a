/// The value of a `tracestate` header that was found to be well formed, cut to what is passed on.
///
/// Nothing in Roost reads it; it is carried for the tracing systems of others. What arrives is bounded to ``maxBytes`` and
/// ``maxMembers``: members longer than 128 bytes go first, then members from the end (W3C Trace Context, section 3.3.1.5).
package struct TraceState: Sendable, Hashable, CustomStringConvertible {
    /// The greatest number of bytes that is passed on; the specification asks everybody for at least this much.
    package static let maxBytes = 512
    /// The greatest number of members that a header may have (section 3.3.1.1).
    package static let maxMembers = 32

    /// The header's value.
    package let description: String

    /// Checks and cuts a header's value; nil when a member is malformed, a key comes twice, or nothing is left.
    package init?(_ text: String) {
        guard text.utf8.count <= 8 * Self.maxBytes else { return nil }
        var members: [Substring] = []
        var keys: Set<Substring> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let member = Self.trimmed(part)
            if member.isEmpty { continue }
            guard let key = Self.key(of: member), keys.insert(key).inserted else { return nil }
            members.append(member)
        }
        guard !members.isEmpty, members.count <= Self.maxMembers else { return nil }
        if Self.byteCount(of: members) > Self.maxBytes { members.removeAll { $0.utf8.count > 128 } }
        while Self.byteCount(of: members) > Self.maxBytes { members.removeLast() }
        guard !members.isEmpty else { return nil }
        self.description = members.joined(separator: ",")
    }

    private static func byteCount(of members: [Substring]) -> Int {
        members.reduce(members.count - 1) { $0 + $1.utf8.count }
    }

    private static func trimmed(_ part: Substring) -> Substring {
        var part = part
        while let first = part.utf8.first, first == 0x20 || first == 0x09 { part.removeFirst() }
        while let last = part.utf8.last, last == 0x20 || last == 0x09 { part.removeLast() }
        return part
    }

    /// The key of a well-formed member, nil for any other (sections 3.3.1.3.1 and 3.3.1.3.2).
    private static func key(of member: Substring) -> Substring? {
        guard let equals = member.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let key = member[..<equals]
        let value = member[member.utf8.index(after: equals)...]
        guard (1...256).contains(value.utf8.count), value.utf8.allSatisfy(Self.isValueByte) else { return nil }
        let halves = key.split(separator: "@", omittingEmptySubsequences: false)
        switch halves.count {
        case 1: return Self.isKeyPart(halves[0], maxBytes: 256, mayStartWithDigit: false) ? key : nil
        case 2:
            let isTenant = Self.isKeyPart(halves[0], maxBytes: 241, mayStartWithDigit: true)
            return isTenant && Self.isKeyPart(halves[1], maxBytes: 14, mayStartWithDigit: false) ? key : nil
        default: return nil
        }
    }

    private static func isKeyPart(_ part: Substring, maxBytes: Int, mayStartWithDigit: Bool) -> Bool {
        guard let first = part.utf8.first, part.utf8.count <= maxBytes else { return false }
        guard Self.isLetter(first) || (mayStartWithDigit && Self.isDigit(first)) else { return false }
        return part.utf8.allSatisfy { byte in
            Self.isLetter(byte) || Self.isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "*")
                || byte == UInt8(ascii: "/")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "=")
    }
}
