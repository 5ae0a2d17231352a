import JSON
import Model
import OpenAPI
import Policies
import Store
import TestSupport
import Testing
import Vault

@testable import Catalog

@Suite("What search keeps in memory", .timeLimit(.minutes(2)))
struct SearchIndexTests {
    @Test("Only the tools of what changed are read anew, and those who come together read once")
    func reading() async throws {
        try await Self.run { fixture in
            let integrations = try await fixture.add("a", "b", "c")
            let catalog = fixture.catalog()
            fixture.recording.clear()
            try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<8 { group.addTask { try await fixture.search("list pets", in: catalog) } }
                for try await found in group { #expect(found.count == 3) }
            }
            #expect(fixture.readings.count == 1, "all of them in one statement")
            _ = try await fixture.store.policies.create(in: fixture.organization, pattern: "x.*", action: .allow)
            fixture.recording.clear()
            #expect(try await fixture.search("list pets", in: catalog).count == 3)
            #expect(fixture.readings.isEmpty)
            var tools = ToolSet()
            tools.tools = [ToolDraft(name: "gone", description: "List pets no more", effect: .read, binding: JSONText([:]))]
            try await fixture.store.tools.replace(tools, of: integrations[1], in: fixture.organization)
            #expect(try await fixture.search("list pets", in: catalog).contains("b.org.main.gone"))
            #expect(fixture.readings.count == 1)
            #expect(fixture.readings.allSatisfy { $0.contains("integration_id = ") }, "of one integration")
        }
    }

    @Test("Large integrations are read by statements of their own, some at once")
    func batches() async throws {
        try await Self.run { fixture in
            try await fixture.add("a", "b", "c", "d", "e")
            var limits = CatalogLimits()
            limits.maxToolsPerIndexRead = 9
            let catalog = fixture.catalog(limits)
            fixture.recording.clear()
            #expect(try await fixture.search("list pets", in: catalog).count == 5)
            #expect(fixture.readings.count == 5, "six tools each")
            limits.maxToolsPerIndexRead = 12
            fixture.recording.clear()
            #expect(try await fixture.search("list pets", in: fixture.catalog(limits)).count == 5)
            #expect(fixture.readings.count == 3)
        }
    }

    @Test("What is beyond the bound is found all the same, and read again")
    func bound() async throws {
        try await Self.run { fixture in
            try await fixture.add("a", "b")
            var limits = CatalogLimits()
            limits.maxIndexBytes = 1
            let catalog = fixture.catalog(limits)
            for _ in 0..<2 {
                fixture.recording.clear()
                #expect(try await fixture.search("list pets", in: catalog).count == 2)
                #expect(fixture.readings.count == 1)
            }
        }
    }

    @Test("Preparing reads what the first search needs, once")
    func preparing() async throws {
        try await Self.run { fixture in
            try await fixture.add("a")
            let catalog = fixture.catalog()
            fixture.recording.clear()
            for _ in 0..<2 { try await catalog.prepareSearch(for: fixture.principal) { try await fixture.revision() } }
            #expect(fixture.readings.count == 1)
            #expect(try await fixture.search("list pets", in: catalog).count == 1)
            #expect(fixture.readings.count == 1)
        }
    }

    @Test("Integrations are listed without reading tools unless some are blocked")
    func sources() async throws {
        try await Self.run { fixture in
            try await fixture.add("a", "b")
            let catalog = fixture.catalog()
            let blocking = try CatalogFixture.blocking("b.*.*.pets.listPets")
            for (policies, readings) in [(PolicySet.empty, 0), (blocking, 1)] {
                fixture.recording.clear()
                let page = try await catalog.sources(
                    limit: 10, principal: fixture.principal, revision: try await fixture.revision(), policies: policies)
                #expect(page.total == 2)
                #expect(fixture.readings.count == readings)
            }
        }
    }

