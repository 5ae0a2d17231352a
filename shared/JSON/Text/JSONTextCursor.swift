/// Walks over the tokens of bytes that are known to be a valid JSON text, and therefore cannot fail.
///
/// Stops at the end of the bytes whatever they hold, so that a text wrongly trusted gives wrong answers but never reads outside.
struct JSONTextCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    /// The next byte to look at.
    private(set) var position: Int

    /// Starts at `position`.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// The next byte, or nil at the end.
    var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    /// Passes over one byte, if there is one.
    mutating func advance() { self.position = min(self.position + 1, self.bytes.count) }

    mutating func skipWhitespace() {
        while let byte = self.next, byte.isWhitespace { self.advance() }
    }

    /// Passes over a string, whose opening quote is next, and gives it with its quotes.
    mutating func skipString() -> Slice<UnsafeBufferPointer<UInt8>> {
        let start = self.position
        self.advance()
        while true {
            self.position = self.bytes.firstIndexOfSpecialByte(from: self.position)
            switch self.next {
            case .quote:
                self.advance()
                return self.bytes[start..<self.position]
            case .backslash:
                self.advance()
                self.advance()
            case .some: self.advance()
            case nil: return self.bytes[start..<self.position]
            }
        }
    }

    /// Passes over a number or a literal.
    mutating func skipScalar() -> Slice<UnsafeBufferPointer<UInt8>> {
        let start = self.position
        while let byte = self.next, byte != .comma, byte != .closeBrace, byte != .closeBracket, !byte.isWhitespace { self.advance() }
        // A byte that starts nothing must not stop the walk.
        if self.position == start { self.advance() }
        return self.bytes[start..<self.position]
    }

    /// Passes over a whole value of any kind.
    mutating func skipValue() -> Slice<UnsafeBufferPointer<UInt8>> {
        let start = self.position
        var depth = 0
        repeat {
            switch self.next {
            case .quote: _ = self.skipString()
            case .openBrace, .openBracket:
                depth += 1
                self.advance()
            case .closeBrace, .closeBracket:
                depth -= 1
                self.advance()
            case .comma, .colon: self.advance()
            default: _ = self.skipScalar()
            }
            if depth > 0 { self.skipWhitespace() }
        } while depth > 0 && self.next != nil
        return self.bytes[start..<self.position]
    }
}
