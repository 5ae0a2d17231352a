/// Reads the tokens of a JSON text from bytes and checks each of them: the one place where JSON's grammar for strings, numbers and
/// literals (RFC 8259 §3, §6, §7) is written down.
///
/// ``JSONParser`` builds trees from the tokens and ``JSONTextValidator`` only checks their order. The pointer is valid only inside the
/// `withUnsafeBufferPointer` scope that made the scanner; neither the scanner nor a token may leave that scope.
struct JSONScanner {
    /// A string that was read and found valid: the bytes between its quotes.
    struct StringToken {
        let range: Range<Int>
        let hasEscapes: Bool
    }

    /// A number that was read and found valid, with what is needed to give it a value.
    struct NumberToken {
        let range: Range<Int>
        /// The integer, where the number has neither fraction nor exponent and fits.
        let integer: Int?
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    /// The next byte to read.
    private(set) var position: Int

    /// Starts at the first byte after a UTF-8 byte order mark, which RFC 8259 §8.1 lets a reader ignore.
    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) throws(JSONError) {
        guard bytes.count <= limits.maxBytes else {
            throw JSONError(.tooLarge, "the text has \(bytes.count) bytes, at most \(limits.maxBytes) are allowed", at: 0, of: bytes)
        }
        self.bytes = bytes
        self.limits = limits
        self.position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next byte, or nil at the end.
    @inline(__always)
    var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    /// Passes over one byte that the caller has looked at.
    @inline(__always)
    mutating func advance() { self.position &+= 1 }

    @inline(__always)
    mutating func skipWhitespace() {
        while self.position < self.bytes.count, self.bytes[self.position].isWhitespace { self.position &+= 1 }
    }

    /// Makes the error for a fault at the present position, or at `offset`; at the end it says that the text is incomplete.
    @inline(never)
    func fault(_ code: JSONError.Code, _ message: String, at offset: Int? = nil) -> JSONError {
        let offset = offset ?? self.position
        if offset >= self.bytes.count {
            return JSONError(.unexpectedEnd, "the text ends early: \(message)", at: self.bytes.count, of: self.bytes)
        }
        return JSONError(code, message, at: offset, of: self.bytes)
    }

    /// Passes over `true`, `false` or `null`.
    mutating func scanLiteral(_ literal: StaticString) throws(JSONError) {
        for index in 0..<literal.utf8CodeUnitCount {
            guard self.next == literal.utf8Start[index] else { throw self.fault(.unexpectedByte, "expected \(literal)") }
            self.advance()
        }
    }
}

// MARK: - Strings

extension JSONScanner {
    /// Passes over a string, whose opening quote is the next byte, and checks its escapes and its UTF-8.
    ///
    /// An escape of half a surrogate pair is grammatical, and accepted unless the limits say otherwise; ``JSONScanner/text(of:)`` says what
    /// becomes of it.
    mutating func scanString() throws(JSONError) -> StringToken {
        self.advance()
        let start = self.position
        var hasEscapes = false
        while true {
            self.position = self.bytes.firstIndexOfSpecialByte(from: self.position)
            switch self.next {
            case .quote:
                self.advance()
                return StringToken(range: start..<self.position - 1, hasEscapes: hasEscapes)
            case .backslash:
                hasEscapes = true
                try self.scanEscape()
            case .some(let byte) where byte >= 0x80:
                try self.scanMultibyteScalar(leadingByte: byte)
            case .some:
                throw self.fault(.invalidString, "a control character in a string must be escaped")
            case nil:
                throw self.fault(.unexpectedEnd, "a string is not closed")
            }
        }
    }

    private mutating func scanEscape() throws(JSONError) {
        self.advance()
        switch self.next {
        case .quote, .backslash, .slash, .lowerB, .lowerF, .lowerN, .lowerR, .lowerT:
            self.advance()
        case .lowerU:
            let unit = try self.scanCodeUnit()
            if UTF16.isSurrogate(unit), !self.limits.allowsHalfSurrogates { try self.scanSecondHalf(of: unit) }
        default:
            throw self.fault(.invalidString, "an escape that JSON does not know")
        }
    }

    /// Passes over the `u` of an escape and its digits.
    private mutating func scanCodeUnit() throws(JSONError) -> UInt16 {
        self.advance()
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = self.next?.hexDigitValue else { throw self.fault(.invalidString, "\\u needs four hexadecimal digits") }
            unit = unit << 4 | UInt16(digit)
            self.advance()
        }
        return unit
    }

