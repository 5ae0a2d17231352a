import JSON

/// Turns a document's schemas into plain JSON Schema 2020-12.
///
/// - References stay references, now into the integration's shared definitions; nothing is written out in place, so that schemas that
///   refer to themselves are nothing special.
/// - What 3.0 writes in its own way is rewritten: `nullable`, a boolean `exclusiveMinimum`, `example`.
/// - `oneOf` becomes `anyOf`. Documents use it for "one of these" and rarely make sure that only one can match; an agent must not be
///   refused because a number also is an integer.
/// - A property that only answers or only requests carry is not required, because one schema serves both.
/// - Keywords of the wrong kind, which validators refuse, are dropped.
struct SchemaNormalizer {
    private let isLegacy: Bool
    private let references: LocalReferences
    private let limits: OpenAPILimits
    private var definitions: DefinitionTable
    private var nodeCount = 0
    private var byteCount = 0
    /// What came up in the schemas so far.
    var faults: IngestFaults

    init(document: OpenAPIDocument, references: LocalReferences, limits: OpenAPILimits) {
        self.isLegacy = document.version == .v30
        self.references = references
        self.limits = limits
        self.definitions = DefinitionTable(maxCount: limits.maxDefinitions, maxNameCharacters: limits.maxNameCharacters)
        self.faults = IngestFaults(maxFaults: limits.maxFaults)
    }

    /// Writes one schema; what is no schema becomes the one that takes everything.
    mutating func normalize(_ schema: JSONValue?) throws(OpenAPIError) -> JSONValue {
        try self.charge(nodes: 1)
        guard case .object(let members)? = schema else { return schema?.bool.map(JSONValue.bool) ?? [:] }
        // Also what is not kept was looked at.
        try self.charge(nodes: members.count)
        var result = JSONObject()
        let reference = members["$ref"]?.string
        if let reference { try self.write(reference: reference, to: &result) }
        for (key, value) in members {
            guard let keyword = SchemaKeyword.kept[key] else { continue }
            if reference != nil, self.isLegacy, !SchemaKeyword.annotations.contains(key) { continue }
            if let written = try self.write(value, of: keyword) { result.set(written, forKey: key) }
        }
        self.rewriteBounds(members, &result)
        self.rewriteAlternatives(&result)
        self.rewriteRequired(&result)
        if let example = members["example"], result["examples"] == nil {
            try self.charge(example)
            result["examples"] = [example]
        }
        return .object(members["nullable"]?.bool == true ? Self.nullable(result) : result)
    }

    /// Counts a value that is taken over as it stands, with all its parts.
    mutating func charge(_ value: JSONValue) throws(OpenAPIError) {
        switch value {
        case .string(let text): try self.charge(nodes: 1, bytes: text.utf8.count)
        case .array(let elements):
            try self.charge(nodes: 1)
            for element in elements { try self.charge(element) }
        case .object(let members):
            try self.charge(nodes: 1)
            for (key, member) in members {
                try self.charge(bytes: key.utf8.count)
                try self.charge(member)
            }
        default: try self.charge(nodes: 1)
        }
    }

    /// Counts parts and bytes of schemas before they are written, since one part of a document may be written out for every operation.
    private mutating func charge(nodes: Int = 0, bytes: Int = 0) throws(OpenAPIError) {
        self.nodeCount += nodes
        self.byteCount += bytes
        guard self.nodeCount <= self.limits.maxSchemaNodes else {
            throw OpenAPIError(
                .limitExceeded,
                "The document's schemas have more than \(self.limits.maxSchemaNodes) parts (roost.openapi.max_schema_nodes).")
        }
        guard self.byteCount <= self.limits.maxSchemaBytes else { throw .schemasTooLarge(self.limits) }
    }

    /// Writes the definitions that were reached so far, and those that they reach.
    mutating func writeDefinitions() throws(OpenAPIError) -> [(name: String, schema: JSONValue)] {
        var written: [(name: String, schema: JSONValue)] = []
        while let (name, place) = self.definitions.popPending() {
            self.faults.location = name
            written.append((name, try self.normalize(self.references.value(at: place))))
        }
        return written.sorted { $0.name < $1.name }
    }

    /// The types that a schema lets through, as far as it says so plainly; nil where it does not.
    func types(of schema: JSONValue?) -> Set<String>? {
        // Alternatives of alternatives that refer to themselves would be visited without end.
        var visitsLeft = 64
        return self.types(of: schema, visitsLeft: &visitsLeft)
    }

