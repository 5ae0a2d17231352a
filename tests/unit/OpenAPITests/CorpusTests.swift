import JSON
import Model
import TestSupport
import Testing

@testable import OpenAPI

@Suite("Real documents", .enabled(if: OpenAPICorpus.isPresent), .timeLimit(.minutes(5)))
struct CorpusTests {
    @Test(
        "ingest with every operation, each under its own name",
        arguments: [("petstore.yaml", 19), ("box.json", 296), ("twilio-2010.json", 197), ("discord.json", 242), ("openai.json", 288)])
    func everyOperation(name: String, count: Int) throws {
        let document = try OpenAPIDocument(reading: try OpenAPICorpus.bytes(name), url: "https://example.com/documents/api.json")
        #expect(OpenAPICorpus.operationCount(document.root) == count)
        let clock = ContinuousClock()
        let start = clock.now
        let source = try document.ingest()
        print("\(name): \(source.tools.count) tools, \(source.definitions.count) definitions, \(clock.now - start)")
        #expect(source.tools.count == count)
        #expect(Set(source.tools.map(\.name)).count == count)
        #expect(source.unlistedFaultCount == 0)
        for fault in source.faults where !fault.message.contains("Roost does not write yet") { Issue.record("\(fault)") }
        #expect(source.configuration.server?.hasPrefix("https://") == true)
    }

    @Test(
        "refer only to definitions that are there",
        arguments: ["petstore.yaml", "box.json", "twilio-2010.json", "discord.json", "openai.json"])
    func references(name: String) throws {
        let source = try OpenAPIDocument(reading: try OpenAPICorpus.bytes(name)).ingest()
        let known = Set(source.definitions.map { DefinitionTable.reference(toName: $0.name) })
        #expect(known.count == source.definitions.count)
        for text in source.tools.flatMap({ [$0.inputSchema, $0.outputSchema] }) + source.definitions.map(\.schema) {
            for reference in Self.references(in: try text.value()) { #expect(known.contains(reference), "\(reference)") }
        }
    }

    @Test("make the same catalog from JSON and from YAML")
    func jsonAndYAML() throws {
        let json = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("openai.json")).ingest()
        let yaml = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("openai.yaml")).ingest()
        #expect(json.tools.map(\.name) == yaml.tools.map(\.name))
        #expect(json.tools.map(\.description) == yaml.tools.map(\.description))
        #expect(json.tools.map(\.binding) == yaml.tools.map(\.binding))
        #expect(json.configuration == yaml.configuration)
        #expect(json.definitions.map(\.name) == yaml.definitions.map(\.name))
        for (left, right) in zip(json.tools, yaml.tools) {
            #expect(try left.inputSchema.value().canonical.bytes() == right.inputSchema.value().canonical.bytes(), "\(left.name)")
            #expect(try left.outputSchema.value().canonical.bytes() == right.outputSchema.value().canonical.bytes(), "\(left.name)")
        }
        for (left, right) in zip(json.definitions, yaml.definitions) {
            #expect(try left.schema.value().canonical.bytes() == right.schema.value().canonical.bytes(), "\(left.name)")
        }
    }

    @Test("keep their bindings through the stored form", arguments: ["petstore.yaml", "box.json", "twilio-2010.json", "openai.json"])
    func storedForm(name: String) throws {
        let source = try OpenAPIDocument(reading: try OpenAPICorpus.bytes(name)).ingest()
        for tool in source.tools { #expect(OperationBinding(json: try JSONValue(parsing: tool.binding.json.bytes())) == tool.binding) }
        #expect(OpenAPIConfiguration(json: source.configuration.json) == source.configuration)
    }

    @Test("of Swagger 2.0 are refused in words that help")
    func swagger() throws {
        let error = #expect(throws: OpenAPIError.self) { try OpenAPIDocument(reading: try OpenAPICorpus.bytes("kubernetes-swagger2.json")) }
        #expect(error?.code == .unsupportedVersion)
        #expect(error?.message.contains("Swagger 2.0") == true)
    }

    @Test("have the tools that people expect")
    func expectedTools() throws {
        let petstore = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("petstore.yaml")).ingest()
        #expect(petstore.tools.contains { $0.name == "pet.getPetById" && $0.effect == .read })
        #expect(petstore.tools.contains { $0.name == "store.placeOrder" && $0.effect == .write })
        #expect(petstore.configuration.authMethods.map(\.slug) == ["petstore-auth", "api-key", "none"])
        let openAI = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("openai.json")).ingest()
        #expect(openAI.tools.contains { $0.name == "chat.createChatCompletion" })
        #expect(openAI.configuration.authMethods.map(\.slug) == ["api-key-auth", "admin-api-key-auth", "none"])
        let box = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("box.json")).ingest()
        #expect(box.tools.contains { $0.name == "authorization.postOauth2TokenRefresh" && !$0.binding.sendsCredentials })
        let twilio = try OpenAPIDocument(reading: try OpenAPICorpus.bytes("twilio-2010.json")).ingest()
        let message = try #require(twilio.tools.first { $0.name == "api20100401Message.createMessage" })
        #expect(message.binding.body?.kind == .form)
        #expect(twilio.configuration.authMethods.first?.variables.map(\.name) == ["username", "password"])
    }

    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .object(let members):
            members.flatMap { key, value in
                if key == "$ref", let reference = value.string { return [reference] }
                return ["const", "default", "enum", "examples"].contains(key) ? [] : self.references(in: value)
            }
        case .array(let elements): elements.flatMap(self.references)
        default: []
        }
    }
}
