import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Integrations, tools and connections", .timeLimit(.minutes(1)))
struct CatalogTests {
    @Test("An integration comes back with everything it was added with", arguments: TestStoreKind.all)
    func add(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let document = Array("openapi: 3.1.0".utf8)
            let record = try await store.integrations.add(.sample(document: document), tools: .sample(), in: organization)
            #expect(record.integration.toolCount == 1)
            #expect(record.revision == 1)
            #expect(record.document == BlobHash(of: document))
            #expect(try await store.blobs.content(BlobHash(of: document), in: organization) == document)
            #expect(try await store.integrations.find(record.integration.id, in: organization) == record)
            #expect(try await store.integrations.find(slug: "petstore", in: organization) == record)
            #expect(try await store.integrations.all(in: organization) == [record])
            #expect(try await store.integrations.list(in: organization).items == [record.integration])
            await expect(.alreadyExists) { try await store.integrations.add(.sample(), tools: ToolSet(), in: organization) }
        }
    }

    @Test("A tool is found with its binding; its schemas and their definitions are read apart", arguments: TestStoreKind.all)
    func tools(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let integration = try await store.integrations.add(.sample(), tools: .sample(), in: organization).integration.id
            let tool = try #require(try await store.tools.find("pets.list", integrationSlug: "petstore", in: organization))
            #expect(tool.binding == JSONText(["path": "pets"]))
            #expect(tool.effect == .read)
            #expect(tool.integration == integration)
            let schemas = try await store.tools.schemas(of: "pets.list", integration: integration, in: organization)
            #expect(schemas == ToolSchemas(input: JSONText(["title": "pets"]), output: nil))
            #expect(try await store.tools.schemas(of: "none", integration: integration, in: organization) == nil)
            let definitions = try await store.tools.definitions(["pets", "none"], integration: integration, in: organization)
            #expect(definitions == ["pets": JSONText(["title": "pets"])])
            #expect(try await store.tools.find("none", integrationSlug: "petstore", in: organization) == nil)
            #expect(try await store.tools.count(in: organization) == 1)
        }
    }

    @Test("Thousands of tools are replaced in one transaction and listed without their bindings", arguments: TestStoreKind.all)
    func many(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let record = try await store.integrations.add(.sample(), tools: .numbered(5001), in: organization)
            #expect(record.integration.toolCount == 5001)
            #expect(try await store.tools.searchRows(of: [record.integration.id], in: organization).count == 5001)
            let listed = try await walk(limit: 200) { try await store.tools.list(in: organization, $0) }
            #expect(listed.count == 5001)
            #expect(Set(listed.map(\.name)).count == 5001)
            try await store.tools.replace(.numbered(7), of: record.integration.id, in: organization)
            #expect(try await store.tools.count(in: organization) == 7)
            #expect(try await store.tools.searchRows(of: [record.integration.id], in: organization).count == 7)
            #expect(try await store.integrations.find(record.integration.id, in: organization)?.revision == 2)
        }
    }

    @Test("A tool set with one name twice is refused whole", arguments: TestStoreKind.all)
    func duplicate(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let record = try await store.integrations.add(.sample(), tools: .sample(), in: organization)
            var twice = ToolSet.numbered(300)
            twice.tools.append(twice.tools[0])
            await expect(.alreadyExists) { try await store.tools.replace(twice, of: record.integration.id, in: organization) }
            #expect(try await store.tools.searchRows(of: [record.integration.id], in: organization).map(\.name) == ["pets.list"])
        }
    }

    @Test("A refresh keeps id, slug and connections, and drops the old document", arguments: TestStoreKind.all)
    func refresh(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let all = try await store.populate("acme")
            var draft = IntegrationDraft.sample(slug: "ignored", document: Array("new".utf8))
            draft.id = all.integration.integration.id
            let refreshed = try await store.integrations.refresh(draft, tools: .numbered(2), in: all.organization)
            #expect(refreshed.integration.slug == "acme")
            #expect(refreshed.integration.toolCount == 2)
            #expect(refreshed.revision == 2)
            #expect(try await store.blobs.content(all.blob, in: all.organization) == nil)
            #expect(try await store.connections.list(in: all.organization).items == [all.connection])
        }
    }

    @Test(
        "Removing an integration takes along all that hangs on it, and a shared document only with its last user",
        arguments: TestStoreKind.all)
    func remove(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let document = Array("shared".utf8)
            let first = try await store.integrations.add(.sample(slug: "a", document: document), tools: .sample(), in: organization)
            let second = try await store.integrations.add(.sample(slug: "b", document: document), tools: .sample(), in: organization)
            let draft = ConnectionDraft(integration: first.integration.id, owner: .organization, account: nil, name: "c", method: "bearer")
            let secret = SealedSecret(name: "token", sealed: [1, 2, 3], keyVersion: 1)
            _ = try await store.connections.add(draft, secrets: [secret], in: organization)
            #expect(try await store.secrets.read(owner: draft.id, in: organization) == [secret])
            #expect(try await store.secrets.sealed(before: 2, after: nil, in: organization).map(\.secret) == [secret])
            try await store.integrations.remove(first.integration.id, in: organization)
            #expect(try await store.secrets.read(owner: draft.id, in: organization).isEmpty)
            #expect(try await store.secrets.sealed(before: 2, after: nil, in: organization).isEmpty)
            #expect(try await store.connections.list(in: organization).items.isEmpty)
            let left = try await store.tools.searchRows(of: [first.integration.id, second.integration.id], in: organization)
            #expect(left.map(\.integration) == [second.integration.id])
            #expect(try await store.blobs.content(BlobHash(of: document), in: organization) == document)
            try await store.integrations.remove(second.integration.id, in: organization)
            #expect(try await store.blobs.content(BlobHash(of: document), in: organization) == nil)
        }
    }

    @Test("A document in use is not removed", arguments: TestStoreKind.all)
    func referencedBlob(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let all = try await store.populate("acme")
            let loose = try await store.blobs.put([1, 2, 3], in: all.organization)
            #expect(try await store.blobs.put([1, 2, 3], in: all.organization) == loose)
            #expect(try await store.blobs.removeUnreferenced(in: all.organization) == 1)
            #expect(try await store.blobs.content(loose, in: all.organization) == nil)
            #expect(try await store.blobs.content(all.blob, in: all.organization) != nil)
        }
    }

    @Test("A connection's name is unique per integration and owner, and found only by whom it serves", arguments: TestStoreKind.all)
    func connections(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let other = try await store.accounts.create(in: organization, name: "other").id
            let integration = try await store.integrations.add(.sample(), tools: ToolSet(), in: organization).integration.id
            func add(_ owner: ToolAddress.Owner, _ account: AccountID?) async throws -> ConnectionRecord {
                let draft = ConnectionDraft(integration: integration, owner: owner, account: account, name: "main", method: "none")
                return try await store.connections.add(draft, secrets: [], in: organization)
            }
            let shared = try await add(.organization, nil)
            let mine = try await add(.user, tenant.account.id)
            let theirs = try await add(.user, other)
            await expect(.alreadyExists) { try await add(.organization, nil) }
            await expect(.alreadyExists) { try await add(.user, other) }
            await expect(.invalidValue) { try await add(.user, nil) }
            await expect(.invalidValue) { try await add(.organization, other) }
            await expect(.notFound) { try await add(.user, AccountID()) }
            #expect(try await store.connections.usable(by: tenant.account.id, in: organization) == [shared, mine])
            let found = try await store.connections.find(
                integrationSlug: "petstore", owner: .user, name: "main", account: other, in: organization)
            #expect(found == theirs)
            #expect(try await store.connections.find(shared.connection.id, in: organization) == shared)
            try await store.connections.remove(mine.connection.id, in: organization)
            #expect(try await store.connections.usable(by: tenant.account.id, in: organization) == [shared])
        }
    }

    @Test("Bounds are checked before anything is written", arguments: TestStoreKind.all)
    func bounds(kind: TestStoreKind) async throws {
        var limits = StoreLimits.patient
        limits.maxToolsPerIntegration = 3
        limits.maxBlobBytes = 10
        limits.maxJSONBytes = 64
        limits.maxIntegrations = 1
        limits.maxConnections = 0
        try await withTemporaryStore(kind, limits: limits) { store in
            let organization = try await store.makeTenant().organization.id
            await expect(.limitReached) { try await store.integrations.add(.sample(), tools: .numbered(4), in: organization) }
            await expect(.invalidValue) {
                try await store.integrations.add(.sample(document: Array(repeating: 1, count: 11)), tools: ToolSet(), in: organization)
            }
            var large = ToolSet.numbered(1)
            large.tools[0].inputSchema = JSONText(.string(String(repeating: "x", count: 64)))
            await expect(.invalidValue) { try await store.integrations.add(.sample(), tools: large, in: organization) }
            #expect(try await store.integrations.list(in: organization).items.isEmpty)
            let integration = try await store.integrations.add(.sample(), tools: .numbered(3), in: organization).integration.id
            await expect(.limitReached) { try await store.integrations.add(.sample(slug: "b"), tools: ToolSet(), in: organization) }
            let draft = ConnectionDraft(integration: integration, owner: .organization, account: nil, name: "c", method: "none")
            await expect(.limitReached) { try await store.connections.add(draft, secrets: [], in: organization) }
        }
    }
}
