/// Any JSON value as a tree.
///
/// Numbers are exact, members keep their order, strings are compared byte by byte; equality is that of JSON's data model (`1` equals
/// `1.0`, the order of members does not matter). Bytes that are only passed on should stay a ``JSONText``, which costs their own size.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Makes a number from an integer.
    package static func int(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

    /// Makes a number from a double; infinities and NaN become null, as in `JSON.stringify`.
    package static func double(_ value: Double) -> JSONValue { JSONNumber(value).map(JSONValue.number) ?? .null }
}

// MARK: - Reading and writing

extension JSONValue {
    /// Reads one JSON text (RFC 8259) from UTF-8 bytes.
    ///
    /// A byte order mark in front is ignored. Of two members with one name the later value counts. An escaped half of a surrogate pair
    /// becomes U+FFFD. Everything else that the RFC does not allow is an error.
    package init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in try JSONParser.parse(buffer, limits: limits) }
    }

    /// Reads one JSON text from a string.
    package init(parsing text: String, limits: JSONLimits = .default) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// The value as UTF-8 bytes without any white space.
    package func bytes() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The value as text without any white space.
    package func text() -> String { String(decoding: self.bytes(), as: UTF8.self) }

    /// The value as text for people, indented by two spaces.
    package func prettyText() -> String { JSONText(self).prettyPrefix(maxCharacters: .max).text }
}

extension JSONValue: CustomStringConvertible {
    /// The value as text without any white space.
    package var description: String { self.text() }
}

// MARK: - Looking inside

extension JSONValue {
    /// The member `key` of an object; nil where there is none or where this is no object.
    package subscript(key: String) -> JSONValue? { self.object?[key] }

    /// The element at `index` of an array; nil where there is none or where this is no array.
    package subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The string, nil for any other kind of value.
    package var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The number as an integer, nil where it is none, does not fit, or this is no number.
    package var int: Int? { self.number?.int }

    /// The nearest double of a number, nil for any other kind of value.
    package var double: Double? { self.number?.double }

    /// The number, nil for any other kind of value.
    package var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }

    /// The truth value, nil for any other kind of value.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements of an array, nil for any other kind of value.
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members of an object, nil for any other kind of value.
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// Whether this is null.
    package var isNull: Bool { if case .null = self { true } else { false } }
}

// MARK: - Equality

extension JSONValue: Hashable {
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): value.hashBytes(into: &hasher)
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

// MARK: - Literals

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(nilLiteral: ()) { self = .null }

    package init(booleanLiteral value: Bool) { self = .bool(value) }

    package init(integerLiteral value: Int) { self = .int(value) }

    package init(floatLiteral value: Double) { self = .number(JSONNumber(floatLiteral: value)) }

    package init(stringLiteral value: String) { self = .string(value) }

    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// Of two members with one name the later value counts, as in a text.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.lazy.map { (key: $0.0, value: $0.1) }))
    }
}
