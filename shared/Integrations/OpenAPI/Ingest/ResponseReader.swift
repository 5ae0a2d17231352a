import JSON

/// Reads what a successful call gives.
struct ResponseReader {
    /// The output of a tool.
    struct Output {
        let schema: JSONValue
        /// What to ask the server for; nil where the document does not say.
        let accept: String?
        /// Whether the answer is a file rather than data.
        let isFile: Bool
    }

    /// The schema of a file as it is given to programs. The mark tells those who render schemas that this is the well-known type.
    static let fileSchema: JSONValue = [
        "type": "object", "x-roost-type": "ToolFile", "description": "A file; emit() it to show it to the user.",
        "properties": [
            "_tag": ["const": "ToolFile"], "name": ["type": "string"], "mimeType": ["type": "string"], "encoding": ["const": "base64"],
            "data": ["type": "string"], "byteLength": ["type": "integer"],
        ],
        "required": ["_tag", "mimeType", "encoding", "data", "byteLength"],
    ]

    private let references: LocalReferences
    private let limits: OpenAPILimits

    init(references: LocalReferences, limits: OpenAPILimits) {
        self.references = references
        self.limits = limits
    }

    /// Takes the first of the 2xx responses that has content, else `default`; without any content the output is null.
    func read(_ responses: JSONValue?, schemas: inout SchemaNormalizer) throws(OpenAPIError) -> Output {
        let all = responses?.object ?? [:]
        let successes = all.keys.filter { $0.hasPrefix("2") }.sorted { Self.rank($0) < Self.rank($1) }
        var candidates: [JSONObject] = []
        for code in successes + (all.contains(key: "default") ? ["default"] : []) {
            guard let value = all[code] else { continue }
            do {
                let content = try self.references.resolved(value)["content"]?.object ?? [:]
                // With a success declared, `default` describes errors.
                if code == "default", !successes.isEmpty { continue }
                candidates.append(content)
            } catch {
                schemas.faults.add("The response \(code.printable(10)) \(error.message). It may be anything.")
                return Output(schema: [:], accept: nil, isFile: false)
            }
        }
        guard !candidates.isEmpty else { return Output(schema: [:], accept: nil, isFile: false) }
        guard let content = candidates.first(where: { !$0.isEmpty }) else {
            return Output(schema: ["type": "null"], accept: nil, isFile: false)
        }
        return try self.output(content, schemas: &schemas)
    }

    private func output(_ content: JSONObject, schemas: inout SchemaNormalizer) throws(OpenAPIError) -> Output {
        let names = content.prefix(self.limits.maxMediaTypes).map(\.key).filter { $0.utf8.count <= MediaType.maxBytes }
        let types = names.map { (name: $0, type: MediaType($0)) }
        let accept = Self.accept(types)
        if let json = types.first(where: { $0.type.isJSON || $0.type.isAny }) {
            return Output(schema: try schemas.normalize(content[json.name]?["schema"]), accept: accept, isFile: false)
        }
        if types.contains(where: \.type.isText) { return Output(schema: ["type": "string"], accept: accept, isFile: false) }
        return Output(schema: Self.fileSchema, accept: accept, isFile: true)
    }

    /// The declared types, JSON first, and anything else with little weight. A stream of events never ends for a caller that waits for
    /// the whole, so it is asked for only where there is nothing else.
    private static func accept(_ types: [(name: String, type: MediaType)]) -> String? {
        let json = types.filter { $0.type.isJSON }
        let others = types.filter { !$0.type.isJSON && !$0.type.isAny && !$0.type.isEventStream }
        let chosen = (json + others).isEmpty ? types.filter { !$0.type.isAny } : json + others
        let names = chosen.map(\.name).filter { RequestFields.isValue($0) && !$0.contains(",") && $0.utf8.count <= 100 }.prefix(4)
        guard !names.isEmpty else { return nil }
        let value = (names + ["*/*;q=0.5"]).joined(separator: ", ")
        return value == OperationBinding.defaultAccept ? nil : value
    }

    /// 200 before 201, and the range `2XX` last.
    private static func rank(_ code: String) -> Int { Int(code) ?? 299 }
}
