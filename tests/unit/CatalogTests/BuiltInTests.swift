import Catalog
import Egress
import JSON
import Model
import OpenAPI
import Policies
import Store
import Testing

@Suite("Roost's own API", .timeLimit(.minutes(1)))
struct BuiltInTests {
    /// The integration over a short document; the token names the principal's account.
    static func integration(target: InternalTarget? = InternalTarget(host: "127.0.0.1", port: 7001)) throws -> BuiltInIntegration {
        try BuiltInIntegration(
            document: Array(Documents.roost.utf8),
            access: .init(target: { target }, token: { principal, execution in Secret("token-of-\(principal.account)-\(execution)") }))
    }

    @Test("is in every organization, and acts as the calling principal at the internal address")
    func call() async throws {
        try await CatalogFixture.run(upstream: FakeUpstream(json: #"{"items": []}"#), builtIn: try Self.integration()) { fixture in
            let tool = try #require(try await fixture.tool("roost.org.main.tools.list"))
            #expect(tool.effect == .read)
            #expect(tool.connection == nil)
            let execution = ExecutionID()
            let result = try await tool.prepare(["integration": "pets"]).invoke(principal: fixture.principal, execution: execution).result
                .get()
            #expect(result.data == #"{"items": []}"#)
            let sent = try #require(fixture.upstream.sent.first)
            #expect(sent.destination.hasPrefix("internal("))
            #expect(sent.destination.hasSuffix("path: \"/api/v1/tools?integration=pets\")"))
            #expect(sent.secretHeaders == ["authorization": "Bearer token-of-\(fixture.principal.account)-\(execution)"])
            #expect(try await fixture.tool("roost.user.main.tools.list") == nil)
            #expect(try await fixture.tool("roost.org.main.policies.create")?.effect == .write)
        }
    }

    @Test("is found, described and listed like any other")
    func discovery() async throws {
        try await CatalogFixture.run(builtIn: try Self.integration()) { fixture in
            #expect(try await fixture.search("list tools") == ["roost.org.main.tools.list"])
            let sources = try await fixture.catalog.sources(
                limit: 10, principal: fixture.principal, revision: try await fixture.revision(), policies: .empty)
            #expect(sources.items.map(\.slug) == ["roost"])
            #expect(sources.items.first?.canRemove == false)
            #expect(sources.items.first?.toolCount == 2)
            let address = try fixture.address("roost.org.main.tools.list")
            let description = try await fixture.catalog.describe(address, principal: fixture.principal, revision: 1, policies: .empty)
            #expect(description?.inputTypeScript.contains("integration?: string") == true)
            let page = try await fixture.catalog.integrations(in: fixture.organization)
            #expect(page.items.map(\.kind) == [.roost])
        }
    }

    @Test("can be blocked like any other")
    func blocked() async throws {
        try await CatalogFixture.run(builtIn: try Self.integration()) { fixture in
            let policies = try CatalogFixture.blocking("roost.*")
            #expect(try await fixture.search("list tools", policies: policies).isEmpty)
            let sources = try await fixture.catalog.sources(limit: 10, principal: fixture.principal, revision: 1, policies: policies)
            #expect(sources.total == 0)
        }
    }

    @Test("says so when no gateway runs")
    func unavailable() async throws {
        try await CatalogFixture.run(builtIn: try Self.integration(target: nil)) { fixture in
            let error = try await fixture.call("roost.org.main.tools.list")?.error
            #expect(error?.code == "roost_unavailable")
            #expect(error?.retryable == true)
        }
    }

    @Test("does not start without its document")
    func badDocument() {
        #expect(throws: (any Error).self) {
            try BuiltInIntegration(document: Array("{}".utf8), access: .init(target: { nil }, token: { _, _ in Secret("x") }))
        }
    }
}
