/// Splits TypeScript text into the tokens of its outermost level, with everything between matching brackets as one token.
///
/// This is a lexer, not a parser: it knows strings, templates, comments and regular expressions well enough to find where brackets
/// match. JavaScript cannot be lexed exactly without parsing (a `/` may divide or start a regular expression); where the guess is
/// wrong, brackets do not match and the scanner fails, and its caller then leaves the program as it is.
struct SourceScanner {
    /// One token of the outermost level.
    struct Token: Equatable {
        enum Kind: Equatable {
            case identifier(String)
            case number
            /// A string, a template or a regular expression.
            case literal
            /// Everything from an opening bracket, which is given, to its closing one.
            case group(UInt8)
            /// `=>`.
            case arrow
            /// `++` or `--`.
            case step
            /// Any other single character.
            case punctuator(UInt8)
            /// The end of the text.
            case end
        }

        let kind: Kind
        let range: Range<Int>
        /// Whether a line ends between the token before and this one.
        let isAfterNewline: Bool
    }

    /// The deepest nesting of brackets and templates that is followed; deeper text fails.
    static let maxDepth = 200

    private let bytes: ArraySlice<UInt8>
    private(set) var position: Int
    /// Whether a `/` here starts a regular expression.
    private var expectsOperand = true
    private var depth = 0

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    /// Takes the next token, `.end` for ever after the last; nil when a bracket, string or comment is not closed.
    mutating func next() -> Token? {
        guard let isAfterNewline = self.skipTrivia() else { return nil }
        let start = self.position
        guard let byte = self.peek() else { return Token(kind: .end, range: start..<start, isAfterNewline: isAfterNewline) }
        guard let kind = self.scan(byte) else { return nil }
        self.expectsOperand = kind.isFollowedByOperand
        return Token(kind: kind, range: start..<self.position, isAfterNewline: isAfterNewline)
    }

    // MARK: Tokens

