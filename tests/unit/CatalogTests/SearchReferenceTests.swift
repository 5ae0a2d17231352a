import JSON
import Model
import Policies
import Store
import Testing

@testable import Catalog

@Suite("Searching an organization of several integrations", .timeLimit(.minutes(2)))
struct SearchReferenceTests {
    private static let words = [
        "list", "lists", "pet", "pets", "create", "order", "in", "main", "org", "shop", "a", "x1", "listing", "ünï",
    ]

    @Test("finds, counts and orders what comparing every address by itself does, within policies and namespaces", arguments: 0..<6)
    func reference(seed: Int) async throws {
        var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        func text(_ count: ClosedRange<Int>, _ separator: String) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in Self.words[Int.random(in: Self.words.indices, using: &random)] }
                .joined(separator: separator)
        }
        try await CatalogFixture.run { fixture in
            var all: [Known] = []
            // Slugs and names of connections of which one begins the other, so that the order of addresses is not that of their parts.
            for (slug, connections) in [("pet", ["main"]), ("pet-shop", ["main", "main2", "a"]), ("pet_shop", []), ("zoo", ["org"])] {
                let tools = (0..<40).map { ToolEntry(name: text(1...3, ".") + ".\($0)", description: text(0...6, " "), effect: .read) }
                try await Self.add(tools, slug: slug, connections: connections, to: fixture)
                for connection in connections { all += tools.map { Known($0, slug, connection) } }
            }
            let policies = try CatalogFixture.blocking(
                "pet.*.*.list.*", "pet-shop.org.a.pets.*", "pet-shop.*.*.*.create.*", "zoo.org.org.*.3")
            let revision = try await fixture.revision()
            for query in (0..<8).map({ _ in text(1...5, " ") }) + ["e", "ist", "main list"] {
                let found = all.compactMap { known in
                    policies.isVisible(known.address) ? known.points(for: query).map { (path: known.path, score: $0) } : nil
                }
                for namespace in [nil, "pet", "pet shop", "pet-shop.org.main", "zoo org org list", "pet shop org a pets"] {
                    let expected = found.filter { tool in
                        namespace.map { SearchWords(tool.path).starts(with: SearchWords($0)) } ?? true
                    }.sorted { ($1.score, $0.path) < ($0.score, $1.path) }
                    for (offset, limit) in [(0, 12), (12, 5), (0, 1_000)] {
                        let page = try await fixture.catalog.search(
                            ToolSearch(query: query, namespace: namespace, limit: limit, offset: offset), principal: fixture.principal,
                            revision: revision, policies: policies)
                        let wanted = expected.dropFirst(offset).prefix(limit)
                        #expect(page.total == expected.count, "\(query) in \(namespace ?? "all")")
                        #expect(page.items.map(\.address.description) == wanted.map(\.path), "\(query) in \(namespace ?? "all")")
                        #expect(page.items.map(\.score) == wanted.map { Double($0.score) })
                    }
                }
            }
        }
    }

    /// A tool at a connection.
    private struct Known {
        let tool: ToolEntry
        let slug: String
        let address: ToolAddress
        let path: String

        init(_ tool: ToolEntry, _ slug: String, _ connection: String) {
            self.tool = tool
            self.slug = slug
            self.address = ToolAddress(integration: slug, owner: .organization, connection: connection, tool: tool.name)
            self.path = self.address.description
        }

        func points(for query: String) -> Int? {
            let prefix = "\(self.slug).org.\(self.address.connection)."
            return PlainRanking(query, self.tool, ToolRanking.Place(integration: SearchWords(self.slug), prefix: SearchWords(prefix)))
                .points
        }
    }

    private static func add(_ tools: [ToolEntry], slug: String, connections: [String], to fixture: CatalogFixture) async throws {
        let draft = IntegrationDraft(slug: slug, kind: .openAPI, name: slug, description: "", config: JSONText(["authMethods": []]))
        let set = ToolSet(
            tools: tools.map { ToolDraft(name: $0.name, description: $0.description, effect: $0.effect, binding: JSONText([:])) })
        let id = try await fixture.store.integrations.add(draft, tools: set, in: fixture.organization).integration.id
        for name in connections {
            _ = try await fixture.store.connections.add(
                ConnectionDraft(integration: id, owner: .organization, account: nil, name: name, method: "none"), secrets: [],
                in: fixture.organization)
        }
    }
}
