/// A statement in one database's own spelling.
struct RewrittenStatement: Sendable, Hashable {
    let text: String
    /// How many values it takes.
    let parameterCount: Int
    /// Whether it certainly changes nothing, so that a reading connection may run it.
    let isReading: Bool
}

/// Turns a ``Statement`` into a dialect's spelling: parameters, and the words in braces.
///
/// Quoted text, quoted names and comments pass through untouched. SQLite's parameters become `?n`, because it takes `$n` for a name
/// and numbers names in the order in which they first appear: `$2 … $1` would bind the wrong way round.
struct StatementRewriter {
    private let dialect: Dialect
    private let input: [UInt8]
    private var position = 0
    private var output: [UInt8] = []
    private var numbers: Set<Int> = []
    private var words: [String] = []

    static func rewrite(_ statement: Statement, for dialect: Dialect) throws(DatabaseError) -> RewrittenStatement {
        var rewriter = StatementRewriter(dialect: dialect, input: Array(statement.text.utf8))
        return try rewriter.run()
    }

    private init(dialect: Dialect, input: [UInt8]) {
        self.dialect = dialect
        self.input = input
        self.output.reserveCapacity(input.count + 128)
    }

    private mutating func run() throws(DatabaseError) -> RewrittenStatement {
        while let byte = self.peek() {
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): try self.copyQuoted(byte)
            case UInt8(ascii: "-") where self.peek(1) == UInt8(ascii: "-"): self.copyLineComment()
            case UInt8(ascii: "/") where self.peek(1) == UInt8(ascii: "*"): try self.copyBlockComment()
            case UInt8(ascii: "$"): try self.rewriteParameter()
            case UInt8(ascii: "{"): try self.expandToken()
            case UInt8(ascii: "}"), UInt8(ascii: "?"): throw self.invalid("\(Character(Unicode.Scalar(byte))) outside of quotes")
            case _ where Self.isWord(byte): self.copyWord()
            default: self.copy(1)
            }
        }
        let count = self.numbers.max() ?? 0
        guard self.numbers.count == count else { throw self.invalid("parameters are not numbered from $1 without gaps") }
        let changing: Set = ["INSERT", "UPDATE", "DELETE"]
        let isReading = ["SELECT", "WITH", "VALUES"].contains(self.words.first ?? "") && self.words.allSatisfy { !changing.contains($0) }
        return RewrittenStatement(text: String(decoding: self.output, as: UTF8.self), parameterCount: count, isReading: isReading)
    }

    /// Copies through the closing quote; a doubled quote stands for itself.
    private mutating func copyQuoted(_ quote: UInt8) throws(DatabaseError) {
        self.copy(1)
        while let byte = self.peek() {
            if byte == quote {
                guard self.peek(1) == quote else { return self.copy(1) }
                self.copy(1)
            }
            self.copy(1)
        }
        throw self.invalid("an open quote")
    }

    private mutating func copyLineComment() {
        while let byte = self.peek(), byte != UInt8(ascii: "\n") { self.copy(1) }
    }

    private mutating func copyBlockComment() throws(DatabaseError) {
        self.copy(2)
        while let byte = self.peek() {
            if byte == UInt8(ascii: "*"), self.peek(1) == UInt8(ascii: "/") { return self.copy(2) }
            self.copy(1)
        }
        throw self.invalid("an open comment")
    }

    /// `$` within a word belongs to it, in both databases, and is copied with the word.
    private mutating func rewriteParameter() throws(DatabaseError) {
        var end = self.position + 1
        while end < self.input.count, Self.isDigit(self.input[end]) { end += 1 }
        let digits = self.input[(self.position + 1)..<end]
        let isCut = end < self.input.count && Self.isWord(self.input[end])
        guard !isCut, digits.first != UInt8(ascii: "0"), let number = Int(String(decoding: digits, as: UTF8.self)), number <= 0xFFFF else {
            throw self.invalid("a parameter that is not $1, $2, …")
        }
        self.numbers.insert(number)
        self.output.append(self.dialect == .sqlite ? UInt8(ascii: "?") : UInt8(ascii: "$"))
        self.output += digits
        self.position = end
    }

    private mutating func expandToken() throws(DatabaseError) {
        guard let end = self.input[self.position...].firstIndex(of: UInt8(ascii: "}")) else { throw self.invalid("an open brace") }
        let name = String(decoding: self.input[(self.position + 1)..<end], as: UTF8.self)
        guard let expansion = self.dialect.tokens[name] else { throw self.invalid("an unknown word in braces") }
        self.output += Array(expansion.utf8)
        self.position = end + 1
    }

    private mutating func copyWord() {
        var end = self.position
        while end < self.input.count, Self.isWord(self.input[end]) || self.input[end] == UInt8(ascii: "$") { end += 1 }
        self.words.append(String(decoding: self.input[self.position..<end], as: UTF8.self).uppercased())
        self.copy(end - self.position)
    }

    private func peek(_ offset: Int = 0) -> UInt8? {
        self.position + offset < self.input.count ? self.input[self.position + offset] : nil
    }

    private mutating func copy(_ count: Int) {
        self.output += self.input[self.position..<min(self.position + count, self.input.count)]
        self.position += count
    }

    private func invalid(_ what: String) -> DatabaseError {
        DatabaseError(code: .invalidStatement, message: "the statement has \(what) near byte \(self.position)")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Letters, digits, underscore, and every byte of a character beyond ASCII.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...0xFF: true
        default: self.isDigit(byte)
        }
    }
}
