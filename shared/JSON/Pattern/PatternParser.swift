/// Reads the syntax of ECMA-262 §22.2.1 with the `u` flag, and beside it what documents commonly get wrong: needless escapes of
/// punctuation, and brackets and braces that open nothing (Annex B.1.2).
struct PatternParser {
    /// How deep groups may nest, which bounds the recursion here and in the compiler.
    private static let maxDepth = 100

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    init(_ source: String) { self.scalars = Array(source.unicodeScalars) }

    /// Reads all of it.
    mutating func parse() throws(PatternError) -> PatternSyntax {
        let syntax = try self.parseAlternatives()
        guard self.next == nil else { throw self.fault("a parenthesis is closed that was not opened") }
        return syntax
    }

    private var next: Unicode.Scalar? { self.position < self.scalars.count ? self.scalars[self.position] : nil }

    private func fault(_ message: String) -> PatternError { PatternError(message: message, offset: self.position) }

    /// Passes over `text` if it comes next.
    private mutating func skip(_ text: String) -> Bool {
        guard self.scalars[self.position...].starts(with: text.unicodeScalars) else { return false }
        self.position += text.unicodeScalars.count
        return true
    }

    private mutating func parseAlternatives() throws(PatternError) -> PatternSyntax {
        self.depth += 1
        defer { self.depth -= 1 }
        guard self.depth <= Self.maxDepth else { throw self.fault("groups nest deeper than \(Self.maxDepth)") }
        var alternatives = [try self.parseSequence()]
        while self.skip("|") { alternatives.append(try self.parseSequence()) }
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    private mutating func parseSequence() throws(PatternError) -> PatternSyntax {
        var terms: [PatternSyntax] = []
        while let next = self.next, next != "|", next != ")" {
            let term = try self.parseTerm()
            terms.append(try self.parseQuantifiers(of: term))
        }
        return terms.count == 1 ? terms[0] : .sequence(terms)
    }

    private mutating func parseTerm() throws(PatternError) -> PatternSyntax {
        guard let scalar = self.next else { return .empty }
        switch scalar {
        case "(": return try self.parseGroup()
        case "[": return .scalar(try self.parseClass())
        case "\\": return try self.parseEscape()
        case "*", "+", "?": throw self.fault("nothing stands before the quantifier")
        default:
            self.position += 1
            switch scalar {
            case "^": return .assertion(.start)
            case "$": return .assertion(.end)
            case ".": return .scalar(ScalarSet.lineEnds.inverted)
            default: return .scalar(ScalarSet(scalar.value))
            }
        }
    }

    private mutating func parseGroup() throws(PatternError) -> PatternSyntax {
        let start = self.position
        var lookaround: (isBehind: Bool, isNegated: Bool)?
        if self.skip("(?=") {
            lookaround = (false, false)
        } else if self.skip("(?!") {
            lookaround = (false, true)
        } else if self.skip("(?<=") {
            lookaround = (true, false)
        } else if self.skip("(?<!") {
            lookaround = (true, true)
        } else if self.skip("(?<") {
            while let scalar = self.next, scalar != ">" { self.position += scalar == ")" ? self.scalars.count : 1 }
            guard self.skip(">") else {
                self.position = start
                throw self.fault("a group's name does not end")
            }
        } else if !self.skip("(?:") {
            self.position += 1
            guard self.next != "?" else { throw self.fault("an unknown kind of group") }
        }
        let syntax = try self.parseAlternatives()
        guard self.skip(")") else {
            self.position = start
            throw self.fault("a parenthesis is not closed")
        }
        return lookaround.map { .lookaround(syntax, isBehind: $0.isBehind, isNegated: $0.isNegated) } ?? syntax
    }
}

// MARK: - Quantifiers

extension PatternParser {
    private mutating func parseQuantifiers(of term: PatternSyntax) throws(PatternError) -> PatternSyntax {
        let repetition: PatternSyntax
        if self.skip("*") {
            repetition = .repetition(term, minimum: 0, maximum: nil)
        } else if self.skip("+") {
            repetition = .repetition(term, minimum: 1, maximum: nil)
        } else if self.skip("?") {
            repetition = .repetition(term, minimum: 0, maximum: 1)
        } else if let (minimum, maximum) = try self.parseCounts() {
            repetition = .repetition(term, minimum: minimum, maximum: maximum)
        } else {
            return term
        }
        // A lazy quantifier finds the same matches in another order.
        _ = self.skip("?")
        if let next = self.next, next == "*" || next == "+" || next == "?" { throw self.fault("a quantifier follows a quantifier") }
        return repetition
    }

    /// Reads `{2}`, `{2,}` or `{2,5}`; any other brace stands for itself.
    private mutating func parseCounts() throws(PatternError) -> (minimum: Int, maximum: Int?)? {
        let start = self.position
        guard self.skip("{"), let minimum = try self.parseInteger() else {
            self.position = start
            return nil
        }
        var maximum: Int? = minimum
        if self.skip(",") { maximum = try self.parseInteger() }
        guard self.skip("}") else {
            self.position = start
            return nil
        }
        if let maximum, maximum < minimum { throw self.fault("a repetition's bounds are in the wrong order") }
        return (minimum, maximum)
    }

    private mutating func parseInteger() throws(PatternError) -> Int? {
        var value: Int?
        while let scalar = self.next, let digit = scalar.decimalDigit {
            let sum = (value ?? 0) * 10 + digit
            guard sum <= 1_000_000 else { throw self.fault("a repetition count is too large") }
            value = sum
            self.position += 1
        }
        return value
    }
}

// MARK: - Escapes

extension PatternParser {
    private mutating func parseEscape() throws(PatternError) -> PatternSyntax {
        if self.skip("\\b") { return .assertion(.wordBoundary) }
        if self.skip("\\B") { return .assertion(.notWordBoundary) }
        self.position += 1
        if let digit = self.next?.decimalDigit, digit > 0 { throw self.fault("back references are not supported") }
        if self.next == "k" { throw self.fault("back references are not supported") }
        return .scalar(try self.parseSetEscape())
    }

