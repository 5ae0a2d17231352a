import JSON

/// Names of types and properties in TypeScript.
struct TypeScriptNames {
    /// Words that no declared type may take: the language's own types and those that every description declares.
    private static let taken: Set<String> = [
        "any", "unknown", "never", "void", "null", "undefined", "string", "number", "boolean", "bigint", "symbol", "object", "type",
        "interface", "class", "enum", "function", "const", "let", "var", "import", "export", "default", "new", "this", "typeof", "keyof",
        "in", "is",
        "true", "false", "Record", "Array", "Promise", "Date", "Object", "String", "Number", "Boolean", "ToolError", "ToolHttpMeta",
        "ToolFile",
    ]

    private var names: [String: String] = [:]
    private var used = Self.taken

    /// The identifier for a definition; the same each time, and different for different definitions.
    mutating func identifier(for definition: String) -> String {
        if let name = self.names[definition] { return name }
        let base = Self.sanitized(definition)
        var name = base
        var number = 2
        while self.used.contains(name) {
            name = "\(base)_\(number)"
            number += 1
        }
        self.used.insert(name)
        self.names[definition] = name
        return name
    }

    /// Runs of what identifiers do not take become one underscore.
    private static func sanitized(_ text: String) -> String {
        var result = ""
        var isGap = false
        for scalar in text.unicodeScalars {
            guard self.isIdentifierCharacter(scalar) else {
                isGap = true
                continue
            }
            if isGap, !result.isEmpty { result += "_" }
            isGap = false
            result.unicodeScalars.append(scalar)
        }
        guard let first = result.unicodeScalars.first else { return "Type" }
        return first.properties.numericType == nil ? result : "_" + result
    }

    /// A property's name: as it is where it is an identifier, else quoted.
    static func property(_ name: String) -> String {
        let isIdentifier =
            !name.isEmpty && name.unicodeScalars.allSatisfy { $0.isASCII && self.isIdentifierCharacter($0) }
            && name.unicodeScalars.first?.properties.numericType == nil
        return isIdentifier ? name : JSONValue.string(name).text()
    }

    private static func isIdentifierCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "$" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
    }
}
