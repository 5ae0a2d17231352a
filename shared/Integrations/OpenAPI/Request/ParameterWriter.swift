import JSON

/// Writes values in the styles of OpenAPI 3.1.1, section 4.8.12.3 (in the manner of RFC 6570).
///
/// Arrays and objects within arrays and objects have no form there; they are written as JSON text, but for `deepObject`, which goes on
/// with brackets as most servers read it.
struct ParameterWriter {
    let style: ParameterBinding.Style
    let explode: Bool
    let encoding: PercentEncoding.Allowed

    /// The `name=value` pairs of a query or a form, encoded; none for an empty array that would be repeated.
    func pairs(_ name: String, _ value: JSONValue) -> [(name: String, value: String)] {
        let key = PercentEncoding.encode(name)
        switch (self.style, value) {
        case (.deepObject, .object), (.deepObject, .array):
            return self.deepPairs(key, value)
        case (.form, .array(let elements)) where self.explode:
            return elements.map { (key, self.encode($0)) }
        case (.form, .object(let members)) where self.explode:
            return members.filter { !$0.value.isNull }.map { (PercentEncoding.encode($0.key), self.encode($0.value)) }
        case (_, .array(let elements)):
            return [(key, elements.map(self.encode).joined(separator: self.delimiter))]
        case (_, .object(let members)):
            return [(key, self.flat(members).joined(separator: self.delimiter))]
        default:
            return [(key, self.encode(value))]
        }
    }

    /// What stands in a path in place of a variable, encoded.
    func pathText(_ name: String, _ value: JSONValue) -> String {
        switch self.style {
        case .matrix: self.matrixText(PercentEncoding.encode(name), value)
        case .label: "." + self.joined(value, separator: self.explode ? "." : ",")
        default: self.joined(value, separator: ",")
        }
    }

    /// The value of a header field: the simple style without any encoding.
    static func headerText(_ value: JSONValue, explode: Bool) -> String {
        switch value {
        case .array(let elements): elements.map(\.wireText).joined(separator: ",")
        case .object(let members):
            members.map { explode ? "\($0.key)=\($0.value.wireText)" : "\($0.key),\($0.value.wireText)" }.joined(separator: ",")
        default: value.wireText
        }
    }

    private var delimiter: String {
        switch self.style {
        case .spaceDelimited: "%20"
        case .pipeDelimited: "%7C"
        default: ","
        }
    }

    private func encode(_ value: JSONValue) -> String { PercentEncoding.encode(value.wireText, keeping: self.encoding) }

    /// Names and values in turn.
    private func flat(_ members: JSONObject) -> [String] {
        members.filter { !$0.value.isNull }.flatMap { [PercentEncoding.encode($0.key), self.encode($0.value)] }
    }

    private func joined(_ value: JSONValue, separator: String) -> String {
        switch value {
        case .array(let elements): elements.map(self.encode).joined(separator: separator)
        case .object(let members) where self.explode:
            members.filter { !$0.value.isNull }.map { "\(PercentEncoding.encode($0.key))=\(self.encode($0.value))" }.joined(
                separator: separator)
        case .object(let members): self.flat(members).joined(separator: ",")
        default: self.encode(value)
        }
    }

    private func matrixText(_ key: String, _ value: JSONValue) -> String {
        func pair(_ key: String, _ text: String) -> String { text.isEmpty ? ";\(key)" : ";\(key)=\(text)" }
        switch value {
        case .array(let elements) where self.explode: return elements.map { pair(key, self.encode($0)) }.joined()
        case .object(let members) where self.explode:
            return members.filter { !$0.value.isNull }.map { pair(PercentEncoding.encode($0.key), self.encode($0.value)) }.joined()
        default: return pair(key, self.joined(value, separator: ","))
        }
    }

    /// `name[a][b]=…`; the elements of arrays are numbered.
    private func deepPairs(_ key: String, _ value: JSONValue) -> [(name: String, value: String)] {
        switch value {
        case .object(let members):
            members.filter { !$0.value.isNull }.flatMap { self.deepPairs("\(key)%5B\(PercentEncoding.encode($0.key))%5D", $0.value) }
        case .array(let elements):
            elements.enumerated().flatMap { self.deepPairs("\(key)%5B\($0.offset)%5D", $0.element) }
        default:
            [(key, self.encode(value))]
        }
    }
}

extension JSONValue {
    /// A scalar as it is written outside of JSON, and JSON text for what has parts.
    var wireText: String {
        switch self {
        case .string(let text): text
        case .number(let number): number.description
        case .bool(let value): value ? "true" : "false"
        case .null: ""
        case .array, .object: self.text()
        }
    }
}