    private mutating func scan(_ byte: UInt8) -> Token.Kind? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return self.skipString(byte) ? .literal : nil
        case UInt8(ascii: "`"):
            return self.skipTemplate() ? .literal : nil
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
            return self.skipGroup(byte) ? .group(byte) : nil
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
            return nil
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            self.skipWhile { $0.isWordByte || $0 == UInt8(ascii: ".") }
            return .number
        case UInt8(ascii: "/"):
            if self.expectsOperand, self.skipRegularExpression() { return .literal }
        case UInt8(ascii: "=") where self.peek(1) == UInt8(ascii: ">"):
            self.position += 2
            return .arrow
        case UInt8(ascii: "+") where self.peek(1) == byte, UInt8(ascii: "-") where self.peek(1) == byte:
            self.position += 2
            return .step
        default:
            guard byte.isWordByte || byte == UInt8(ascii: "#") else { break }
            let start = self.position
            self.position += 1
            self.skipWhile(\.isWordByte)
            return .identifier(String(decoding: self.bytes[start..<self.position], as: UTF8.self))
        }
        self.position += 1
        return .punctuator(byte)
    }

    private mutating func skipGroup(_ open: UInt8) -> Bool {
        guard self.depth < Self.maxDepth else { return false }
        let close = open == UInt8(ascii: "(") ? UInt8(ascii: ")") : open == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: "}")
        self.depth += 1
        defer { self.depth -= 1 }
        self.position += 1
        self.expectsOperand = true
        while true {
            guard self.skipTrivia() != nil, let byte = self.peek() else { return false }
            if byte == close {
                self.position += 1
                return true
            }
            guard let kind = self.scan(byte) else { return false }
            self.expectsOperand = kind.isFollowedByOperand
        }
    }

    private mutating func skipString(_ quote: UInt8) -> Bool {
        self.position += 1
        while let byte = self.peek() {
            switch byte {
            case quote:
                self.position += 1
                return true
            case UInt8(ascii: "\\"):
                self.position += 2
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                return false
            default:
                self.position += 1
            }
        }
        return false
    }

    private mutating func skipTemplate() -> Bool {
        self.position += 1
        while let byte = self.peek() {
            switch byte {
            case UInt8(ascii: "`"):
                self.position += 1
                return true
            case UInt8(ascii: "\\"):
                self.position += 2
            case UInt8(ascii: "$") where self.peek(1) == UInt8(ascii: "{"):
                self.position += 1
                guard self.skipGroup(UInt8(ascii: "{")) else { return false }
            default:
                self.position += 1
            }
        }
        return false
    }

    /// Skips a regular expression and its flags. Stays where it is, and says no, when none ends on this line: it was a division then.
    private mutating func skipRegularExpression() -> Bool {
        var index = self.position + 1
        var isInClass = false
        while index < self.bytes.endIndex {
            switch self.bytes[index] {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                return false
            case UInt8(ascii: "\\"):
                index += 1
            case UInt8(ascii: "["):
                isInClass = true
            case UInt8(ascii: "]"):
                isInClass = false
            case UInt8(ascii: "/") where !isInClass:
                self.position = index + 1
                self.skipWhile(\.isWordByte)
                return true
            default:
                break
            }
            index += 1
        }
        return false
    }

    // MARK: Trivia

    /// Skips white space and comments; says whether a line ended in them, nil when a comment does not end.
    private mutating func skipTrivia() -> Bool? {
        var isNewline = false
        while let byte = self.peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), 0x0B, 0x0C:
                self.position += 1
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                isNewline = true
                self.position += 1
            case UInt8(ascii: "/") where self.peek(1) == UInt8(ascii: "/"):
                self.skipWhile { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            case UInt8(ascii: "/") where self.peek(1) == UInt8(ascii: "*"):
                guard let endsLine = self.skipBlockComment() else { return nil }
                isNewline = isNewline || endsLine
            case 0xC2 where self.peek(1) == 0xA0:
                self.position += 2
            case 0xEF where self.peek(1) == 0xBB && self.peek(2) == 0xBF:
                self.position += 3
            case 0xE2 where self.peek(1) == 0x80 && (self.peek(2) == 0xA8 || self.peek(2) == 0xA9):
                isNewline = true
                self.position += 3
            default:
                return isNewline
            }
        }
        return isNewline
    }

    private mutating func skipBlockComment() -> Bool? {
        var isNewline = false
        self.position += 2
        while let byte = self.peek() {
            if byte == UInt8(ascii: "*"), self.peek(1) == UInt8(ascii: "/") {
                self.position += 2
                return isNewline
            }
            isNewline = isNewline || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
            self.position += 1
        }
        return nil
    }

    private func peek(_ offset: Int = 0) -> UInt8? {
        self.position + offset < self.bytes.endIndex ? self.bytes[self.position + offset] : nil
    }

    private mutating func skipWhile(_ condition: (UInt8) -> Bool) {
        while let byte = self.peek(), condition(byte) { self.position += 1 }
    }
}

extension SourceScanner.Token {
    /// Whether the token is this word.
    func isWord(_ word: String) -> Bool { self.kind == .identifier(word) }

    /// Whether the token is this character, alone.
    func isPunctuator(_ character: Unicode.Scalar) -> Bool { self.kind == .punctuator(UInt8(ascii: character)) }

    /// Whether the token is a group that opens with this character.
    func isGroup(_ character: Unicode.Scalar) -> Bool { self.kind == .group(UInt8(ascii: character)) }
}

extension SourceScanner.Token.Kind {
    /// The words after which an operand follows; after every other one an operator does.
    private static let prefixWords: Set<String> = [
        "return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else", "await", "yield", "extends",
    ]

    /// Whether an operand, and not an operator, is to be expected next.
    var isFollowedByOperand: Bool {
        switch self {
        case .identifier(let word): Self.prefixWords.contains(word)
        case .number, .literal, .step: false
        case .group(let open): open == UInt8(ascii: "{")
        case .arrow, .punctuator, .end: true
        }
    }
}

extension UInt8 {
    /// Whether the byte may be part of an identifier; every byte of a character outside ASCII may.
    fileprivate var isWordByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "\\"), 0x80...: true
        default: false
        }
    }
}
