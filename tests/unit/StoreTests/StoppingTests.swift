import Database
import Model
import TestSupport
import Testing

@testable import Store

/// What an admin stops at once: accounts and integrations.
@Suite("Disabled accounts and frozen integrations", .timeLimit(.minutes(1)))
struct StoppingTests {
    @Test(
        "Nobody acts as a disabled account: its keys are refused, its sessions closed; enabled, the keys work again",
        arguments: TestStoreKind.all)
    func disabled(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let admin = try await store.keys.create(in: organization, role: .admin, name: "admin", hash: SecretHash(of: "admin"))
            let hash = SecretHash(of: "agent")
            let key = try await store.keys.create(in: organization, account: tenant.account.id, role: .agent, name: "agent", hash: hash)
            let session = try await store.sessions.create(.sample(tenant))
            let revision = try #require(try await store.organizations.revision(of: organization))

            let disabled = try await store.accounts.disable(tenant.account.id, in: organization)
            let time = try #require(disabled.disabledAt)
            #expect(try await store.accounts.disable(tenant.account.id, in: organization).disabledAt == time)
            #expect(try await store.accounts.find(tenant.account.id, in: organization) == disabled)
            #expect(try await !store.accounts.isActive(tenant.account.id, in: organization))
            #expect(try await store.keys.find(hash: hash) == nil)
            #expect(try await store.keys.standing(hash: hash) == .revoked)
            #expect(try await !store.keys.isActive(key.id, in: organization))
            #expect(try await store.sessions.find(session.id, in: organization)?.state == .closed)
            #expect(try await store.sessions.closedSessions(of: tenant.lease).map(\.session) == [session.id])
            #expect(try #require(try await store.organizations.revision(of: organization)) > revision)
            #expect(try await store.keys.find(hash: SecretHash(of: "admin"))?.holder != nil, "others go on")
            #expect(try await store.keys.isActive(admin.id, in: organization))

            #expect(try await store.accounts.enable(tenant.account.id, in: organization).disabledAt == nil)
            #expect(try await store.accounts.isActive(tenant.account.id, in: organization))
            #expect(try await store.keys.find(hash: hash) != nil)
            #expect(try await store.keys.isActive(key.id, in: organization))
            #expect(try await store.sessions.find(session.id, in: organization)?.state == .closed, "closed is for good")
            await expect(.notFound) { try await store.accounts.disable(AccountID(), in: organization) }
            await expect(.notFound) { try await store.accounts.enable(AccountID(), in: organization) }
            #expect(try await !store.accounts.isActive(AccountID(), in: organization))
        }
    }

    @Test("The account with the last admin key that works is not disabled, nor that key revoked", arguments: TestStoreKind.all)
    func lastAdmin(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let first = try await store.keys.create(in: organization, role: .admin, name: "first", hash: SecretHash(of: "first"))
            await expect(.inUse) { try await store.accounts.disable(first.account, in: organization) }
            // A second key of the same account is no help.
            _ = try await store.keys.create(
                in: organization, account: first.account, role: .admin, name: "same", hash: SecretHash(of: "same"))
            await expect(.inUse) { try await store.accounts.disable(first.account, in: organization) }
            #expect(try await store.accounts.isActive(first.account, in: organization))
            let second = try await store.keys.create(in: organization, role: .admin, name: "second", hash: SecretHash(of: "second"))
            _ = try await store.accounts.disable(first.account, in: organization)
            await expect(.inUse) { try await store.keys.revoke(second.id, in: organization) }
            await expect(.inUse) { try await store.accounts.disable(second.account, in: organization) }
        }
    }

    @Test("A frozen integration says since when, keeps its tools, and raises the revision both ways", arguments: TestStoreKind.all)
    func frozen(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let organization = try await store.makeTenant().organization.id
            let added = try await store.integrations.add(.sample(), tools: .sample(), in: organization)
            let id = added.integration.id
            #expect(added.integration.frozenAt == nil)
            let before = try #require(try await store.organizations.revision(of: organization))
            let time = try #require(try await store.integrations.freeze(id, in: organization).integration.frozenAt)
            #expect(try await store.integrations.freeze(id, in: organization).integration.frozenAt == time)
            #expect(try await store.integrations.all(in: organization).map(\.integration.frozenAt) == [time])
            #expect(try await store.tools.list(in: organization, integration: id).items.count == 1)
            // A refresh is no way around it.
            var draft = IntegrationDraft.sample()
            draft.id = id
            #expect(try await store.integrations.refresh(draft, tools: .sample(), in: organization).integration.frozenAt == time)
            #expect(try await store.integrations.unfreeze(id, in: organization).integration.frozenAt == nil)
            #expect(try #require(try await store.organizations.revision(of: organization)) >= before + 3)
            await expect(.notFound) { try await store.integrations.freeze(IntegrationID(), in: organization) }
            await expect(.notFound) { try await store.integrations.unfreeze(IntegrationID(), in: organization) }
        }
    }
}
