extension JSONText {
    /// The text for people, indented by two spaces, of which at most `maxCharacters` Unicode scalars are given; `isCut` tells whether
    /// something is missing.
    ///
    /// Works straight on the bytes and stops at the bound, so that the first page of a 10 MB result costs a page. Strings and numbers
    /// stay as they are spelled, empty containers stay closed. Indentation can make a deep text many times longer, so a stranger's text
    /// wants a bound.
    package func prettyPrefix(maxCharacters: Int) -> (text: String, isCut: Bool) {
        var printer = PrettyPrinter(maxCharacters: maxCharacters)
        let isComplete = self.bytes.withUnsafeBufferPointer { printer.print($0) }
        return (String(decoding: printer.output, as: UTF8.self), !isComplete)
    }
}

/// Lays out the bytes of a valid text until its room is used up.
private struct PrettyPrinter {
    private(set) var output: [UInt8] = []
    private var remaining: Int
    private var depth = 0

    init(maxCharacters: Int) { self.remaining = max(0, maxCharacters) }

    /// Tells whether all of it found room.
    mutating func print(_ source: UnsafeBufferPointer<UInt8>) -> Bool {
        var cursor = JSONTextCursor(source)
        while let byte = cursor.next {
            let fits =
                switch byte {
                case .quote: self.append(cursor.skipString())
                case .openBrace, .openBracket: self.open(byte, &cursor)
                case .closeBrace, .closeBracket: self.close(byte, &cursor)
                case .comma: self.separate(&cursor)
                case .colon: self.introduce(&cursor)
                default: self.append(cursor.skipScalar())
                }
            guard fits else { return false }
            cursor.skipWhitespace()
        }
        return true
    }

    private mutating func open(_ byte: UInt8, _ cursor: inout JSONTextCursor) -> Bool {
        cursor.advance()
        cursor.skipWhitespace()
        guard self.append(byte) else { return false }
        if let next = cursor.next, next == .closeBrace || next == .closeBracket {
            cursor.advance()
            return self.append(next)
        }
        self.depth += 1
        return self.breakLine()
    }

    private mutating func close(_ byte: UInt8, _ cursor: inout JSONTextCursor) -> Bool {
        cursor.advance()
        self.depth -= 1
        return self.breakLine() && self.append(byte)
    }

    private mutating func separate(_ cursor: inout JSONTextCursor) -> Bool {
        cursor.advance()
        return self.append(.comma) && self.breakLine()
    }

    private mutating func introduce(_ cursor: inout JSONTextCursor) -> Bool {
        cursor.advance()
        return self.append(.colon) && self.append(.space)
    }

    private mutating func breakLine() -> Bool {
        guard self.append(.lineFeed) else { return false }
        for _ in 0..<self.depth * 2 {
            guard self.append(.space) else { return false }
        }
        return true
    }

    private mutating func append(_ byte: UInt8) -> Bool {
        guard self.remaining > 0 else { return false }
        self.remaining -= 1
        self.output.append(byte)
        return true
    }

    /// Appends a token, or as many of its scalars as there is room for.
    private mutating func append(_ token: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        if token.count <= self.remaining {
            // Counting continuation bytes as scalars would cut early, so they give their room back.
            self.remaining -= token.count
            for byte in token where byte & 0xC0 == 0x80 { self.remaining += 1 }
            self.output.append(contentsOf: token)
            return true
        }
        for byte in token {
            if byte & 0xC0 != 0x80 {
                guard self.remaining > 0 else { return false }
                self.remaining -= 1
            }
            self.output.append(byte)
        }
        return true
    }
}
