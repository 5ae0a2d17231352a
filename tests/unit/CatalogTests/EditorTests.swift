import Catalog
import Egress
import JSON
import Model
import OpenAPI
import Store
import Testing
import Vault

@Suite("Changing the catalog", .timeLimit(.minutes(2)))
struct EditorTests {
    @Test("adds an integration with its tools, definitions, document and ways to sign in")
    func add() async throws {
        try await CatalogFixture.run { fixture in
            let outcome = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(Array(Documents.pets.utf8))), in: fixture.organization)
            let details = outcome.integration
            #expect(details.integration.slug == "pet_shop")
            #expect(details.integration.name == "Pet Shop API")
            #expect(details.integration.description == "Sells pets.")
            #expect(details.integration.toolCount == 6)
            #expect(details.authMethods.map(\.slug) == ["token", "login", "none"])
            #expect(details.server == "https://pets.test/v1")
            #expect(!details.canRefresh)
            #expect(
                outcome.addedTools == [
                    "pets.createPet", "pets.deletePet", "pets.getPet", "pets.listPets", "photos.uploadPhoto", "status.getStatus",
                ])
            #expect(outcome.removedTools.isEmpty)
            #expect(outcome.faults.count == 1)
            let record = try #require(try await fixture.store.integrations.find(slug: "pet_shop", in: fixture.organization))
            let document = try await fixture.store.blobs.content(try #require(record.document), in: fixture.organization)
            #expect(document == Array(Documents.pets.utf8))
        }
    }

    @Test("fetches the document by URL, and resolves its servers against the URL that answered")
    func addByURL() async throws {
        let document = Documents.pets.replacing("https://pets.test/v1", with: "/v1")
        let upstream = FakeUpstream { _ in
            EgressResponse(status: 200, headers: [], body: Array(document.utf8), url: "https://docs.pets.test/a/b.yaml")
        }
        try await CatalogFixture.run(upstream: upstream) { fixture in
            let outcome = try await fixture.editor.addIntegration(
                NewIntegration(source: .url("https://pets.test/latest"), slug: "pets"), in: fixture.organization)
            #expect(outcome.integration.server == "https://docs.pets.test/v1")
            #expect(outcome.integration.documentURL == "https://pets.test/latest")
            #expect(outcome.integration.canRefresh)
            #expect(upstream.sent.map(\.destination) == ["url(\"https://pets.test/latest\")"])
        }
    }

    @Test(
        "never reads anything but http and https",
        arguments: [
            "file:///etc/passwd", "/etc/passwd", "etc/passwd", "ftp://x.test/a", "data:,x", "", "https://user:pw@x.test/", "//x.test/",
        ])
    func sources(url: String) async throws {
        try await CatalogFixture.run { fixture in
            let error = await #expect(throws: CatalogError.self) {
                try await fixture.editor.addIntegration(NewIntegration(source: .url(url)), in: fixture.organization)
            }
            #expect(error?.code == .invalidSource)
            #expect(fixture.upstream.sent.isEmpty)
        }
    }

    @Test("says why a document cannot be had, and changes nothing")
    func unreachable() async throws {
        let upstream = FakeUpstream { (_) throws(EgressError) in
            throw EgressError(.addressRefused, "The host 10.0.0.1 is not public.", mayHaveBeenSent: false)
        }
        try await CatalogFixture.run(upstream: upstream) { fixture in
            let error = await #expect(throws: CatalogError.self) {
                try await fixture.editor.addIntegration(NewIntegration(source: .url("http://10.0.0.1/x")), in: fixture.organization)
            }
            #expect(error?.code == .documentUnreachable)
            #expect(error?.reason == "address_refused")
        }
        try await CatalogFixture.run(upstream: FakeUpstream(status: 404, json: "{}")) { fixture in
            let revision = try await fixture.revision()
            let error = await #expect(throws: CatalogError.self) {
                try await fixture.editor.addIntegration(NewIntegration(source: .url("https://x.test/x")), in: fixture.organization)
            }
            #expect(error?.reason == "http_404")
            #expect(try await fixture.revision() == revision)
        }
    }

    @Test(
        "refuses what is no document, and changes nothing",
        arguments: ["", "{}", "[", "swagger: '2.0'", "<html>", "/etc/passwd", "file:///etc/passwd"])
    func badDocument(text: String) async throws {
        try await CatalogFixture.run { fixture in
            let revision = try await fixture.revision()
            let error = await #expect(throws: CatalogError.self) {
                try await fixture.editor.addIntegration(
                    NewIntegration(source: .document(Array(text.utf8)), slug: "x"), in: fixture.organization)
            }
            #expect(error?.code == .documentRefused)
            #expect(error?.reason != nil)
            #expect(try await fixture.revision() == revision)
            #expect(try await fixture.store.integrations.all(in: fixture.organization).isEmpty)
        }
    }

    @Test(
        "refuses slugs that are none, reserved or taken",
        arguments: [
            "", "Pets", "1pets", "pets.v1", "pets api", "roost", "search", "describe", "tools", "then", "pets*", "ünicode",
            String(repeating: "a", count: 64), "-pets", "_pets",
        ])
    func slugs(slug: String) async throws {
        try await CatalogFixture.run { fixture in
            let error = await #expect(throws: CatalogError.self) { try await fixture.addPets(slug: slug, connection: nil) }
            #expect(error?.code == .invalidSlug)
        }
    }

    @Test("refuses a slug that the organization has, however the two come together")
    func takenSlug() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets(connection: nil)
            let error = await #expect(throws: CatalogError.self) { try await fixture.addPets(connection: nil) }
            #expect(error?.code == .integrationExists)
            // Without a slug the clash is found by the index.
            _ = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(Array(Documents.pets.utf8))), in: fixture.organization)
            let second = await #expect(throws: CatalogError.self) {
                try await fixture.editor.addIntegration(
                    NewIntegration(source: .document(Array(Documents.pets.utf8))), in: fixture.organization)
            }
            #expect(second?.code == .integrationExists)
        }
    }

    @Test("lets one of many win that add the same slug at once")
    func concurrentAdds() async throws {
        try await CatalogFixture.run { (fixture) async throws in
            let codes = await withTaskGroup(of: String.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        do {
                            try await fixture.addPets(connection: nil)
                            return "added"
                        } catch { return (error as? CatalogError)?.code.description ?? "\(error)" }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.sorted() == ["added", "integration_already_exists"])
            #expect(try await fixture.store.integrations.all(in: fixture.organization).count == 1)
        }
    }

    @Test(
        "makes slugs from titles",
        arguments: [
            ("Pet Shop API", "pet_shop"), ("GitHub v3 REST API", "git_hub_v3"), ("OpenAI API", "open_ai"), ("  ", "api"),
            ("2Checkout", "api_2_checkout"),
            ("Roost", "roost_api"), ("日本", "api"), (String(repeating: "long ", count: 40), "long_long_long_long_long_long_long_long"),
        ])
    func slugsFromTitles(title: String, slug: String) async throws {
        try await CatalogFixture.run { fixture in
            let document = #"{"openapi": "3.1.0", "info": {"title": "\#(title)"}, "paths": {}}"#
            let outcome = try await fixture.editor.addIntegration(
                NewIntegration(source: .document(Array(document.utf8))), in: fixture.organization)
            #expect(outcome.integration.integration.slug == slug)
        }
    }

    @Test("refreshes tools, keeps names and connections, and says what changed")
    func refresh() async throws {
        try await CatalogFixture.run { fixture in
            let added = try await fixture.addPets()
            let id = added.integration.integration.id
            let withoutSource = await #expect(throws: CatalogError.self) { try await fixture.editor.refresh(id, in: fixture.organization) }
            #expect(withoutSource?.code == .invalidSource)
            // One operation goes, one comes whose name would clash with one that stays.
            let changed = Documents.pets.replacing("/status:", with: "/v2/pets:").replacing(
                "operationId: status", with: "operationId: listPets\n      tags: [pets]")
            let outcome = try await fixture.editor.refresh(id, from: .document(Array(changed.utf8)), in: fixture.organization)
            #expect(outcome.removedTools == ["status.getStatus"])
            #expect(outcome.addedTools == ["pets.v2.listPets"])
            #expect(try await fixture.tool("pets.org.main.pets.listPets") != nil)
            #expect(try await fixture.tool("pets.org.main.status.getStatus") == nil)
            #expect(try await fixture.tool("pets.org.main.pets.v2.listPets") != nil)
        }
    }

    @Test("removes an integration with everything on it")
    func remove() async throws {
        try await CatalogFixture.run { fixture in
            let id = try await fixture.addPets().integration.integration.id
            try await fixture.editor.removeIntegration(id, in: fixture.organization)
            #expect(try await fixture.tool("pets.org.main.pets.listPets") == nil)
            #expect(try await fixture.store.secrets.sealed(before: .max, after: nil, in: fixture.organization).isEmpty)
            for _ in 0..<2 {
                let error = await #expect(throws: CatalogError.self) {
                    try await fixture.editor.removeIntegration(id, in: fixture.organization)
                }
                #expect(error?.code == .notFound)
            }
            try await fixture.addPets()
        }
    }

    @Test("checks connections: the name, the way to sign in, and that every credential is there")
    func connections() async throws {
        try await CatalogFixture.run { fixture in
            let id = try await fixture.addPets(connection: nil).integration.integration.id
            func code(name: String = "main", method: String? = nil, _ credentials: [String: String] = [:], baseURL: String? = nil) async
                -> String?
            {
                do {
                    try await fixture.connect(
                        id, name: name, method: method, credentials: credentials.mapValues(Secret.init), baseURL: baseURL)
                    return nil
                } catch {
                    #expect(!"\(error)".contains("hunter2"))
                    return (error as? CatalogError)?.code.description
                }
            }
            for name in ["", "my account", "my-account", "1st", "a.b", "then", "ü", String(repeating: "a", count: 64)] {
                #expect(await code(name: name) == "invalid_name")
            }
            #expect(await code(method: "oauth", ["token": "hunter2"]) == "unknown_auth_method")
            #expect(await code() == "invalid_credentials")
            #expect(await code(["token": ""]) == "invalid_credentials")
            #expect(await code(["token": "hunter2\r\nX-Evil: 1"]) == "invalid_credentials")
            #expect(await code(["token": "hunter2", "extra": "hunter2"]) == "invalid_credentials")
            #expect(await code(method: "login", ["username": "u"]) == "invalid_credentials")
            #expect(await code(method: "none", ["token": "hunter2"]) == "invalid_credentials")
            #expect(await code(["token": "hunter2"], baseURL: "file:///x") == "invalid_base_url")
            #expect(await code(["token": "hunter2"]) == nil)
            #expect(await code(["token": "hunter2"]) == "connection_already_exists")
            #expect(await code(name: "open", method: "none") == nil)
            #expect(await code(name: "login", method: "login", ["username": "u", "password": ""]) == nil)
            let error = await #expect(throws: CatalogError.self) { try await fixture.connect(IntegrationID()) }
            #expect(error?.code == .notFound)
        }
    }

    @Test(
        "suggests a name that would do",
        arguments: [("my account", "myAccount"), ("1st", "c1st"), ("Ünïcode-name", "ncodeName"), ("", "main"), ("then", "main")])
    func suggestedNames(given: String, expected: String) async throws {
        try await CatalogFixture.run { fixture in
            let id = try await fixture.addPets(connection: nil).integration.integration.id
            let error = await #expect(throws: CatalogError.self) { try await fixture.connect(id, name: given) }
            #expect(error?.message.contains("`\(expected)`") == true)
        }
    }

    @Test("seals credentials: no value is stored as it is")
    func sealed() async throws {
        try await CatalogFixture.run { fixture in
            let id = try await fixture.addPets(connection: nil).integration.integration.id
            let record = try await fixture.connect(id)
            let stored = try await fixture.store.secrets.read(owner: record.connection.id, in: fixture.organization)
            #expect(stored.map(\.name) == ["token"])
            #expect(!String(decoding: stored[0].sealed, as: UTF8.self).contains("s3cret"))
            try await fixture.editor.removeConnection(record.connection.id, in: fixture.organization)
            #expect(try await fixture.tool("pets.org.main.pets.listPets") == nil)
        }
    }

    @Test("leaves Roost's own API alone")
    func builtIn() async throws {
        try await CatalogFixture.run(builtIn: try BuiltInTests.integration()) { fixture in
            let id = try #require(try await fixture.catalog.integrations(in: fixture.organization).items.first?.id)
            for attempt in 0..<3 {
                let error = await #expect(throws: CatalogError.self) {
                    switch attempt {
                    case 0: try await fixture.editor.removeIntegration(id, in: fixture.organization)
                    case 1: _ = try await fixture.editor.refresh(id, in: fixture.organization)
                    default: try await fixture.connect(id)
                    }
                }
                #expect(error?.code == .readOnly)
            }
        }
    }

    @Test("reads only so many documents at once")
    func readers() async throws {
        var limits = CatalogLimits()
        limits.maxConcurrentReads = 0
        try await CatalogFixture.run(limits: limits) { fixture in
            let error = await #expect(throws: CatalogError.self) { try await fixture.addPets() }
            #expect(error?.code == .busy)
        }
    }
}
