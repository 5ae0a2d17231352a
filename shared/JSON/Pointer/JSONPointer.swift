/// A place inside a JSON document (RFC 6901), for example `/paths/~1pets/get`.
package struct JSONPointer: Sendable, Hashable {
    /// The names and array indices on the way down, unescaped; none points at the whole document.
    package var tokens: [String]

    /// Points at the place that `tokens` lead to.
    package init(_ tokens: [String] = []) { self.tokens = tokens }

    /// Reads a pointer in its string form, nil where it is neither empty nor starts with a slash, or where a `~` is not followed by
    /// `0` or `1`.
    package init?(_ text: String) {
        guard !text.isEmpty else {
            self.tokens = []
            return
        }
        guard text.utf8.first == .slash else { return nil }
        var tokens: [String] = []
        for escaped in text.utf8.dropFirst().split(separator: .slash, omittingEmptySubsequences: false) {
            guard let token = Self.unescape(escaped) else { return nil }
            tokens.append(token)
        }
        self.tokens = tokens
    }

    /// Reads a pointer in its URI fragment form, with or without the `#`; nil also where the percent-encoding is malformed.
    package init?(fragment: String) {
        let encoded = fragment.utf8.first == 0x23 ? String(fragment.dropFirst()) : fragment
        guard let text = encoded.removingPercentEncoding() else { return nil }
        self.init(text)
    }

    /// The pointer one step further down.
    package func appending(_ token: String) -> JSONPointer { JSONPointer(self.tokens + [token]) }

    /// The pointer to an element of the array that this one points at.
    package func appending(_ index: Int) -> JSONPointer { self.appending(String(index)) }

    /// The pointer in its URI fragment form, starting with `#`.
    package var fragment: String { "#" + self.description.addingPercentEncoding() }

    private static func unescape(_ escaped: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var iterator = escaped.makeIterator()
        while let byte = iterator.next() {
            guard byte == 0x7E else {
                bytes.append(byte)
                continue
            }
            switch iterator.next() {
            case .zero: bytes.append(0x7E)
            case .zero + 1: bytes.append(.slash)
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONPointer: CustomStringConvertible {
    /// The pointer in its string form.
    package var description: String {
        var bytes: [UInt8] = []
        for token in self.tokens {
            bytes.append(.slash)
            for byte in token.utf8 {
                switch byte {
                case 0x7E: bytes += [0x7E, .zero]
                case .slash: bytes += [0x7E, .zero + 1]
                default: bytes.append(byte)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    /// The value that `pointer` leads to, nil where a step does not exist.
    ///
    /// An array is entered by an index without superfluous zeros; `-`, the element after the last, never exists.
    package subscript(pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            guard let child = value.child(token) else { return nil }
            value = child
        }
        return value
    }

    /// The value one step down.
    func child(_ token: String) -> JSONValue? {
        switch self {
        case .object(let members): return members[token]
        case .array(let elements):
            guard let index = Int(token), String(index) == token, elements.indices.contains(index) else { return nil }
            return elements[index]
        default: return nil
        }
    }
}
