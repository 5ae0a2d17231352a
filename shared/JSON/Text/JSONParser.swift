/// Builds the tree of a JSON text in one pass, by recursive descent.
///
/// Of two members with the same name the later one's value counts and keeps the earlier one's place, as in every JavaScript engine.
struct JSONParser {
    private var scanner: JSONScanner
    private var depth = 0
    private var valueCount = 0

    /// Parses all of `bytes`, or says where and why it is not one JSON text within `limits`.
    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) throws(JSONError) -> JSONValue {
        var parser = JSONParser(scanner: try JSONScanner(bytes, limits: limits))
        parser.scanner.skipWhitespace()
        let value = try parser.parseValue()
        parser.scanner.skipWhitespace()
        guard parser.scanner.next == nil else { throw parser.scanner.fault(.trailingBytes, "something follows the value") }
        return value
    }

    private init(scanner: JSONScanner) { self.scanner = scanner }

    /// Parses the value whose first byte is next.
    private mutating func parseValue() throws(JSONError) -> JSONValue {
        self.valueCount &+= 1
        guard self.valueCount <= self.scanner.limits.maxValues else {
            throw self.scanner.fault(.tooManyValues, "the text holds more than \(self.scanner.limits.maxValues) values")
        }
        switch self.scanner.next {
        case .quote:
            let token = try self.scanner.scanString()
            return .string(self.scanner.text(of: token))
        case .openBrace:
            return .object(try self.parseObject())
        case .openBracket:
            return .array(try self.parseArray())
        case .lowerT:
            try self.scanner.scanLiteral("true")
            return .bool(true)
        case .lowerF:
            try self.scanner.scanLiteral("false")
            return .bool(false)
        case .lowerN:
            try self.scanner.scanLiteral("null")
            return .null
        case .some(let byte) where byte == .minus || byte.isDigit:
            let token = try self.scanner.scanNumber()
            return .number(self.scanner.number(of: token))
        default:
            throw self.scanner.fault(.unexpectedByte, "expected a value")
        }
    }

    private mutating func parseObject() throws(JSONError) -> JSONObject {
        try self.descend()
        var object = JSONObject()
        if self.scanner.next == .closeBrace {
            self.ascend()
            return object
        }
        while true {
            guard self.scanner.next == .quote else { throw self.scanner.fault(.unexpectedByte, "expected a member's name in quotes") }
            let token = try self.scanner.scanString()
            let key = self.scanner.text(of: token)
            self.scanner.skipWhitespace()
            guard self.scanner.next == .colon else { throw self.scanner.fault(.unexpectedByte, "expected a colon") }
            self.scanner.advance()
            self.scanner.skipWhitespace()
            object.set(try self.parseValue(), forKey: key)
            self.scanner.skipWhitespace()
            switch self.scanner.next {
            case .comma:
                self.scanner.advance()
                self.scanner.skipWhitespace()
            case .closeBrace:
                self.ascend()
                return object
            default:
                throw self.scanner.fault(.unexpectedByte, "expected a comma or the object's end")
            }
        }
    }

    private mutating func parseArray() throws(JSONError) -> [JSONValue] {
        try self.descend()
        var elements: [JSONValue] = []
        if self.scanner.next == .closeBracket {
            self.ascend()
            return elements
        }
        while true {
            elements.append(try self.parseValue())
            self.scanner.skipWhitespace()
            switch self.scanner.next {
            case .comma:
                self.scanner.advance()
                self.scanner.skipWhitespace()
            case .closeBracket:
                self.ascend()
                return elements
            default:
                throw self.scanner.fault(.unexpectedByte, "expected a comma or the array's end")
            }
        }
    }

    /// Passes over an opening bracket and counts it.
    private mutating func descend() throws(JSONError) {
        guard self.depth < self.scanner.limits.maxDepth else {
            throw self.scanner.fault(.tooDeep, "the text nests deeper than \(self.scanner.limits.maxDepth) levels")
        }
        self.depth += 1
        self.scanner.advance()
        self.scanner.skipWhitespace()
    }

    /// Passes over a closing bracket.
    private mutating func ascend() {
        self.depth -= 1
        self.scanner.advance()
    }
}
