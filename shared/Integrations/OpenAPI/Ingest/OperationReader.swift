import JSON

/// Reads one operation: its binding, and the schemas of what it takes and gives.
struct OperationReader {
    /// An operation as it stands in the document.
    struct Operation {
        let method: String
        let path: String
        let item: JSONObject
        let operation: JSONObject
    }

    /// An operation read, without its name.
    struct Result {
        let binding: OperationBinding
        let description: String
        let inputSchema: JSONText
        let outputSchema: JSONText
    }

    private let references: LocalReferences
    private let servers: ServerReader
    private let limits: OpenAPILimits
    private let documentSecurity: JSONValue?

    init(document: OpenAPIDocument, references: LocalReferences, servers: ServerReader, limits: OpenAPILimits) {
        self.references = references
        self.servers = servers
        self.limits = limits
        self.documentSecurity = document.root["security"]
    }

    /// Reads the operation; the schemas' shared parts and everything that is wrong go to `schemas`.
    func read(_ operation: Operation, schemas: inout SchemaNormalizer) throws(OpenAPIError) -> Result {
        schemas.faults.location = "\(operation.method) \(operation.path)"
        var binding = OperationBinding(method: operation.method, path: operation.path)
        binding.sendsCredentials = (operation.operation["security"] ?? self.documentSecurity)?.array.map { !$0.isEmpty } ?? true
        binding.server =
            self.servers.url(of: operation.operation["servers"], isRoot: false, faults: &schemas.faults)
            ?? self.servers.url(of: operation.item["servers"], isRoot: false, faults: &schemas.faults)
        var input = InputSchema()
        try ParameterReader(references: self.references, limits: self.limits).read(operation, into: &binding, &input, schemas: &schemas)
        try self.readBody(operation.operation["requestBody"], into: &binding, &input, schemas: &schemas)
        let response = try ResponseReader(references: self.references, limits: self.limits).read(
            operation.operation["responses"], schemas: &schemas)
        binding.accept = response.accept ?? OperationBinding.defaultAccept
        return Result(
            binding: binding, description: self.description(of: operation, binding, isFile: response.isFile),
            inputSchema: JSONText(input.schema),
            outputSchema: JSONText(response.schema))
    }

    // MARK: Body

    private func readBody(
        _ value: JSONValue?, into binding: inout OperationBinding, _ input: inout InputSchema, schemas: inout SchemaNormalizer
    ) throws(OpenAPIError) {
        guard let value else { return }
        let body: JSONValue
        do {
            body = try self.references.resolved(value)
        } catch {
            schemas.faults.add("The body \(error.message). The operation is listed and cannot be called.")
            binding.fault = "Its request body \(error.message)."
            return
        }
        guard let (contentType, kind, media) = self.preferredContent(body["content"]?.object ?? [:]) else { return }
        var encodings: [String: BodyBinding.Encoding] = [:]
        for (name, encoding) in media["encoding"]?.object ?? [:] where kind == .form {
            try schemas.charge(.string(name))
            encodings[name] = Self.encoding(encoding)
        }
        let isRequired = body["required"]?.bool ?? false
        binding.body = BodyBinding(kind: kind, contentType: contentType, isRequired: isRequired, encodings: encodings)
        var schema: JSONValue
        if kind == .unsupported {
            schemas.faults.add("Its request body has the type \(contentType.printable(100)), which Roost does not write yet.")
            schema = [
                "description": .string(
                    "A \(contentType.printable(100)) body, which Roost cannot write yet: a call with it answers unsupported_body.")
            ]
        } else {
            schema = try schemas.normalize(media["schema"])
        }
        if let description = body["description"] { try schemas.charge(description) }
        // A tool whose body cannot be written must answer so, and not that the body is missing.
        input.add("body", schema, description: body["description"]?.string, isRequired: isRequired && kind != .unsupported)
    }

    /// JSON where there is a choice, else a form, else whatever stands first.
    private func preferredContent(_ content: JSONObject) -> (type: String, kind: BodyBinding.Kind, media: JSONValue)? {
        let content = content.prefix(self.limits.maxMediaTypes).filter { $0.key.utf8.count <= MediaType.maxBytes }
        let types = content.map { MediaType($0.key) }
        func first(_ matches: (MediaType) -> Bool) -> (key: String, value: JSONValue)? {
            types.firstIndex(where: matches).map { content[$0] }
        }
        if let (type, media) = first(\.isPlainJSON) ?? first(\.isJSON) { return (type, .json, media) }
        if let (type, media) = first(\.isForm) { return (type, .form, media) }
        // `*/*` is what frameworks write that do not know; what they mean is JSON.
        if let (_, media) = first({ $0.isAny }) { return ("application/json", .json, media) }
        return content.first.map { ($0.key, .unsupported, $0.value) }
    }

    private static func encoding(_ value: JSONValue) -> BodyBinding.Encoding {
        let style = value["style"]?.string.flatMap(ParameterBinding.Style.init(rawValue:))
        let isStyled = style != nil || value["explode"] != nil || value["allowReserved"] != nil
        let effective = isStyled ? style ?? .form : nil
        return BodyBinding.Encoding(
            style: effective, explode: value["explode"]?.bool ?? (effective == nil || effective == .form || effective == .deepObject),
            allowReserved: value["allowReserved"]?.bool ?? false)
    }

    // MARK: Words

    private func description(of operation: Operation, _ binding: OperationBinding, isFile: Bool) -> String {
        // Cut before anything else: a path item that many paths refer to may hold megabytes of text.
        func head(_ value: JSONValue?) -> String? {
            value?.string.map { String($0.unicodeScalars.prefix(4 * self.limits.maxDescriptionCharacters)).trimmed }
        }
        let summary = head(operation.operation["summary"]) ?? ""
        let long = head(operation.operation["description"]) ?? head(operation.item["description"]) ?? ""
        var text = summary.isEmpty || long.hasPrefix(summary) ? long : long.isEmpty ? summary : "\(summary)\n\n\(long)"
        if text.isEmpty { text = "\(operation.method) \(operation.path)" }
        if operation.operation["deprecated"]?.bool == true { text = "Deprecated. \(text)" }
        if text.count > self.limits.maxDescriptionCharacters { text = text.prefix(self.limits.maxDescriptionCharacters - 1) + "…" }
        if isFile { text += "\n\nGives a file; emit() it to show it to the user." }
        return text
    }
}
