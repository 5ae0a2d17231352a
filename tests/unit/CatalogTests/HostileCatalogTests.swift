import Catalog
import Egress
import JSON
import Model
import OpenAPI
import Policies
import Store
import TestSupport
import Testing

@Suite("Hostile documents in the catalog", .serialized, .timeLimit(.minutes(10)))
struct HostileCatalogTests {
    private static let limits: CatalogLimits = {
        var limits = CatalogLimits()
        limits.document.maxSchemaNodes = 2_000_000
        limits.document.maxSchemaBytes = 16 << 20
        return limits
    }()

    @Test(
        "are refused with nothing changed, or become tools that can be listed, described and called",
        arguments: HostileDocument.all.filter { $0.text.utf8.count < 1_000_000 })
    func wholeWay(document: HostileDocument) async throws {
        try await CatalogFixture.run(limits: Self.limits) { fixture in
            try await fixture.addPets()
            let revision = try await fixture.revision()
            let outcome: IngestOutcome
            do {
                outcome = try await fixture.editor.addIntegration(
                    NewIntegration(source: .document(Array(document.text.utf8)), slug: "hostile"), in: fixture.organization)
            } catch {
                // What can be read but not stored is refused by the store, as typed as by the reader.
                let reason = (error as? CatalogError)?.reason ?? (error as? StoreError)?.code.description
                if let refusal = document.refusal { #expect(reason == refusal) } else { #expect(error is StoreError, "\(error)") }
                #expect(try await fixture.revision() == revision)
                #expect(try await fixture.store.integrations.all(in: fixture.organization).map(\.integration.slug) == ["pets"])
                return
            }
            #expect(document.refusal == nil)
            try await fixture.connect(outcome.integration.integration.id, method: "none", credentials: [:])
            try await self.use(fixture, outcome)
        }
    }

    private func use(_ fixture: CatalogFixture, _ outcome: IngestOutcome) async throws {
        let revision = try await fixture.revision()
        let page = try await fixture.catalog.tools(
            integration: "hostile", limit: 200, principal: fixture.principal, revision: revision, policies: .empty)
        #expect(page.tools.count == min(200, outcome.integration.integration.toolCount))
        for listed in page.tools.prefix(15) {
            let description = try #require(
                try await fixture.catalog.describe(
                    listed.address, principal: fixture.principal, revision: revision, policies: .empty))
            let byteCount = description.typeScriptDefinitions.reduce(description.inputTypeScript.utf8.count) {
                $0 + $1.declaration.utf8.count
            }
            #expect(byteCount < 6 << 20)
            let tool = try #require(try await fixture.catalog.tool(at: listed.address, principal: fixture.principal, revision: revision))
            do {
                _ = try tool.prepare(["__proto__": "x", "constructor": ["prototype": "x"]])
            } catch {
                #expect(error.message.utf8.count < 4_096)
            }
        }
    }

    @Test("leave the tools as they are when a refresh is refused")
    func refresh() async throws {
        try await CatalogFixture.run(limits: Self.limits) { fixture in
            let id = try await fixture.addPets().integration.integration.id
            let revision = try await fixture.revision()
            for document in HostileDocument.all where document.refusal != nil && document.text.utf8.count < 50_000 {
                await #expect(throws: CatalogError.self, "\(document)") {
                    try await fixture.editor.refresh(id, from: .document(Array(document.text.utf8)), in: fixture.organization)
                }
            }
            #expect(try await fixture.revision() == revision)
            #expect(try await fixture.tool("pets.org.main.pets.listPets") != nil)
        }
    }

    @Test("cannot make a check of arguments take long")
    func patterns() async throws {
        let document = #"""
            {"openapi": "3.1.0", "info": {"title": "X"}, "servers": [{"url": "https://x.test"}],
             "components": {"schemas": {"A": {"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}]}},
               "securitySchemes": {"d": {"type": "mutualTLS"}}},
             "paths": {"/x": {"get": {"operationId": "x", "parameters": [
              {"name": "a", "in": "query", "schema": {"type": "string", "pattern": "^(a+)+$"}},
              {"name": "b", "in": "query", "schema": {"type": "string", "pattern": "(x{1,1000}){1,1000}"}},
              {"name": "c", "in": "query", "schema": {"$ref": "#/components/schemas/A"}}]}}}}
            """#
        try await CatalogFixture.run { fixture in
            try await fixture.addPets(slug: "strange", credentials: [:], document: document)
            let text = JSONValue.string(String(repeating: "a", count: 5_000) + "!")
            for name in ["a", "b", "c"] {
                let tool = try #require(try await fixture.tool("strange.org.main.x.getX"))
                // Refused or passed on: what matters is that it ends.
                _ = try? tool.prepare([name: text])
            }
        }
    }
}
