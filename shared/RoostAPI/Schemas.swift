import JSON

/// JSON Schemas of what the routes take and give, as OpenAPI documents show them.
enum Schemas {
    static let string: JSONValue = ["type": "string"]
    static let time: JSONValue = ["type": "string", "format": "date-time"]
    static let nullableTime: JSONValue = ["type": ["string", "null"], "format": "date-time"]
    static let nullableString: JSONValue = ["type": ["string", "null"]]

    /// An object; every property is required unless it is named in `optional`.
    static func object(_ properties: JSONObject, optional: Set<String> = []) -> JSONValue {
        [
            "type": "object", "properties": .object(properties),
            "required": .array(properties.map(\.key).filter { !optional.contains($0) }.map { .string($0) }),
        ]
    }

    /// One page of a list.
    static func page(of item: JSONValue) -> JSONValue {
        self.object(["items": ["type": "array", "items": item], "next_cursor": self.nullableString])
    }

    static func words(_ words: [String]) -> JSONValue {
        ["type": "string", "enum": .array(words.map { .string($0) })]
    }
}
