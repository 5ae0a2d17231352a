import JSON

/// Walks over the members of one object within bytes that are known to be valid JSON, without reading their values.
///
/// This is what lets a body be looked at and passed on as it came: nothing is copied but the names.
struct JSONMembers: Sequence, IteratorProtocol {
    /// One member: its name, unescaped, and where its value stands.
    struct Member {
        let name: String
        let value: Range<Int>
    }

    private let bytes: [UInt8]
    private var position: Int

    /// Begins at the object that starts at `start`; nil when what starts there is no object.
    init?(of bytes: [UInt8], at start: Int) {
        guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return nil }
        self.bytes = bytes
        self.position = start + 1
    }

    mutating func next() -> Member? {
        self.skip { $0 == UInt8(ascii: ",") || Self.isWhitespace($0) }
        guard self.position < self.bytes.count, self.bytes[self.position] == UInt8(ascii: "\"") else { return nil }
        let nameStart = self.position
        self.skipString()
        let name = Self.string(self.bytes[nameStart..<self.position]) ?? ""
        self.skip { $0 == UInt8(ascii: ":") || Self.isWhitespace($0) }
        let valueStart = self.position
        self.skipValue()
        return Member(name: name, value: valueStart..<self.position)
    }

    private mutating func skip(while matches: (UInt8) -> Bool) {
        while self.position < self.bytes.count, matches(self.bytes[self.position]) { self.position += 1 }
    }

    /// Passes over a string whose opening quote is next.
    private mutating func skipString() {
        self.position += 1
        while self.position < self.bytes.count {
            switch self.bytes[self.position] {
            case UInt8(ascii: "\\"): self.position += 2
            case UInt8(ascii: "\""):
                self.position += 1
                return
            default: self.position += 1
            }
        }
    }

    /// Passes over a value. Brackets of both kinds count alike, because the text is valid.
    private mutating func skipValue() {
        var depth = 0
        while self.position < self.bytes.count {
            switch self.bytes[self.position] {
            case UInt8(ascii: "\""):
                self.skipString()
                if depth == 0 { return }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                self.position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { return }
                depth -= 1
                self.position += 1
                if depth == 0 { return }
            case UInt8(ascii: ","):
                guard depth > 0 else { return }
                self.position += 1
            case let byte where depth == 0 && Self.isWhitespace(byte):
                return
            default: self.position += 1
            }
        }
    }

    /// The string that a token of a valid text stands for; nil when it is something else.
    static func string(_ token: ArraySlice<UInt8>) -> String? {
        guard token.first == UInt8(ascii: "\"") else { return nil }
        // Hardly any has something to unescape.
        guard token.contains(UInt8(ascii: "\\")) else { return String(decoding: token.dropFirst().dropLast(), as: UTF8.self) }
        return (try? JSONValue(parsing: Array(token)))?.string
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
