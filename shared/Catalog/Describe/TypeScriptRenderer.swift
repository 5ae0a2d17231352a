import JSON

/// Writes JSON Schemas as TypeScript types, for agents to read before they write a program.
///
/// Definitions become declarations of their own and are written once, so that types which refer to themselves are nothing special. What a
/// type cannot say (lengths, patterns) is left out; what it says is meant to be readable: unions on one line, objects one property a
/// line with their descriptions.
struct TypeScriptRenderer {
    private static let maxDepth = 24
    private static let maxEnumValues = 100

    private let definitions: JSONObject
    private let maxCommentCharacters: Int
    private var names = TypeScriptNames()
    /// Definitions that were referred to and not yet written, in order.
    private var pending: [String] = []
    private var seen: Set<String> = []

    init(definitions: JSONObject, maxCommentCharacters: Int) {
        self.definitions = definitions
        self.maxCommentCharacters = maxCommentCharacters
    }

    /// The type of a schema.
    mutating func type(_ schema: JSONValue) -> String { self.render(schema, indent: 0, depth: 0) }

    /// The declarations of everything that the types rendered so far refer to, until `maxBytes` are reached; what follows is `unknown`.
    mutating func declarations(maxBytes: Int) -> [(name: String, declaration: String)] {
        var written: [(name: String, declaration: String)] = []
        var byteCount = 0
        var index = 0
        while index < self.pending.count {
            let definition = self.pending[index]
            index += 1
            let name = self.names.identifier(for: definition)
            let isCut = byteCount > maxBytes
            let body = isCut ? "unknown" : self.body(of: definition)
            let comment = isCut ? "" : self.comment(self.definitions[definition], indent: 0)
            written.append((name, "\(comment)type \(name) = \(body);"))
            byteCount += body.utf8.count + name.utf8.count
        }
        return written
    }

    /// A definition that is nothing but a reference to itself, by whatever way, would not be a type.
    private mutating func body(of definition: String) -> String {
        var seen: Set<String> = [definition]
        var schema = self.definitions[definition]
        while let next = schema?["$ref"]?.string.flatMap(DefinitionNames.name) {
            guard seen.insert(next).inserted else { return "unknown" }
            schema = self.definitions[next]
        }
        return self.type(self.definitions[definition] ?? [:])
    }

    // MARK: Types

    private mutating func render(_ schema: JSONValue, indent: Int, depth: Int) -> String {
        if let value = schema.bool { return value ? "unknown" : "never" }
        guard let members = schema.object, depth < Self.maxDepth else { return "unknown" }
        if members["x-roost-type"] == "ToolFile" { return "ToolFile" }
        if let reference = members["$ref"]?.string { return self.reference(reference) }
        if let value = members["const"] { return Self.literal(value) }
        if let values = members["enum"]?.array { return Self.union(values.prefix(Self.maxEnumValues).map(Self.literal)) }
        var parts: [String] = []
        let own = self.ownType(members, indent: indent, depth: depth)
        if own != "unknown" { parts.append(own) }
        for key in ["anyOf", "oneOf"] {
            guard let alternatives = members[key]?.array else { continue }
            var types: [String] = []
            for alternative in alternatives { types.append(self.render(alternative, indent: indent, depth: depth + 1)) }
            parts.append(Self.union(types))
        }
        for part in members["allOf"]?.array ?? [] { parts.append(self.render(part, indent: indent, depth: depth + 1)) }
        var seen = Set<String>()
        parts = parts.filter { $0 != "unknown" && seen.insert($0).inserted }
        guard parts.count > 1 else { return parts.first ?? "unknown" }
        // `string & (string | null)` is no help; what the alternatives say is more exact than the bare type beside them.
        if parts.count == 2, ["object", "string", "number", "boolean", "Record<string, unknown>"].contains(own), parts[0] == own {
            return parts[1]
        }
        return parts.map(Self.grouped).joined(separator: " & ")
    }

    private mutating func reference(_ reference: String) -> String {
        guard let name = DefinitionNames.name(of: reference), self.definitions.contains(key: name) else { return "unknown" }
        if self.seen.insert(name).inserted { self.pending.append(name) }
        return self.names.identifier(for: name)
    }

