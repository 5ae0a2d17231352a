import JSON

/// The schema of the one object that a tool takes, while it is put together.
struct InputSchema {
    private var properties = JSONObject()
    private var required: [JSONValue] = []

    /// Whether an argument of this name is there already.
    func contains(_ name: String) -> Bool { self.properties.contains(key: name) }

    /// Adds an argument; `description` is used where the schema has none of its own.
    mutating func add(_ name: String, _ schema: JSONValue, description: String?, isRequired: Bool) {
        var schema = schema
        if let description = description?.trimmed, !description.isEmpty, var members = schema.object, members["description"] == nil {
            members["description"] = .string(description)
            schema = .object(members)
        }
        self.properties.set(schema, forKey: name)
        if isRequired { self.required.append(.string(name)) }
    }

    /// The finished schema. Unknown arguments are refused, so that a misspelt one is noticed.
    var schema: JSONValue {
        var object: JSONObject = ["type": "object", "properties": .object(self.properties)]
        if !self.required.isEmpty { object["required"] = .array(self.required) }
        object["additionalProperties"] = false
        return .object(object)
    }
}
