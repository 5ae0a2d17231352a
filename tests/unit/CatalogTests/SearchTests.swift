import Catalog
import JSON
import Model
import OpenAPI
import Policies
import Store
import Testing

@Suite("Finding tools", .timeLimit(.minutes(2)))
struct SearchTests {
    private static func points(_ fixture: CatalogFixture, _ query: String) async throws -> [(String, Double)] {
        try await fixture.catalog.search(
            ToolSearch(query: query, limit: 50), principal: fixture.principal, revision: try await fixture.revision(), policies: .empty
        ).items.map { ($0.address.description, $0.score) }
    }

    @Test("puts the best first, and ties in the order of paths")
    func order() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            #expect(try await fixture.search("create pet").first == "pets.org.main.pets.createPet")
            #expect(try await fixture.search("listPets").first == "pets.org.main.pets.listPets")
            #expect(try await fixture.search("upload a photo").first == "pets.org.main.photos.uploadPhoto")
            #expect(try await fixture.search("shop status").first == "pets.org.main.status.getStatus")
            #expect(try await fixture.search("nothing like this").isEmpty)
            #expect(try await fixture.search("").isEmpty)
            #expect(try await fixture.search(" -._/ ").isEmpty)
            let points = try await Self.points(fixture, "pets")
            #expect(points.count == 6)
            for (left, right) in zip(points, points.dropFirst()) { #expect(left.1 > right.1 || (left.1 == right.1 && left.0 < right.0)) }
        }
    }

    /// Worked out by hand from the weights: path 12, name 10, integration 8, description 5.
    @Test("scores as documented")
    func scores() async throws {
        let document = #"""
            {"openapi": "3.1.0", "info": {"title": "X"}, "paths": {"/x": {"get": {"operationId": "cat", "tags": ["zoo"], "summary": "feed dogs"}}}}
            """#
        try await CatalogFixture.run { fixture in
            let id = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(Array(document.utf8)), slug: "farm"), in: fixture.organization
            ).integration.integration.id
            try await fixture.connect(id, method: "none", credentials: [:])
            let expected: [(query: String, points: [Int])] = [
                // Word exact in path (48) and name (40); phrase within both (72 + 60); all words found (25).
                ("cat", [48, 40, 72, 60, 25]),
                // Begins the name: phrase at its beginning (90), within the path (72), first word (8).
                ("zoo", [48, 40, 72, 90, 25, 8]),
                // The integration: word and phrase exact (32 + 112), in the path at its beginning (48 + 108), first word (8).
                ("farm", [32, 112, 48, 108, 25, 8]),
                // Only the description: word begins a word (10), phrase within (30).
                ("dog", [10, 30, 25]),
                // Within a word of the description.
                ("ogs", [5, 30, 25]),
                // The whole name: words (2 × (48 + 40)), phrase in the path (72), phrase is the name (140), first word (8), exact (20).
                ("zoo cat", [88, 88, 72, 140, 25, 8, 20]),
                // Of two words both have to be found; of three, two.
                ("zoo missing", []), ("zoo cat missing", [88, 88, 7, 8]),
            ]
            for (query, points) in expected {
                let sum: Double? = points.isEmpty ? nil : Double(points.reduce(0, +))
                #expect(try await Self.points(fixture, query).first?.1 == sum, "\(query)")
            }
        }
    }

    @Test("can be narrowed to an integration or the beginning of a path")
    func namespaces() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            try await fixture.addPets(slug: "pet_clinic")
            #expect(try await fixture.search("list pets").count == 2)
            #expect(try await fixture.search("list pets", namespace: "pet_clinic") == ["pet_clinic.org.main.pets.listPets"])
            #expect(try await fixture.search("list pets", namespace: "pet clinic") == ["pet_clinic.org.main.pets.listPets"])
            #expect(try await fixture.search("pet", namespace: "pets.org.main.photos") == ["pets.org.main.photos.uploadPhoto"])
            #expect(try await fixture.search("list pets", namespace: "clinic").isEmpty)
            #expect(try await fixture.search("list pets", namespace: "nowhere").isEmpty)
        }
    }

    @Test("pages without gaps")
    func pages() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            let all = try await fixture.search("pets", limit: 100)
            var paged: [String] = []
            for offset in stride(from: 0, to: 6, by: 2) { paged += try await fixture.search("pets", limit: 2, offset: offset) }
            #expect(paged == all)
            #expect(try await fixture.search("pets", limit: 5, offset: 100).isEmpty)
        }
    }

    @Test("hides what is blocked everywhere: search, description, lists, suggestions, sources")
    func blocked() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            let revision = try await fixture.revision()
            let policies = try CatalogFixture.blocking("pets.*.*.pets.createPet", "pets.org.main.photos.*")
            let paths = try await fixture.search("pets", limit: 100, policies: policies)
            #expect(paths.count == 4)
            let hidden = try fixture.address("pets.org.main.pets.createPet")
            #expect(try await fixture.catalog.describe(hidden, principal: fixture.principal, revision: revision, policies: policies) == nil)
            #expect(
                try await fixture.catalog.details(of: hidden, principal: fixture.principal, revision: revision, policies: policies) == nil)
            let listed = try await fixture.catalog.tools(limit: 100, principal: fixture.principal, revision: revision, policies: policies)
            #expect(listed.tools.map(\.address.tool) == ["pets.deletePet", "pets.getPet", "pets.listPets", "status.getStatus"])
            #expect(listed.tools.map(\.decision.action) == [.requireApproval, .allow, .allow, .allow])
            let suggestions = try await fixture.catalog.suggestions(
                for: "pets.org.main.pets.createPets", count: 5, principal: fixture.principal, revision: revision, policies: policies)
            #expect(!suggestions.contains(hidden.description))
            let all = try CatalogFixture.blocking("pets.*")
            #expect(
                try await fixture.catalog.sources(limit: 10, principal: fixture.principal, revision: revision, policies: all).total == 0)
            #expect(
                try await fixture.catalog.sources(limit: 10, principal: fixture.principal, revision: revision, policies: policies).total
                    == 1)
        }
    }

    @Test(
        "suggests what somebody may have meant, at most five",
        arguments: [
            ("pets.org.main.pets.listPet", "pets.org.main.pets.listPets"), ("pets.org.main.createPet", "pets.org.main.pets.createPet"),
            ("pets.createPet", "pets.org.main.pets.createPet"), ("nowhere.org.main.pets.deletePet", "pets.org.main.pets.deletePet"),
            ("pets.org.work.pets.getPet", "pets.org.main.pets.getPet"), ("pets.org.main.pets.get_pet", "pets.org.main.pets.getPet"),
        ])
    func suggestions(path: String, expected: String) async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            let suggestions = try await fixture.catalog.suggestions(
                for: path, count: 5, principal: fixture.principal, revision: try await fixture.revision(), policies: .empty)
            #expect(suggestions.first == expected)
            #expect(suggestions.count <= 5)
        }
    }

    @Test("lists tools page by page, without schemas")
    func listing() async throws {
        try await CatalogFixture.run { fixture in
            let id = try await fixture.addPets().integration.integration.id
            try await fixture.connect(id, name: "second")
            try await fixture.addPets(slug: "zoo")
            let revision = try await fixture.revision()
            func page(after: ToolAddress?, integration: String? = nil) async throws -> (tools: [ListedTool], hasMore: Bool) {
                try await fixture.catalog.tools(
                    integration: integration, after: after, limit: 5, principal: fixture.principal, revision: revision, policies: .empty)
            }
            var addresses: [ToolAddress] = []
            var hasMore = true
            while hasMore {
                let next = try await page(after: addresses.last)
                addresses += next.tools.map(\.address)
                hasMore = next.hasMore
            }
            #expect(addresses.count == 18)
            #expect(Set(addresses).count == 18)
            #expect(addresses.map(\.description) == addresses.map(\.description).sorted())
            #expect(try await page(after: nil, integration: "zoo").tools.allSatisfy { $0.address.integration == "zoo" })
        }
    }

    @Test("stays quick with ten thousand tools")
    func large() async throws {
        let paths = (0..<5_000).map { index in
            let words = ["issue", "pull", "branch", "commit", "release", "label", "user", "team", "hook", "file"]
            let operation = "\(words[index % 10])-\(words[index / 10 % 10])-\(index)"
            return
                #""/p\#(index)": {"get": {"operationId": "\#(operation)", "summary": "Works on \#(operation) in many ways that need words"}}"#
        }
        let document = #"{"openapi": "3.1.0", "info": {"title": "Big"}, "paths": {\#(paths.joined(separator: ","))}}"#
        try await CatalogFixture.run { fixture in
            let id = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(Array(document.utf8)), slug: "big"), in: fixture.organization
            ).integration.integration.id
            try await fixture.connect(id, name: "one", method: "none", credentials: [:])
            try await fixture.connect(id, name: "two", method: "none", credentials: [:])
            _ = try await fixture.search("warm up")
            let start = ContinuousClock.now
            let found = try await fixture.search("pull release label")
            print("search over 10,000 tools: \(ContinuousClock.now - start)")
            #expect(found.count == 12)
        }
    }
}
