/// Checks a JSON text in one pass and one loop, without recursion and without building anything.
struct JSONTextValidator {
    private var scanner: JSONScanner
    /// For each open bracket, whether it is an object's.
    private var isObject: [Bool] = []

    /// Checks all of `bytes` and gives the range of the value without what stands around it.
    static func validate(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) throws(JSONError) -> Range<Int> {
        var validator = JSONTextValidator(scanner: try JSONScanner(bytes, limits: limits))
        validator.scanner.skipWhitespace()
        let start = validator.scanner.position
        try validator.checkValue()
        let end = validator.scanner.position
        validator.scanner.skipWhitespace()
        guard validator.scanner.next == nil else { throw validator.scanner.fault(.trailingBytes, "something follows the value") }
        return start..<end
    }

    private init(scanner: JSONScanner) { self.scanner = scanner }

    private mutating func checkValue() throws(JSONError) {
        repeat {
            let opensContainer = try self.checkScalarOrOpening()
            if opensContainer { continue }
            try self.closeContainers()
        } while !self.isObject.isEmpty
    }

    /// Passes over a scalar or an empty container, or over the opening bracket (and first name) of one that holds something.
    private mutating func checkScalarOrOpening() throws(JSONError) -> Bool {
        switch self.scanner.next {
        case .quote: _ = try self.scanner.scanString()
        case .openBrace:
            if try self.open(isObject: true, closing: .closeBrace) {
                try self.checkName()
                return true
            }
        case .openBracket: return try self.open(isObject: false, closing: .closeBracket)
        case .lowerT: try self.scanner.scanLiteral("true")
        case .lowerF: try self.scanner.scanLiteral("false")
        case .lowerN: try self.scanner.scanLiteral("null")
        case .some(let byte) where byte == .minus || byte.isDigit: _ = try self.scanner.scanNumber()
        default: throw self.scanner.fault(.unexpectedByte, "expected a value")
        }
        return false
    }

    /// Passes over an opening bracket, and over the closing one if it follows at once; tells whether there is content.
    private mutating func open(isObject: Bool, closing: UInt8) throws(JSONError) -> Bool {
        guard self.isObject.count < self.scanner.limits.maxDepth else {
            throw self.scanner.fault(.tooDeep, "the text nests deeper than \(self.scanner.limits.maxDepth) levels")
        }
        self.scanner.advance()
        self.scanner.skipWhitespace()
        if self.scanner.next == closing {
            self.scanner.advance()
            return false
        }
        self.isObject.append(isObject)
        return true
    }

    /// After a value: passes over closing brackets, up to the start of the next value or the end of the outermost one.
    private mutating func closeContainers() throws(JSONError) {
        while let isObject = self.isObject.last {
            self.scanner.skipWhitespace()
            switch self.scanner.next {
            case .comma:
                self.scanner.advance()
                self.scanner.skipWhitespace()
                if isObject { try self.checkName() }
                return
            case .closeBrace where isObject, .closeBracket where !isObject:
                self.scanner.advance()
                self.isObject.removeLast()
            default:
                throw self.scanner.fault(.unexpectedByte, "expected a comma or the end of the \(isObject ? "object" : "array")")
            }
        }
    }

    private mutating func checkName() throws(JSONError) {
        guard self.scanner.next == .quote else { throw self.scanner.fault(.unexpectedByte, "expected a member's name in quotes") }
        _ = try self.scanner.scanString()
        self.scanner.skipWhitespace()
        guard self.scanner.next == .colon else { throw self.scanner.fault(.unexpectedByte, "expected a colon") }
        self.scanner.advance()
        self.scanner.skipWhitespace()
    }
}
