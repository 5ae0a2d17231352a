import JSON
import Model
import OpenAPI
import Policies
import Store
import TestSupport
import Testing
import Vault

@testable import Catalog

/// Every tool of the real documents, as far as it comes without a network.
@Suite("Real documents in the catalog", .enabled(if: OpenAPICorpus.isPresent), .timeLimit(.minutes(5)))
struct CatalogCorpusTests {
    @Test("can be checked and described, every tool of them", arguments: OpenAPICorpus.names)
    func everyTool(name: String) async throws {
        let source = try OpenAPIDocument(reading: try OpenAPICorpus.bytes(name)).ingest()
        let definitions = Dictionary(uniqueKeysWithValues: source.definitions.map { ($0.name, $0.schema) })
        let limits = CatalogLimits()
        var longest = (name: "", byteCount: 0)
        for tool in source.tools {
            func closure(_ schema: JSONText) async throws -> SchemaClosure {
                try await SchemaClosure.make(schema, limits: limits) { names in definitions.filter { names.contains($0.key) } }
            }
            let input = try await closure(tool.inputSchema)
            let schema = try JSONSchema(compiling: input.document, faultPolicy: .ignore)
            #expect(schema.faults.filter { $0.code != .unsupportedPattern }.isEmpty, "\(tool.name): \(schema.faults)")
            let description = ToolDescription(
                path: tool.name, name: tool.name, description: tool.description, input: input, output: try await closure(tool.outputSchema),
                limits: limits)
            let byteCount = description.typeScriptDefinitions.reduce(0) { $0 + $1.declaration.utf8.count }
            if byteCount > longest.byteCount { longest = (tool.name, byteCount) }
            #expect(byteCount < 2 * limits.maxTypeScriptBytes, "\(tool.name)")
            #expect(Set(description.typeScriptDefinitions.map(\.name)).count == description.typeScriptDefinitions.count)
            #expect(description.inputTypeScript.hasPrefix("{"))
        }
        print("\(name): the longest description is \(longest.name) with \(longest.byteCount) bytes of types")
    }

    @Test("take arguments as agents write them, and refuse wrong ones by name")
    func arguments() async throws {
        let source = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("openai.json")).ingest()
        let definitions = Dictionary(uniqueKeysWithValues: source.definitions.map { ($0.name, $0.schema) })
        let tool = try #require(source.tools.first { $0.name == "chat.createChatCompletion" })
        let limits = CatalogLimits()
        let closure = try await SchemaClosure.make(tool.inputSchema, limits: limits) { names in
            definitions.filter { names.contains($0.key) }
        }
        let ready = ReadyTool(description: "", binding: tool.binding, input: closure, limits: limits)
        let message: JSONValue = ["role": "user", "content": "hi"]
        #expect(throws: Never.self) {
            try ready.canonicalArguments(["body": ["model": "gpt-4o", "messages": [message], "temperature": 1]])
        }
        #expect(throws: Never.self) {
            try ready.canonicalArguments(["body": ["model": "anything new", "messages": [message], "stop": nil]])
        }
        let missing = #expect(throws: (any Error).self) { try ready.canonicalArguments(["body": ["messages": [message]]]) }
        #expect("\(missing.map { "\($0)" } ?? "")".contains("model"))
        #expect(throws: (any Error).self) { try ready.canonicalArguments(["body": ["model": "gpt-4o", "messages": "hi"]]) }
    }
}

