import Database
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Revisions", .timeLimit(.minutes(1)))
struct RevisionTests {
    @Test("Every change to policies, connections, integrations, keys and members raises the revision by one", arguments: TestStoreKind.all)
    func changes(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let all = try await store.populate("acme")
            let organization = all.organization
            let account = all.tenant.account.id
            let integration = all.integration.integration.id
            var draft = IntegrationDraft.sample(slug: "acme")
            draft.id = integration
            let policy = try await store.policies.create(in: organization, pattern: "x", action: .allow)
            let changes: [(String, () async throws -> Void)] = [
                ("policies.create", { _ = try await store.policies.create(in: organization, pattern: "y", action: .allow) }),
                ("policies.update", { _ = try await store.policies.update(policy.id, action: .block, in: organization) }),
                ("policies.remove", { try await store.policies.remove(policy.id, in: organization) }),
                ("accounts.create", { _ = try await store.accounts.create(in: organization, name: "n") }),
                (
                    "keys.create",
                    {
                        _ = try await store.keys.create(
                            in: organization, account: account, role: .admin, name: "n", hash: SecretHash(of: "n"))
                    }
                ),
                ("keys.revoke", { _ = try await store.keys.revoke(all.key.id, in: organization) }),
                ("integrations.add", { _ = try await store.integrations.add(.sample(slug: "new"), tools: ToolSet(), in: organization) }),
                ("integrations.refresh", { _ = try await store.integrations.refresh(draft, tools: .sample(), in: organization) }),
                ("tools.replace", { try await store.tools.replace(.numbered(2), of: integration, in: organization) }),
                (
                    "connections.add",
                    {
                        let draft = ConnectionDraft(
                            integration: integration, owner: .user, account: account, name: "mine", method: "none")
                        _ = try await store.connections.add(draft, secrets: [], in: organization)
                    }
                ),
                ("secrets.replace", { try await store.secrets.replace([], owner: all.connection.connection.id, in: organization) }),
                ("connections.remove", { try await store.connections.remove(all.connection.connection.id, in: organization) }),
                ("integrations.remove", { try await store.integrations.remove(integration, in: organization) }),
            ]
            for (name, change) in changes {
                let before = try #require(try await store.organizations.revision(of: organization))
                try await change()
                #expect(try await store.organizations.revision(of: organization) == before + 1, "\(name)")
            }
        }
    }

    @Test("Changes of one organization take turns, and hold up no other's, however long they are", arguments: TestStoreKind.all)
    func turns(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let (busy, large) = (try await store.makeTenant("busy").organization.id, try await store.makeTenant("large").organization.id)
            let before = try #require(try await store.organizations.revision(of: busy))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        for round in 0..<10 {
                            let pattern = "a\(number)x\(round)"
                            let policy = try await store.policies.create(in: busy, pattern: pattern, action: .allow).id
                            try await store.policies.remove(policy, in: busy)
                        }
                    }
                }
                group.addTask { _ = try await store.integrations.add(.sample(slug: "large"), tools: .numbered(2_000), in: large) }
                try await group.waitForAll()
            }
            #expect(try await store.organizations.revision(of: busy) == before + 160)
            #expect(try await store.tools.count(in: large) == 2_000)
        }
    }

    @Test("What is refused, and what is no such change, leaves the revision alone", arguments: TestStoreKind.all)
    func unchanged(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let all = try await store.populate("acme")
            let organization = all.organization
            let before = try await store.organizations.revision(of: organization)
            await expect(.notFound) { try await store.policies.remove(PolicyID(), in: organization) }
            await expect(.notFound) { try await store.integrations.remove(IntegrationID(), in: organization) }
            await expect(.notFound) { try await store.connections.remove(ConnectionID(), in: organization) }
            await expect(.notFound) { try await store.policies.create(in: OrganizationID(), pattern: "x", action: .allow) }
            try await store.keys.touch(.principal(all.tenant.principal))
            try await store.sessions.close(all.session.id, in: organization)
            try await store.executions.requestCancel(all.execution, in: organization)
            #expect(try await store.organizations.revision(of: organization) == before)
        }
    }
}
