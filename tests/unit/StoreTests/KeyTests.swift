import Database
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Organizations, accounts and keys", .timeLimit(.minutes(1)))
struct KeyTests {
    @Test("An organization is found by id and slug; a taken slug is refused and changes nothing", arguments: TestStoreKind.all)
    func organizations(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let acme = try await store.organizations.create(name: "Acme", slug: "acme")
            #expect(try await store.organizations.find(acme.id) == acme)
            #expect(try await store.organizations.find(slug: "acme") == acme)
            await expect(.alreadyExists) { try await store.organizations.create(name: "Other", slug: "acme") }
            #expect(try await store.organizations.list().items == [acme])
            #expect(try await store.organizations.revision(of: acme.id) == 1)
            #expect(try await store.organizations.revision(of: OrganizationID()) == nil)
        }
    }

    @Test("Revisions of a thousand organizations come in one call", arguments: TestStoreKind.all)
    func revisions(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let first = try await store.organizations.create(name: "a", slug: "a").id
            let second = try await store.organizations.create(name: "b", slug: "b").id
            _ = try await store.policies.create(in: second, pattern: "*", action: .allow)
            let asked = (0..<998).map { _ in OrganizationID() } + [first, second]
            #expect(try await store.organizations.revisions(of: asked) == [first: 1, second: 2])
            #expect(try await store.organizations.revisions(of: []) == [:])
        }
    }

    @Test("An issuer's subject has one account, however many sign in at once", arguments: TestStoreKind.all)
    func signIn(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.organizations.create(name: "a", slug: "a").id
            let accounts = try await withThrowingTaskGroup(of: Account.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await store.accounts.findOrCreate(issuer: "https://i", subject: "s", name: "S", in: organization) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(accounts).count == 1)
            #expect(try await store.accounts.list(in: organization).items == Array(Set(accounts)))
        }
    }

    @Test("A key is found by its hash as its principal, until it is revoked", arguments: TestStoreKind.all)
    func keys(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let hash = SecretHash(of: "roost_secret")
            let key = try await store.keys.create(in: organization, account: tenant.account.id, role: .agent, name: "k", hash: hash)
            let principal = Principal(organization: organization, account: tenant.account.id, role: .agent, method: .apiKey(key.id))
            #expect(try await store.keys.find(hash: hash) == KeyRepository.Found(holder: .principal(principal), isTouchDue: true))
            try await store.keys.touch(.principal(principal))
            #expect(try await store.keys.find(hash: hash)?.isTouchDue == false)
            let used = try await store.keys.list(in: organization).items.first?.lastUsedAt
            try await store.keys.touch(.principal(principal))
            #expect(try await store.keys.list(in: organization).items.first?.lastUsedAt == used)
            #expect(used != nil)
            #expect(try await store.keys.isActive(key.id, in: organization))
            let revoked = try await store.keys.revoke(key.id, in: organization)
            #expect(revoked.revokedAt != nil)
            #expect(try await store.keys.revoke(key.id, in: organization).revokedAt == revoked.revokedAt)
            #expect(try await store.keys.find(hash: hash) == nil)
            #expect(try await !store.keys.isActive(key.id, in: organization))
            #expect(try await store.keys.find(hash: SecretHash(of: "another")) == nil)
            await expect(.notFound) { try await store.keys.revoke(APIKeyID(), in: organization) }
        }
    }

    @Test("An installation key belongs to no organization", arguments: TestStoreKind.all)
    func installationKeys(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let hash = SecretHash(of: "root")
            let key = try await store.keys.createInstallationKey(name: "root", hash: hash)
            #expect(try await store.keys.find(hash: hash) == KeyRepository.Found(holder: .installation(key.id), isTouchDue: true))
            try await store.keys.touch(.installation(key.id))
            #expect(try await store.keys.find(hash: hash)?.isTouchDue == false)
            #expect(try await store.keys.listInstallationKeys().items.map(\.id) == [key.id])
            await expect(.alreadyExists) { try await store.keys.createInstallationKey(name: "again", hash: hash) }
            try await store.keys.revokeInstallationKey(key.id)
            #expect(try await store.keys.find(hash: hash) == nil)
        }
    }

    @Test("A key works, was revoked or was never there, whoever it belongs to", arguments: TestStoreKind.all)
    func standing(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let (theirs, root) = (SecretHash(of: "theirs"), SecretHash(of: "root"))
            #expect(try await store.keys.standing(hash: theirs) == .absent)
            let key = try await store.keys.create(in: tenant.organization.id, role: .agent, name: "k", hash: theirs)
            let installationKey = try await store.keys.createInstallationKey(name: "root", hash: root)
            for hash in [theirs, root] { #expect(try await store.keys.standing(hash: hash) == .active) }
            _ = try await store.keys.revoke(key.id, in: tenant.organization.id)
            try await store.keys.revokeInstallationKey(installationKey.id)
            for hash in [theirs, root] { #expect(try await store.keys.standing(hash: hash) == .revoked) }
        }
    }

    @Test("An organization comes with its first admin key, or not at all", arguments: TestStoreKind.all)
    func firstKey(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let hash = SecretHash(of: "first")
            let organization = try await store.organizations.create(name: "a", slug: "a", adminKey: hash)
            let key = try #require(try await store.keys.list(in: organization.id).items.first)
            #expect(key.role == .admin)
            #expect(try await store.accounts.find(key.account, in: organization.id) != nil)
            #expect(try await store.keys.standing(hash: hash) == .active)
            await expect(.alreadyExists) { try await store.organizations.create(name: "b", slug: "b", adminKey: hash) }
            #expect(try await store.organizations.find(slug: "b") == nil)
        }
    }

    @Test("A key that is refused leaves no account behind", arguments: TestStoreKind.all)
    func account(kind: TestStoreKind) async throws {
        var limits = StoreLimits.patient
        limits.maxKeys = 1
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: limits)
            let tenant = try await store.makeTenant()
            func accounts() async throws -> Int {
                try await database.connection(in: .organization(tenant.organization.id)).query("SELECT id FROM accounts").count
            }
            let before = try await accounts()
            let hash = SecretHash(of: "one")
            let key = try await store.keys.create(in: tenant.organization.id, role: .agent, name: "one", hash: hash)
            #expect(try await store.accounts.find(key.account, in: tenant.organization.id)?.name == "one")
            #expect(try await accounts() == before + 1)
            await expect(.limitReached) {
                try await store.keys.create(in: tenant.organization.id, role: .agent, name: "two", hash: SecretHash(of: "two"))
            }
            _ = try await store.keys.revoke(key.id, in: tenant.organization.id)
            await expect(.alreadyExists) { try await store.keys.create(in: tenant.organization.id, role: .agent, name: "one", hash: hash) }
            #expect(try await accounts() == before + 1)
        }
    }

    @Test("The last admin key that works cannot be revoked, whoever else tries at the same time", arguments: TestStoreKind.all)
    func lastAdmin(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.organizations.create(name: "a", slug: "a", adminKey: SecretHash(of: "1")).id
            _ = try await store.keys.create(in: organization, role: .agent, name: "agent", hash: SecretHash(of: "agent"))
            let first = try #require(try await store.keys.list(in: organization).items.first { $0.role == .admin })
            await expect(.inUse) { try await store.keys.revoke(first.id, in: organization) }
            #expect(try await store.keys.isActive(first.id, in: organization))
            let second = try await store.keys.create(in: organization, role: .admin, name: "2", hash: SecretHash(of: "2"))
            let revoked = await withTaskGroup(of: Bool.self) { group in
                for key in [first.id, second.id] {
                    group.addTask { (try? await store.keys.revoke(key, in: organization)) != nil }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(revoked == 1)
            let active = try await store.keys.list(in: organization).items.filter { $0.revokedAt == nil }
            #expect(active.map(\.role).sorted { "\($0)" < "\($1)" } == [.admin, .agent])
            let gone = try #require(try await store.keys.list(in: organization).items.first { $0.revokedAt != nil })
            #expect(try await store.keys.revoke(gone.id, in: organization).revokedAt == gone.revokedAt)
        }
    }

    @Test("Only the hash of a key is in the database", arguments: TestStoreKind.all)
    func hashing(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            _ = try await store.keys.create(
                in: tenant.organization.id, account: tenant.account.id, role: .admin, name: "k", hash: SecretHash(of: "roost_open"))
            let rows = try await database.connection(in: .organization(tenant.organization.id)).query("SELECT * FROM api_keys")
            #expect(rows.count == 1)
            for row in rows {
                #expect(!"\(row)".contains("roost_open"))
            }
            #expect("\(SecretHash(of: "roost_open"))" == "<hash>")
        }
    }

    @Test("Limits on keys and policies hold, and a refused call changes nothing", arguments: TestStoreKind.all)
    func limits(kind: TestStoreKind) async throws {
        var limits = StoreLimits.patient
        limits.maxKeys = 1
        limits.maxPolicies = 1
        try await withTemporaryStore(kind, limits: limits) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            func createKey(_ text: String) async throws -> APIKey {
                try await store.keys.create(
                    in: organization, account: tenant.account.id, role: .agent, name: text, hash: SecretHash(of: text))
            }
            let key = try await createKey("first")
            let revision = try await store.organizations.revision(of: organization)
            await expect(.limitReached) { try await createKey("second") }
            #expect(try await store.organizations.revision(of: organization) == revision)
            _ = try await store.keys.revoke(key.id, in: organization)
            _ = try await createKey("third")
            _ = try await store.policies.create(in: organization, pattern: "*", action: .allow)
            await expect(.limitReached) { try await store.policies.create(in: organization, pattern: "*", action: .allow) }
            await expect(.invalidValue) {
                try await store.policies.create(in: organization, pattern: String(repeating: "x", count: 513), action: .allow)
            }
        }
    }
}