/// The real documents by way of the database.
@Suite("Real documents through the catalog", .serialized, .enabled(if: OpenAPICorpus.isPresent), .timeLimit(.minutes(10)))
struct CatalogCorpusStoreTests {
    @Test(
        "become a tool for every operation, listed, found and ready to be called",
        arguments: [("petstore.yaml", 19), ("box.json", 296), ("twilio-2010.json", 197), ("discord.json", 242), ("openai.json", 288)])
    func everyOperation(name: String, count: Int) async throws {
        let bytes = try OpenAPICorpus.bytes(name)
        try await CatalogFixture.run { fixture in
            let outcome = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(bytes), slug: "real"), in: fixture.organization)
            #expect(outcome.integration.integration.toolCount == count)
            #expect(outcome.addedTools.count == count)
            try await fixture.connect(outcome.integration.integration.id, method: "none", credentials: [:])
            let listed = try await self.tools(fixture)
            #expect(listed.map(\.address.tool) == outcome.addedTools)
            // Every tool is compiled in the suite above; here a part of them comes out of the database.
            for tool in listed.enumerated().filter({ $0.offset % 12 == 0 }).map(\.element) {
                #expect(try await fixture.tool(tool.address.description) != nil, "\(tool.address)")
            }
        }
    }

    @Test("make the same catalog from JSON and from YAML")
    func jsonAndYAML() async throws {
        try await CatalogFixture.run { fixture in
            for (slug, name) in [("json", "openai.json"), ("yaml", "openai.yaml")] {
                let outcome = try await fixture.editor.addIntegration(
                    NewIntegration(source: .document(try OpenAPICorpus.bytes(name)), slug: slug), in: fixture.organization)
                try await fixture.connect(outcome.integration.integration.id, method: "none", credentials: [:])
            }
            let tools = try await self.tools(fixture)
            let revision = try await fixture.revision()
            func details(_ slug: String) async throws -> [String] {
                var texts: [String] = []
                for (index, tool) in tools.filter({ $0.address.integration == slug }).enumerated() {
                    texts.append("\(tool.address.tool) \(tool.effect) \(tool.description)")
                    // The schemas of all of them are compared where documents are read.
                    guard index % 12 == 0 else { continue }
                    let details = try #require(
                        try await fixture.catalog.details(
                            of: tool.address, principal: fixture.principal, revision: revision, policies: .empty))
                    texts.append(
                        """
                        \(try details.inputSchema.value(limits: .default).canonical.text())
                        \(try details.outputSchema.value(limits: .default).canonical.text())
                        """)
                }
                return texts
            }
            let fromJSON = try await details("json")
            #expect(fromJSON.count == 288 + 24)
            #expect(fromJSON == (try await details("yaml")))
        }
    }

    @Test("are listed, searched and blocked without their schemas being read")
    func listing() async throws {
        try await withTemporaryDatabase { database in
            let recording = StatementRecorder(database)
            let store = Store(database: recording)
            try await store.migrate()
            let tenant = try await store.makeTenant()
            func catalog() -> Catalog {
                Catalog(
                    store: store, vault: Vault(keyring: Keyring(current: VaultKey()), store: store), upstream: FakeUpstream(json: "{}"),
                    builtIn: nil)
            }
            let editor = catalog().editor
            let outcome = try await editor.addIntegration(
                NewIntegration(source: .document(try OpenAPICorpus.bytes("petstore.yaml")), slug: "pets"), in: tenant.organization.id)
            _ = try await editor.addConnection(
                NewConnection(
                    integration: outcome.integration.integration.id, owner: .organization, account: tenant.account.id, name: "main",
                    method: "none"), in: tenant.organization.id)
            let revision = try await store.organizations.revision(of: tenant.organization.id) ?? 0
            // A process that knows nothing yet.
            let fresh = catalog()
            recording.clear()
            let listed = try await fresh.tools(limit: 1_000, principal: tenant.principal, revision: revision, policies: .empty).tools
            #expect(listed.count == 19)
            _ = try await fresh.search(ToolSearch(query: "pet"), principal: tenant.principal, revision: revision, policies: .empty)
            _ = try await fresh.sources(limit: 10, principal: tenant.principal, revision: revision, policies: .empty)
            let statements = recording.statements
            #expect(!statements.isEmpty)
            for statement in statements {
                for word in ["tool_schemas", "schema_definitions", "binding", "blobs"] {
                    #expect(!statement.contains(word), "\(statement)")
                }
            }
            // The words are those of the schema: describing one tool does read them.
            _ = try await fresh.describe(listed[0].address, principal: tenant.principal, revision: revision, policies: .empty)
            #expect(recording.statements.contains { $0.contains("tool_schemas") })
            #expect(recording.statements.contains { $0.contains("binding") })
        }
    }

    private func tools(_ fixture: CatalogFixture) async throws -> [ListedTool] {
        try await fixture.catalog.tools(
            limit: 10_000, principal: fixture.principal, revision: try await fixture.revision(), policies: .empty
        ).tools
    }
}