    /// Passes over the escape that makes a surrogate pair of `first`.
    private mutating func scanSecondHalf(of first: UInt16) throws(JSONError) {
        let start = self.position
        if UTF16.isLeadSurrogate(first), self.next == .backslash {
            self.advance()
            if self.next == .lowerU, UTF16.isTrailSurrogate(try self.scanCodeUnit()) { return }
        }
        throw self.fault(.invalidString, "an escape is half a surrogate pair", at: start)
    }

    /// Checks one scalar of two to four bytes against table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing
    /// above U+10FFFF.
    private mutating func scanMultibyteScalar(leadingByte: UInt8) throws(JSONError) {
        let continuationCount: Int
        var allowed: ClosedRange<UInt8> = 0x80...0xBF
        switch leadingByte {
        case 0xC2...0xDF: continuationCount = 1
        case 0xE0: (continuationCount, allowed) = (2, 0xA0...0xBF)
        case 0xED: (continuationCount, allowed) = (2, 0x80...0x9F)
        case 0xE1...0xEF: continuationCount = 2
        case 0xF0: (continuationCount, allowed) = (3, 0x90...0xBF)
        case 0xF1...0xF3: continuationCount = 3
        case 0xF4: (continuationCount, allowed) = (3, 0x80...0x8F)
        default: throw self.fault(.invalidUTF8, "a string is not well-formed UTF-8")
        }
        self.advance()
        for _ in 0..<continuationCount {
            guard let byte = self.next, allowed.contains(byte) else { throw self.fault(.invalidUTF8, "a string is not well-formed UTF-8") }
            self.advance()
            allowed = 0x80...0xBF
        }
    }

    /// The text of a string that was read.
    ///
    /// A Swift string cannot hold half a surrogate pair, so each one that an escape leaves alone becomes U+FFFD. Rejecting them would
    /// lose whole answers of upstreams that cut their text in the middle of an emoji. ``JSONText`` keeps them as they were written.
    func text(of token: StringToken) -> String {
        let source = UnsafeBufferPointer(rebasing: self.bytes[token.range])
        guard token.hasEscapes else { return String(decoding: source, as: UTF8.self) }
        return String(unescapingJSON: source)
    }
}

// MARK: - Numbers

extension JSONScanner {
    /// Passes over a number, whose first byte (`-`, a digit, or an error) is the next byte.
    mutating func scanNumber() throws(JSONError) -> NumberToken {
        let start = self.position
        let isNegative = self.next == .minus
        if isNegative { self.advance() }
        let integerStart = self.position
        let magnitude = try self.scanDigits("a number needs a digit here")
        if self.position - integerStart > 1, self.bytes[integerStart] == .zero {
            throw self.fault(.invalidNumber, "a number must not start with a superfluous zero", at: integerStart)
        }
        var isInteger = true
        if self.next == .period {
            isInteger = false
            self.advance()
            _ = try self.scanDigits("a digit must follow the decimal point")
        }
        if let byte = self.next, byte | 0x20 == .lowerE {
            isInteger = false
            try self.scanExponent()
        }
        let range = start..<self.position
        guard range.count <= self.limits.maxNumberBytes else {
            throw self.fault(.numberTooLong, "a number has more than \(self.limits.maxNumberBytes) bytes", at: start)
        }
        guard isInteger, let magnitude else { return NumberToken(range: range, integer: nil) }
        return NumberToken(range: range, integer: isNegative ? -magnitude : magnitude)
    }

    /// Passes over at least one digit; gives their value where it fits.
    @inline(__always)
    private mutating func scanDigits(_ complaint: StaticString) throws(JSONError) -> Int? {
        guard let first = self.next, first.isDigit else { throw self.fault(.invalidNumber, "\(complaint)") }
        let start = self.position
        var value = 0
        while let byte = self.next, byte.isDigit {
            value = value &* 10 &+ Int(byte &- .zero)
            self.advance()
        }
        // Eighteen digits always fit; the few longer integers that would fit too are read again, with care, from their text.
        return self.position - start <= 18 ? value : nil
    }

    private mutating func scanExponent() throws(JSONError) {
        self.advance()
        if self.next == .plus || self.next == .minus { self.advance() }
        guard let first = self.next, first.isDigit else { throw self.fault(.invalidNumber, "a digit must follow the exponent sign") }
        while self.next == .zero { self.advance() }
        let start = self.position
        while let byte = self.next, byte.isDigit { self.advance() }
        // Arithmetic on exponents must not overflow an Int.
        guard self.position - start <= 17 else { throw self.fault(.invalidNumber, "an exponent has more than 17 digits", at: start) }
    }

    /// The value of a number that was read.
    func number(of token: NumberToken) -> JSONNumber {
        if let integer = token.integer { return JSONNumber(integer) }
        return JSONNumber(scanned: UnsafeBufferPointer(rebasing: self.bytes[token.range]))
    }
}
