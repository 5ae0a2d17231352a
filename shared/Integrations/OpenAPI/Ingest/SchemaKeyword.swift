import JSON

/// What a keyword of JSON Schema holds, so that a schema from anywhere becomes one that every validator takes.
enum SchemaKeyword {
    case schema, schemaList, schemaMap
    case text, boolean, number, count, value, valueList, nameList, nameListMap, type

    /// The keywords that are kept; everything else (extensions, `xml`, `discriminator`, identifiers that would move references) goes.
    static let kept: [String: SchemaKeyword] = [
        "additionalProperties": .schema, "items": .schema, "not": .schema, "if": .schema, "then": .schema, "else": .schema,
        "contains": .schema, "propertyNames": .schema, "unevaluatedItems": .schema, "unevaluatedProperties": .schema,
        "allOf": .schemaList, "anyOf": .schemaList, "oneOf": .schemaList, "prefixItems": .schemaList,
        "properties": .schemaMap, "patternProperties": .schemaMap, "dependentSchemas": .schemaMap,
        "title": .text, "description": .text, "format": .text, "pattern": .text, "contentMediaType": .text, "contentEncoding": .text,
        "readOnly": .boolean, "writeOnly": .boolean, "deprecated": .boolean, "uniqueItems": .boolean,
        "minimum": .number, "maximum": .number, "exclusiveMinimum": .number, "exclusiveMaximum": .number, "multipleOf": .number,
        "minLength": .count, "maxLength": .count, "minItems": .count, "maxItems": .count, "minProperties": .count, "maxProperties": .count,
        "minContains": .count, "maxContains": .count,
        "const": .value, "default": .value, "enum": .valueList, "examples": .valueList, "required": .nameList,
        "dependentRequired": .nameListMap, "type": .type,
    ]

    /// The keywords that only tell, and so may stand beside a reference in 3.0, where others beside one are ignored.
    static let annotations: Set<String> = ["title", "description", "readOnly", "writeOnly", "deprecated", "default", "examples"]

    /// The types that exist.
    static let types: Set<String> = ["null", "boolean", "object", "array", "number", "string", "integer"]

    /// The value where it is of the keyword's kind and needs no rewriting; nil where it has to go. Not for the kinds that hold schemas.
    func plain(_ value: JSONValue) -> JSONValue? {
        let isKept =
            switch self {
            case .schema, .schemaList, .schemaMap: false
            case .text: value.string != nil
            case .boolean: value.bool != nil
            case .number: value.number != nil
            case .count: (value.int ?? -1) >= 0
            case .value: true
            case .valueList: value.array?.isEmpty == false
            case .nameListMap: value.object?.values.allSatisfy { Self.names($0) != nil } ?? false
            case .type: Self.isType(value)
            case .nameList: value.array != nil
            }
        guard isKept else { return nil }
        if case .nameList = self { return Self.names(value).map(JSONValue.array) }
        return value
    }

    /// The strings of an array, each once; nil for anything but an array.
    private static func names(_ value: JSONValue) -> [JSONValue]? {
        guard let values = value.array else { return nil }
        var seen = Set<String>()
        return values.compactMap(\.string).filter { seen.insert($0).inserted }.map(JSONValue.string)
    }

    private static func isType(_ value: JSONValue) -> Bool {
        if let name = value.string { return self.types.contains(name) }
        guard let names = value.array, !names.isEmpty, Set(names).count == names.count else { return false }
        return names.allSatisfy { self.types.contains($0.string ?? "") }
    }
}
