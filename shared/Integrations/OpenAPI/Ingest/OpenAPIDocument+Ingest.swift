import JSON

extension OpenAPIDocument {
    /// Takes the document apart into tools, shared schemas and what calls need.
    ///
    /// Every operation becomes a tool. One that cannot be called as it stands (its body has a type that is not written yet, a reference
    /// leads out of the document) is listed all the same, with a fault, and says so when it is called.
    ///
    /// - Parameter keeping: Tool names of an earlier version of the document by ``OperationBinding/key``.
    /// - Throws: ``OpenAPIError`` when a bound is passed; nothing else that a document holds stops it.
    package func ingest(keeping: [String: String] = [:], limits: OpenAPILimits = OpenAPILimits()) throws(OpenAPIError) -> OpenAPISource {
        let references = LocalReferences(root: self.root, limits: limits)
        let servers = ServerReader(documentURL: self.url)
        let reader = OperationReader(document: self, references: references, servers: servers, limits: limits)
        var schemas = SchemaNormalizer(document: self, references: references, limits: limits)
        let operations = try self.operations(references: references, limits: limits, faults: &schemas.faults)
        var results: [OperationReader.Result] = []
        var byteCount = 0
        for operation in operations {
            let result = try reader.read(operation, schemas: &schemas)
            byteCount += result.inputSchema.bytes.count + result.outputSchema.bytes.count + result.binding.json.bytes().count
            try Self.check(byteCount, limits)
            results.append(result)
        }
        var definitions: [(name: String, schema: JSONText)] = []
        for (name, schema) in try schemas.writeDefinitions() {
            let text = JSONText(schema)
            byteCount += text.bytes.count
            try Self.check(byteCount, limits)
            definitions.append((name, text))
        }
        let names = ToolNaming(maxCharacters: limits.maxNameCharacters).names(of: operations.map(\.naming), keeping: keeping)
        schemas.faults.location = "servers"
        let server = servers.url(of: self.root["servers"], isRoot: true, faults: &schemas.faults)
        let security = SecurityReader(document: self, references: references, limits: limits)
        return OpenAPISource(
            title: self.title, summary: self.summary,
            tools: zip(names, results).map { OpenAPITool(name: $0, $1) }.sorted { $0.name < $1.name }, definitions: definitions,
            configuration: OpenAPIConfiguration(
                server: server, authMethods: security.methods(requirements: operations.compactMap { $0.operation["security"] })),
            faults: schemas.faults.listed, unlistedFaultCount: schemas.faults.unlistedCount)
    }

    /// The fixed fields of a path item that hold operations.
    private static let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]

    private func operations(
        references: LocalReferences, limits: OpenAPILimits, faults: inout IngestFaults
    ) throws(OpenAPIError) -> [OperationReader.Operation] {
        var operations: [OperationReader.Operation] = []
        var sharedItems = SharedPathItems(references: references, maxValues: limits.maxValues)
        for (path, value) in self.root["paths"]?.object ?? [:] where path.hasPrefix("/") {
            faults.location = path
            guard path.utf8.count <= limits.maxPathBytes else {
                faults.add("The path is longer than \(limits.maxPathBytes) bytes. Its operations are left out.")
                continue
            }
            let item: JSONObject
            switch try sharedItems.resolve(value) {
            case .success(let resolved): item = resolved
            case .failure(let fault):
                faults.add("The path \(fault.message). Its operations are left out.")
                continue
            }
            for method in Self.methods {
                guard let operation = item[method]?.object else { continue }
                guard operations.count < limits.maxOperations else {
                    throw OpenAPIError(
                        .limitExceeded, "The document has more than \(limits.maxOperations) operations (roost.openapi.max_operations).")
                }
                operations.append(.init(method: method.uppercased(), path: path, item: item, operation: operation))
            }
        }
        return operations
    }

    private static func check(_ byteCount: Int, _ limits: OpenAPILimits) throws(OpenAPIError) {
        guard byteCount <= limits.maxSchemaBytes else { throw .schemasTooLarge(limits) }
    }
}

extension OpenAPIError {
    /// What is written for all tools together is too large.
    static func schemasTooLarge(_ limits: OpenAPILimits) -> OpenAPIError {
        OpenAPIError(
            .limitExceeded, "The document's schemas take more than \(limits.maxSchemaBytes) bytes (roost.openapi.max_schema_bytes).")
    }
}

extension OperationReader.Operation {
    /// What the tool's name is made from.
    fileprivate var naming: ToolNaming.Operation {
        // Cut, because a path item that many paths refer to may hold megabytes of text; what is cut off would not show in a name.
        func head(_ value: JSONValue?) -> String? { value?.plainText.map { String($0.unicodeScalars.prefix(500)) } }
        return ToolNaming.Operation(
            method: self.method, path: self.path, operationID: head(self.operation["operationId"]), tag: head(self.operation["tags"]?[0]))
    }
}

extension OpenAPITool {
    fileprivate init(name: String, _ result: OperationReader.Result) {
        self.init(
            name: name, description: result.description, binding: result.binding, inputSchema: result.inputSchema,
            outputSchema: result.outputSchema)
    }
}
