/// What a program's text is as a whole: one function, to be called, or the statements of a function's body.
///
/// Agents write a program as `return await …`, as `async () => …`, as `async function main() { … }` or as a module's default export.
/// Decided from tokens alone; anything that is not surely a single function is statements, which run as they were written.
enum ProgramShape: Equatable {
    /// The text is a function's body.
    case statements
    /// The text is the declaration of a function with this name, perhaps behind `export default`, which stands in `export`.
    case declaration(name: String, export: Range<Int>?)
    /// The bytes in `range` are an arrow function or a function expression.
    case function(range: Range<Int>, export: Range<Int>?)
    /// The bytes in `range` are a function in parentheses that is called at once.
    case call(range: Range<Int>, export: Range<Int>?)

    init(of bytes: ArraySlice<UInt8>) {
        var parser = ProgramShapeParser(bytes)
        self = parser.program() ?? .statements
    }
}

/// Recognises the shapes; each method is nil where the text is something else.
private struct ProgramShapeParser {
    private let bytes: ArraySlice<UInt8>
    private var scanner: SourceScanner

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.scanner = SourceScanner(bytes)
    }

    mutating func program() -> ProgramShape? {
        guard var first = self.scanner.next() else { return nil }
        var export: Range<Int>?
        if first.isWord("export") {
            guard let word = self.scanner.next(), word.isWord("default"), let next = self.scanner.next() else { return nil }
            export = first.range.lowerBound..<word.range.upperBound
            first = next
        }
        if first.isGroup("(") {
            return self.parenthesised(first, export: export) ?? self.function(from: first, export: export)
        }
        return self.function(from: first, export: export)
    }

    /// `(function)` or `(function)(…)`, and nothing else but semicolons.
    private mutating func parenthesised(_ group: SourceScanner.Token, export: Range<Int>?) -> ProgramShape? {
        let saved = self.scanner
        var inner = ProgramShapeParser(self.bytes[(group.range.lowerBound + 1)..<(group.range.upperBound - 1)])
        guard inner.holdsFunction(), let next = self.scanner.next() else {
            self.scanner = saved
            return nil
        }
        if next.isGroup("("), self.isAtEnd() { return .call(range: group.range.lowerBound..<next.range.upperBound, export: export) }
        self.scanner = saved
        guard self.isAtEnd() else {
            self.scanner = saved
            return nil
        }
        return .function(range: group.range, export: export)
    }

    private mutating func holdsFunction() -> Bool {
        guard let first = self.scanner.next() else { return false }
        return self.function(from: first, export: nil) != nil
    }

    private mutating func function(from first: SourceScanner.Token, export: Range<Int>?) -> ProgramShape? {
        let start = first.range.lowerBound
        var token = first
        if first.isWord("async") {
            guard let next = self.scanner.next() else { return nil }
            if next.kind == .arrow { return self.arrowBody(start: start, export: export) }
            guard !next.isAfterNewline else { return nil }
            token = next
        }
        if token.isWord("function") { return self.functionKeyword(start: start, export: export) }
        return self.arrow(from: token, start: start, export: export)
    }

    /// What follows the word `function`: a name, type parameters, parameters, a return type, a body.
    private mutating func functionKeyword(start: Int, export: Range<Int>?) -> ProgramShape? {
        guard var token = self.scanner.next() else { return nil }
        var name: String?
        if case .identifier(let word) = token.kind {
            name = word
            guard let next = self.scanner.next() else { return nil }
            token = next
        }
        guard let parameters = self.skipTypeParameters(token), parameters.isGroup("("), let after = self.scanner.next() else { return nil }
        guard let body = after.isPunctuator(":") ? self.skipType(isArrow: false) : after, body.isGroup("{"), self.isAtEnd() else {
            return nil
        }
        guard let name else { return .function(range: start..<body.range.upperBound, export: export) }
        return .declaration(name: name, export: export)
    }

    /// Parameters, a return type, `=>` and a body.
    private mutating func arrow(from first: SourceScanner.Token, start: Int, export: Range<Int>?) -> ProgramShape? {
        if case .identifier = first.kind {
            guard let arrow = self.scanner.next(), arrow.kind == .arrow else { return nil }
            return self.arrowBody(start: start, export: export)
        }
        guard let parameters = self.skipTypeParameters(first), parameters.isGroup("("), var token = self.scanner.next() else { return nil }
        if token.isPunctuator(":") {
            guard let next = self.skipType(isArrow: true) else { return nil }
            token = next
        }
        guard token.kind == .arrow else { return nil }
        return self.arrowBody(start: start, export: export)
    }

    private mutating func arrowBody(start: Int, export: Range<Int>?) -> ProgramShape? {
        let saved = self.scanner
        guard let body = self.scanner.next() else { return nil }
        if body.isGroup("{") {
            return self.isAtEnd() ? .function(range: start..<body.range.upperBound, export: export) : nil
        }
        self.scanner = saved
        guard let end = self.skipExpression() else { return nil }
        return .function(range: start..<end, export: export)
    }

    /// Whether nothing but semicolons and comments is left.
    private mutating func isAtEnd() -> Bool {
        while let token = self.scanner.next() {
            if token.kind == .end { return true }
            guard token.isPunctuator(";") else { return false }
        }
        return false
    }

    /// Skips `<T extends X>` if it stands here, and gives the token after it.
    private mutating func skipTypeParameters(_ first: SourceScanner.Token) -> SourceScanner.Token? {
        guard first.isPunctuator("<") else { return first }
        return self.skipAngles() ? self.scanner.next() : nil
    }

    /// Skips to the `>` that closes an already taken `<`.
    private mutating func skipAngles() -> Bool {
        var depth = 1
        while depth > 0 {
            guard let token = self.scanner.next(), token.kind != .end, !token.isPunctuator(";") else { return false }
            if token.isPunctuator("<") { depth += 1 }
            if token.isPunctuator(">") { depth -= 1 }
        }
        return true
    }

    /// Skips a return type and gives what follows it: the body of a function, or the `=>` of an arrow function.
    ///
    /// A `{` begins an object type where an operand is due, and the body where the type is complete.
    private mutating func skipType(isArrow: Bool) -> SourceScanner.Token? {
        var expectsOperand = true
        while let token = self.scanner.next() {
            switch token.kind {
            case .group(UInt8(ascii: "{")), .group(UInt8(ascii: "(")):
                if !expectsOperand { return token }
                expectsOperand = false
            case .group, .number, .literal:
                expectsOperand = false
            case .arrow:
                if isArrow && !expectsOperand { return token }
                expectsOperand = true
            case .identifier(let word):
                if expectsOperand {
                    expectsOperand = Self.typeOperators.contains(word)
                } else if word == "is" || word == "extends" {
                    expectsOperand = true
                } else {
                    return nil
                }
            case .punctuator(UInt8(ascii: "<")):
                guard self.skipAngles() else { return nil }
                expectsOperand = false
            case .punctuator(let byte):
                guard ".|&?:-".utf8.contains(byte) else { return nil }
                expectsOperand = true
            case .step, .end:
                return nil
            }
        }
        return nil
    }

    private static let typeOperators: Set<String> = ["keyof", "typeof", "readonly", "infer", "unique", "asserts", "new", "abstract"]

    /// Skips the expression body of an arrow function and gives its end; nil unless it runs to the end of the text.
    ///
    /// A comma, or a line that begins a new statement by the rules of automatic semicolons, means that more than the function is there.
    private mutating func skipExpression() -> Int? {
        var end: Int?
        var isOperandComplete = false
        while let token = self.scanner.next() {
            if token.kind == .end { return isOperandComplete ? end : nil }
            if token.isPunctuator(";") { return isOperandComplete && self.isAtEnd() ? end : nil }
            if token.isPunctuator(",") { return nil }
            if token.isAfterNewline && isOperandComplete && token.startsStatement { return nil }
            isOperandComplete = token.completesOperand
            end = token.range.upperBound
        }
        return nil
    }
}

extension SourceScanner.Token {
    private static let infixWords: Set<String> = ["in", "instanceof", "as", "satisfies"]

    /// Whether an expression may end with this token.
    fileprivate var completesOperand: Bool {
        if case .identifier(let word) = self.kind, Self.infixWords.contains(word) { return false }
        return !self.kind.isFollowedByOperand || self.isGroup("{")
    }

    /// Whether a line that starts with this token after a complete operand is a new statement.
    fileprivate var startsStatement: Bool {
        switch self.kind {
        case .identifier(let word): !Self.infixWords.contains(word)
        case .number, .step: true
        case .group(let open): open == UInt8(ascii: "{")
        case .literal, .arrow, .punctuator, .end: false
        }
    }
}