    private func types(of schema: JSONValue?, visitsLeft: inout Int) -> Set<String>? {
        visitsLeft -= 1
        guard visitsLeft > 0, let schema, let resolved = try? self.references.resolved(schema) else { return nil }
        if let type = resolved["type"] {
            let names = type.string.map { [$0] } ?? (type.array ?? []).prefix(8).compactMap(\.string)
            return names.isEmpty ? nil : Set(names)
        }
        if let parts = resolved["allOf"]?.array {
            for part in parts.prefix(8) { if let types = self.types(of: part, visitsLeft: &visitsLeft) { return types } }
        }
        guard let alternatives = resolved["oneOf"]?.array ?? resolved["anyOf"]?.array, !alternatives.isEmpty, alternatives.count <= 8 else {
            return nil
        }
        var types = Set<String>()
        for alternative in alternatives {
            guard let some = self.types(of: alternative, visitsLeft: &visitsLeft) else { return nil }
            types.formUnion(some)
        }
        return types
    }

    // MARK: Keywords

    private mutating func write(reference: String, to result: inout JSONObject) throws(OpenAPIError) {
        do {
            let place = try self.references.tokens(of: reference)
            guard self.references.value(at: place) != nil else { throw LocalReferences.Fault.missing(reference.printable(200)) }
            result["$ref"] = .string(try self.definitions.reference(to: place))
        } catch let error as OpenAPIError {
            throw error
        } catch let fault as LocalReferences.Fault {
            self.faults.add("A schema \(fault.message). It takes anything.")
            result["description"] = .string("Unknown: the document \(fault.message).")
        } catch {
            preconditionFailure("only the two kinds of error above are thrown")
        }
    }

    private mutating func write(_ value: JSONValue, of keyword: SchemaKeyword) throws(OpenAPIError) -> JSONValue? {
        switch keyword {
        case .schema:
            // A list of schemas under `items` is how old drafts described tuples.
            guard value.object != nil || value.bool != nil else { return nil }
            return try self.normalize(value)
        case .schemaList:
            guard let schemas = value.array, !schemas.isEmpty else { return nil }
            var written: [JSONValue] = []
            for schema in schemas { written.append(try self.normalize(schema)) }
            return .array(written)
        case .schemaMap:
            guard let schemas = value.object else { return nil }
            var written = JSONObject()
            for (name, schema) in schemas {
                try self.charge(bytes: name.utf8.count)
                written.set(try self.normalize(schema), forKey: name)
            }
            return .object(written)
        default:
            try self.charge(value)
            return keyword.plain(value)
        }
    }

    /// In 3.0 `exclusiveMinimum: true` says that `minimum` itself is not allowed.
    private func rewriteBounds(_ members: JSONObject, _ result: inout JSONObject) {
        for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] where members[exclusive]?.bool == true
        {
            result[exclusive] = result[bound]
            result.removeValue(forKey: bound)
        }
        if let factor = result["multipleOf"]?.number, !(factor > 0) { result.removeValue(forKey: "multipleOf") }
    }

    private func rewriteAlternatives(_ result: inout JSONObject) {
        guard let oneOf = result["oneOf"] else { return }
        result.removeValue(forKey: "oneOf")
        if result["anyOf"] == nil {
            result["anyOf"] = oneOf
        } else {
            result["allOf"] = .array((result["allOf"]?.array ?? []) + [["anyOf": oneOf]])
        }
    }

    private func rewriteRequired(_ result: inout JSONObject) {
        guard let required = result["required"]?.array, let properties = result["properties"]?.object else { return }
        let kept = required.filter { name in
            let property = name.string.flatMap { properties[$0] }
            return property?["readOnly"]?.bool != true && property?["writeOnly"]?.bool != true
        }
        if kept.isEmpty {
            result.removeValue(forKey: "required")
        } else if kept.count < required.count {
            result.set(.array(kept), forKey: "required")
        }
    }

    /// The same schema, taking null too.
    private static func nullable(_ schema: JSONObject) -> JSONObject {
        var result = schema
        if let type = schema["type"] {
            let types = type.array ?? [type]
            result["type"] = .array(types.contains("null") ? types : types + ["null"])
            if let values = schema["enum"]?.array, !values.contains(.null) { result["enum"] = .array(values + [.null]) }
            return result
        }
        if let alternatives = schema["anyOf"]?.array, schema["$ref"] == nil, schema["allOf"] == nil {
            result["anyOf"] = .array(alternatives + [["type": "null"]])
            return result
        }
        // Without any type, `nullable` says nothing (OpenAPI 3.0.3, proposal 2019-10-31); with a reference or parts it is meant.
        guard schema["$ref"] != nil || schema["allOf"] != nil else { return result }
        var outer = JSONObject()
        for key in ["title", "description", "deprecated"] {
            if let value = schema[key] {
                outer[key] = value
                result.removeValue(forKey: key)
            }
        }
        outer["anyOf"] = [.object(result), ["type": "null"]]
        return outer
    }
}
