import Identity
import Logging
import Model
import Store
import TestSupport
import Testing

@Suite("Keys and accounts in a real database")
struct StoreDirectoryTests {
    @Test("A key works from the moment it is stored and for at most the memory after it is revoked")
    func keys() async throws {
        try await withTemporaryStore { store in
            let tenant = try await store.makeTenant()
            let key = APIKeyText()
            let time = ManualTime()
            let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let authenticator = Authenticator(keys: store.keys, time: time.source, logger: silent)
            let bearer = key.secret.reveal()
            #expect(
                await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: bearer) }?.code
                    == .credentialsInvalid)
            let stored = try await store.keys.create(
                in: tenant.organization.id, account: tenant.account.id, role: .agent, name: "k", hash: key.hash)
            let expected = Principal(
                organization: tenant.organization.id, account: tenant.account.id, role: .agent, method: .apiKey(stored.id))
            #expect(try await authenticator.authenticate(bearer: bearer) == .principal(expected))
            let used = try await store.keys.list(in: tenant.organization.id).items.first { $0.id == stored.id }
            #expect(used?.lastUsedAt != nil)
            _ = try await store.keys.revoke(stored.id, in: tenant.organization.id)
            time.advance(by: .milliseconds(500))
            #expect(
                await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: bearer) }?.code
                    == .credentialsInvalid)
            let installation = APIKeyText()
            let id = try await store.keys.createInstallationKey(name: "i", hash: installation.hash).id
            #expect(try await authenticator.authenticate(bearer: installation.secret.reveal()) == .installation(id))
        }
    }

    @Test("An issuer's subject has one account in each organization, however many sign in at once")
    func accounts() async throws {
        try await withTemporaryStore { store in
            let first = try await store.makeTenant("first").organization
            let second = try await store.makeTenant("second").organization
            #expect(try await store.organization(named: "first") == first.id)
            #expect(try await store.organization(named: second.id.rawValue) == second.id)
            #expect(try await store.organization(named: OrganizationID().rawValue) == nil)
            #expect(try await store.organization(named: "third") == nil)
            let name = String(repeating: "x", count: 5000)
            let accounts = try await withThrowingTaskGroup(of: AccountID?.self) { group in
                for _ in 0..<10 { group.addTask { try await store.account(issuer: "i", subject: "s", name: name, in: first.id) } }
                return try await group.reduce(into: Set<AccountID>()) { if let account = $1 { $0.insert(account) } }
            }
            let account = try #require(accounts.first)
            #expect(accounts.count == 1)
            #expect(try await store.account(issuer: "i", subject: "s", name: name, in: second.id) != account)
            _ = try await store.accounts.disable(account, in: first.id)
            #expect(try await store.account(issuer: "i", subject: "s", name: name, in: first.id) == nil)
        }
    }
}
