/// A few top-level members of an object, read in one pass over its text without building the rest.
///
/// A gateway learns `method` and `id` of a message this way and passes the message on as it came. Of two members with one name the
/// later counts, as for ``JSONValue``, so that whoever reads the whole message later sees the same. A text that is no object has no
/// members.
package struct JSONEnvelope: Sendable {
    private var members: [(name: String, text: JSONText)] = []

    /// Reads the members called `names`.
    package init(of text: JSONText, reading names: [String]) {
        guard text.kind == .object else { return }
        let ranges = text.bytes.withUnsafeBufferPointer { Self.ranges(of: names, in: $0) }
        for (name, range) in zip(names, ranges) {
            if let range { self.members.append((name, JSONText(trusted: Array(text.bytes[range])))) }
        }
    }

    /// The text of a member that was asked for and is there.
    package subscript(name: String) -> JSONText? { self.members.first { $0.name.hasSameBytes(as: name) }?.text }

    private static func ranges(of names: [String], in bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>?] {
        var ranges = [Range<Int>?](repeating: nil, count: names.count)
        var cursor = JSONTextCursor(bytes)
        cursor.advance()
        cursor.skipWhitespace()
        while cursor.next == .quote {
            let key = String(unescapingJSON: UnsafeBufferPointer(rebasing: cursor.skipString().dropFirst().dropLast()))
            cursor.skipWhitespace()
            cursor.advance()
            cursor.skipWhitespace()
            let value = cursor.skipValue()
            for (index, name) in names.enumerated() where name.hasSameBytes(as: key) { ranges[index] = value.startIndex..<value.endIndex }
            cursor.skipWhitespace()
            if cursor.next == .comma { cursor.advance() }
            cursor.skipWhitespace()
        }
        return ranges
    }
}
