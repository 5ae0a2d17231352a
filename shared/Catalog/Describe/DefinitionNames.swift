import JSON

/// Finds the shared definitions that a schema refers to.
enum DefinitionNames {
    private static let prefix = "#/$defs/"

    /// The name behind a reference to a shared definition; nil for any other reference.
    static func name(of reference: String) -> String? {
        guard reference.hasPrefix(self.prefix), let pointer = JSONPointer(fragment: reference), pointer.tokens.count == 2 else {
            return nil
        }
        return pointer.tokens[1]
    }

    /// The names in a schema, each once, in the order of the text.
    static func names(in schema: JSONValue) -> [String] {
        var names: [String] = []
        var seen = Set<String>()
        self.collect(schema, &names, &seen)
        return names
    }

    private static func collect(_ value: JSONValue, _ names: inout [String], _ seen: inout Set<String>) {
        switch value {
        case .object(let members):
            for (key, member) in members {
                if key == "$ref", let name = member.string.flatMap(self.name), seen.insert(name).inserted { names.append(name) }
                // What stands under these is data, whatever it looks like.
                if !["const", "default", "enum", "examples"].contains(key) { self.collect(member, &names, &seen) }
            }
        case .array(let elements):
            for element in elements { self.collect(element, &names, &seen) }
        default: break
        }
    }
}

/// A schema and every shared definition that it reaches.
struct SchemaClosure: Sendable {
    /// The schema itself; the one that takes everything where a tool has none.
    let schema: JSONValue
    /// By name, in the order of reaching.
    let definitions: JSONObject
    /// Bytes of all of it as text.
    let byteCount: Int

    /// Reads the definitions level by level, so that a tool costs as many reads as its types are deep.
    ///
    /// - Parameter read: Gives the named definitions; those that do not exist are left out.
    static func make(
        _ schema: JSONText?, limits: CatalogLimits, read: ([String]) async throws -> [String: JSONText]
    ) async throws -> SchemaClosure {
        let root = try schema?.value(limits: limits.json) ?? [:]
        var definitions = JSONObject()
        var byteCount = schema?.bytes.count ?? 0
        var pending = DefinitionNames.names(in: root)
        var seen = Set(pending)
        while !pending.isEmpty {
            let texts = try await read(pending)
            var next: [String] = []
            for name in pending {
                guard let text = texts[name], definitions.count < limits.maxDefinitionsPerTool,
                    byteCount + text.bytes.count <= limits.maxDefinitionBytesPerTool
                else {
                    // A place for it all the same, so that references to it lead somewhere.
                    definitions.set([:], forKey: name)
                    continue
                }
                let value = try text.value(limits: limits.json)
                definitions.set(value, forKey: name)
                byteCount += text.bytes.count
                next += DefinitionNames.names(in: value).filter { seen.insert($0).inserted }
            }
            // Past the bound the rest is only given a place.
            pending = definitions.count < limits.maxDefinitionsPerTool ? next : []
            if pending.isEmpty { for name in next { definitions.set([:], forKey: name) } }
        }
        return SchemaClosure(schema: root, definitions: definitions, byteCount: byteCount)
    }

    /// The schema with its definitions under `$defs`, complete in itself.
    var document: JSONValue {
        guard var members = self.schema.object, !self.definitions.isEmpty else { return self.schema }
        members["$defs"] = .object(self.definitions)
        return .object(members)
    }
}