    /// Reads what follows a backslash where it stands for one scalar or a set of them.
    private mutating func parseSetEscape() throws(PatternError) -> ScalarSet {
        guard let scalar = self.next else { throw self.fault("the pattern ends in a backslash") }
        self.position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .whitespace
        case "S": return ScalarSet.whitespace.inverted
        case "p": return try self.parseProperty()
        case "P": return try self.parseProperty().inverted
        default:
            self.position -= 1
            return ScalarSet(try self.parseScalarEscape())
        }
    }

    private mutating func parseScalarEscape() throws(PatternError) -> UInt32 {
        guard let scalar = self.next else { throw self.fault("the pattern ends in a backslash") }
        self.position += 1
        switch scalar {
        case "t": return 0x09
        case "n": return 0x0A
        case "v": return 0x0B
        case "f": return 0x0C
        case "r": return 0x0D
        case "0": return 0x00
        case "c":
            guard let letter = self.next, letter.isASCIILetter else { throw self.fault("\\c needs a letter") }
            self.position += 1
            return letter.value % 32
        case "x": return try self.parseHexadecimal(digitCount: 2)
        case "u": return try self.parseUnicodeEscape()
        default:
            guard !scalar.isASCIILetter, scalar.decimalDigit == nil else {
                self.position -= 1
                throw self.fault("an unknown escape")
            }
            return scalar.value
        }
    }

    private mutating func parseUnicodeEscape() throws(PatternError) -> UInt32 {
        if self.skip("{") {
            var value: UInt32 = 0
            while let digit = self.next.flatMap(\.hexDigit) {
                value = value << 4 | digit
                guard value <= 0x10FFFF else { throw self.fault("an escape beyond U+10FFFF") }
                self.position += 1
            }
            guard self.skip("}") else { throw self.fault("\\u{ needs hexadecimal digits and }") }
            return value
        }
        let first = try self.parseHexadecimal(digitCount: 4)
        guard 0xD800..<0xDC00 ~= first, self.skip("\\u") else { return first }
        let second = try self.parseHexadecimal(digitCount: 4)
        guard 0xDC00..<0xE000 ~= second else { throw self.fault("half a surrogate pair") }
        return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private mutating func parseHexadecimal(digitCount: Int) throws(PatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digitCount {
            guard let digit = self.next.flatMap(\.hexDigit) else { throw self.fault("an escape needs \(digitCount) hexadecimal digits") }
            value = value << 4 | digit
            self.position += 1
        }
        return value
    }

    private mutating func parseProperty() throws(PatternError) -> ScalarSet {
        guard self.skip("{") else { throw self.fault("\\p needs a property in braces") }
        var name = ""
        while let scalar = self.next, scalar != "}" {
            name.unicodeScalars.append(scalar)
            self.position += 1
        }
        guard self.skip("}") else { throw self.fault("a property's name does not end") }
        switch name {
        case "Any": return ScalarSet([0...0x10FFFF])
        case "ASCII": return ScalarSet([0...0x7F])
        default:
            guard let property = ScalarProperty(named: name) else { throw self.fault("an unknown Unicode property") }
            return ScalarSet(property)
        }
    }
}

// MARK: - Classes

extension PatternParser {
    /// Reads a class in brackets (ECMA-262 §22.2.1, ClassRanges).
    private mutating func parseClass() throws(PatternError) -> ScalarSet {
        let start = self.position
        self.position += 1
        let isNegated = self.skip("^")
        var parts: [ScalarSet] = []
        while let next = self.next, next != "]" {
            let lower = try self.parseClassAtom()
            guard self.next == "-", self.position + 1 < self.scalars.count, self.scalars[self.position + 1] != "]" else {
                parts.append(lower.set)
                continue
            }
            self.position += 1
            let upper = try self.parseClassAtom()
            if let first = lower.scalar, let last = upper.scalar {
                guard first <= last else { throw self.fault("a range's bounds are in the wrong order") }
                parts.append(ScalarSet([first...last]))
            } else {
                // `[\w-.]` names no range; the hyphen stands for itself.
                parts += [lower.set, ScalarSet(0x2D), upper.set]
            }
        }
        guard self.skip("]") else {
            self.position = start
            throw self.fault("a class is not closed")
        }
        let union = ScalarSet(union: parts)
        return isNegated ? union.inverted : union
    }

    /// Reads one member of a class; `scalar` is set where it may begin or end a range.
    private mutating func parseClassAtom() throws(PatternError) -> (set: ScalarSet, scalar: UInt32?) {
        guard let scalar = self.next else { throw self.fault("a class is not closed") }
        self.position += 1
        guard scalar == "\\" else { return (ScalarSet(scalar.value), scalar.value) }
        if self.skip("b") { return (ScalarSet(0x08), 0x08) }
        if let next = self.next, "dDwWsSpP".unicodeScalars.contains(next) { return (try self.parseSetEscape(), nil) }
        let value = try self.parseScalarEscape()
        return (ScalarSet(value), value)
    }
}

extension Unicode.Scalar {
    fileprivate var decimalDigit: Int? { "0"..."9" ~= self ? Int(self.value - 0x30) : nil }

    fileprivate var isASCIILetter: Bool { "a"..."z" ~= self || "A"..."Z" ~= self }

    fileprivate var hexDigit: UInt32? { self.isASCII ? UInt8(ascii: self).hexDigitValue.map(UInt32.init) : nil }
}