    /// What `type`, `properties` and `items` say.
    private mutating func ownType(_ members: JSONObject, indent: Int, depth: Int) -> String {
        var types = members["type"]?.array?.compactMap(\.string) ?? members["type"]?.string.map { [$0] } ?? []
        if types.isEmpty {
            if members.contains(key: "properties") || members.contains(key: "additionalProperties")
                || members.contains(key: "patternProperties")
            {
                types = ["object"]
            } else if members.contains(key: "items") || members.contains(key: "prefixItems") {
                types = ["array"]
            } else {
                return "unknown"
            }
        }
        var rendered: [String] = []
        for type in types {
            switch type {
            case "string", "boolean", "null": rendered.append(type)
            case "integer", "number": rendered.append("number")
            case "array": rendered.append(self.array(members, indent: indent, depth: depth))
            case "object": rendered.append(self.object(members, indent: indent, depth: depth))
            default: rendered.append("unknown")
            }
        }
        return Self.union(rendered)
    }

    private mutating func array(_ members: JSONObject, indent: Int, depth: Int) -> String {
        if let prefix = members["prefixItems"]?.array {
            var types: [String] = []
            for schema in prefix { types.append(self.render(schema, indent: indent, depth: depth + 1)) }
            if members["items"]?.bool != false {
                types.append("...\(Self.grouped(self.render(members["items"] ?? true, indent: indent, depth: depth + 1)))[]")
            }
            return "[\(types.joined(separator: ", "))]"
        }
        return Self.grouped(self.render(members["items"] ?? true, indent: indent, depth: depth + 1)) + "[]"
    }

    private mutating func object(_ members: JSONObject, indent: Int, depth: Int) -> String {
        let properties = members["properties"]?.object ?? [:]
        let extra = self.extraType(members, indent: indent, depth: depth)
        guard !properties.isEmpty else {
            guard let extra else { return members["additionalProperties"]?.bool == false ? "{}" : "Record<string, unknown>" }
            return "Record<string, \(extra)>"
        }
        let required = Set(members["required"]?.array?.compactMap(\.string) ?? [])
        let space = String(repeating: "  ", count: indent + 1)
        var lines: [String] = []
        for (name, schema) in properties {
            let type = self.render(schema, indent: indent + 1, depth: depth + 1)
            lines.append(
                "\(self.comment(schema, indent: indent + 1))\(space)\(TypeScriptNames.property(name))\(required.contains(name) ? "" : "?"): \(type);"
            )
        }
        // Where properties are declared, a type for all others would have to admit theirs.
        if extra != nil { lines.append("\(space)[key: string]: unknown;") }
        return "{\n\(lines.joined(separator: "\n"))\n\(String(repeating: "  ", count: indent))}"
    }

    /// The type of the properties that are not declared; nil where the schema says nothing of them, or that there are none.
    private mutating func extraType(_ members: JSONObject, indent: Int, depth: Int) -> String? {
        var types: [String] = []
        for schema in members["patternProperties"]?.object?.values ?? [] {
            types.append(self.render(schema, indent: indent, depth: depth + 1))
        }
        if let schema = members["additionalProperties"], schema.bool == nil {
            types.append(self.render(schema, indent: indent, depth: depth + 1))
        } else if members["additionalProperties"]?.bool == true {
            types.append("unknown")
        }
        return types.isEmpty ? nil : Self.union(types)
    }

    /// A description on one line above what it describes; with a note where it is deprecated.
    private func comment(_ schema: JSONValue?, indent: Int) -> String {
        let deprecated = schema?["deprecated"]?.bool == true ? "Deprecated. " : ""
        let words = (schema?["description"]?.string ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ").replacing(
            "*/", with: "* /")
        var text = deprecated + words
        guard !text.isEmpty else { return "" }
        if text.count > self.maxCommentCharacters { text = text.prefix(self.maxCommentCharacters - 1) + "…" }
        return "\(String(repeating: "  ", count: indent))/** \(text) */\n"
    }

    // MARK: Text

    private static func literal(_ value: JSONValue) -> String {
        switch value {
        case .string, .number, .bool, .null: value.text()
        case .array, .object: "unknown"
        }
    }

    private static func union(_ types: [String]) -> String {
        var seen = Set<String>()
        let distinct = types.filter { seen.insert($0).inserted }
        if distinct.contains("unknown") || distinct.isEmpty { return "unknown" }
        return distinct.map { Self.needsGroup($0, for: "&") ? "(\($0))" : $0 }.joined(separator: " | ")
    }

    /// The type in parentheses where an operator outside of any brackets would otherwise reach beyond it.
    private static func grouped(_ type: String) -> String { self.needsGroup(type, for: "|&") ? "(\(type))" : type }

    private static func needsGroup(_ type: String, for operators: String) -> Bool {
        var depth = 0
        var quote = false
        var previous: UInt8 = 0
        for byte in type.utf8 {
            defer { previous = byte }
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { quote.toggle() }
            guard !quote else { continue }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "<"): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: ">"): depth -= 1
            default: if depth == 0, operators.utf8.contains(byte) { return true }
            }
        }
        return false
    }
}