    @Test("What search hides is what the policies hide", arguments: 0..<100)
    func hiding(seed: Int) throws {
        var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        func pick(_ choices: [String]) -> String { choices[Int.random(in: choices.indices, using: &random)] }
        let parts = ["a", "b", "a-b", "ab", "z"] + (seed % 4 == 0 ? ["é", "e\u{301}"] : [])
        func tail(_ more: [String]) -> String {
            (0..<Int.random(in: 1...3, using: &random)).map { _ in pick(parts + more) }.joined(separator: ".")
        }
        let list = ToolList(tools: Set((0..<80).map { _ in tail([]) }).map { ToolEntry(name: $0, description: "", effect: .read) })
        let patterns = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            switch Int.random(in: 0...9, using: &random) {
            case 0: "x.*"
            case 1: "*"
            case 2: "y.*"
            case 3: "x.user.*"
            case 4...6: "x.\(pick(["org", "*"])).\(pick(["main", "other", "*"])).\(tail(["*"]))"
            default: "x.\(pick(["org", "*"])).main.\(tail(["*"])).*"
            }
        }
        let policies = try PolicySet(
            patterns.map {
                Policy(
                    id: PolicyID(), pattern: $0, action: Int.random(in: 0...2, using: &random) > 0 ? .block : .allow,
                    createdAt: Timestamp(microseconds: 0))
            })
        func address(_ position: Int) -> ToolAddress {
            ToolAddress(integration: "x", owner: .organization, connection: "main", tool: list.name(position))
        }
        var hidden = HiddenTools(
            in: list, integration: "x", owner: .organization, connection: "main", policies: policies, address: address)
        for position in list.indices {
            let isHidden = hidden.contains(position)
            #expect(isHidden == !policies.isVisible(address(position)), "\(list.name(position)) under \(patterns)")
        }
        if hidden.isEmpty { #expect(list.indices.allSatisfy { policies.isVisible(address($0)) }) }
    }

    @Test("Who waits for a turn gets it in the order of coming, or leaves when cancelled")
    func turns() async throws {
        let turns = TurnTaking<Int>(maxInside: 1)
        let (inside, leave) = (Gate(), Gate())
        let first = Task {
            try await turns.withTurn(1) {
                inside.open()
                await leave.wait()
            }
        }
        await inside.wait()
        #expect(!turns.isFree(1))
        #expect(turns.isFree(2))
        // Another key's turn is free.
        try await turns.withTurn(2) {}
        let cancelled = Task { try await turns.withTurn(1) { Issue.record("nobody was let in") } }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let next = Task { try await turns.withTurn(1) { 7 } }
        leave.open()
        try await first.value
        #expect(try await next.value == 7)
        #expect(turns.isFree(1))
    }

    private struct Fixture {
        let recording: StatementRecorder
        let store: Store
        let tenant: TestTenant

        var organization: OrganizationID { self.tenant.organization.id }
        var principal: Principal { self.tenant.principal }
        /// The statements that read tools for search.
        var readings: [String] { self.recording.statements.filter { $0.contains("FROM tools WHERE") && $0.contains("description") } }

        func revision() async throws -> Int64 { try await self.store.organizations.revision(of: self.organization) ?? 0 }

        /// A process that knows nothing yet.
        func catalog(_ limits: CatalogLimits = CatalogLimits()) -> Catalog {
            Catalog(
                store: self.store, vault: Vault(keyring: Keyring(current: VaultKey()), store: self.store),
                upstream: FakeUpstream(json: "{}"), builtIn: nil, limits: limits)
        }

        /// Adds integrations of six tools with a connection each.
        @discardableResult
        func add(_ slugs: String...) async throws -> [IntegrationID] {
            let editor = self.catalog().editor
            var integrations: [IntegrationID] = []
            for slug in slugs {
                let outcome = try await editor.addIntegration(
                    NewIntegration(source: .document(Array(Documents.pets.utf8)), slug: slug), in: self.organization)
                let id = outcome.integration.integration.id
                _ = try await editor.addConnection(
                    NewConnection(
                        integration: id, owner: .organization, account: self.tenant.account.id, name: "main", method: nil,
                        credentials: ["token": Secret("s3cret-token-value")]), in: self.organization)
                integrations.append(id)
            }
            return integrations
        }

        func search(_ query: String, in catalog: Catalog) async throws -> [String] {
            try await catalog.search(
                ToolSearch(query: query), principal: self.principal, revision: try await self.revision(), policies: .empty
            ).items.map(\.address.description)
        }
    }

    private static func run(_ body: (Fixture) async throws -> Void) async throws {
        try await withTemporaryDatabase { database in
            let recording = StatementRecorder(database)
            let store = Store(database: recording)
            try await store.migrate()
            try await body(Fixture(recording: recording, store: store, tenant: try await store.makeTenant()))
        }
    }
}
