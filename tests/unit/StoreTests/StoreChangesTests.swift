import Database
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Changes that processes tell each other", .timeLimit(.minutes(2)))
struct StoreChangesTests {
    @Test("Every change of an organization's revision is told with its id, once it is committed", arguments: TestStoreKind.all)
    func revisions(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let (acme, other) = (try await store.populate("acme"), try await store.populate("other"))
            // The last admin key cannot be revoked.
            _ = try await store.keys.create(
                in: acme.organization, account: acme.account.id, role: .admin, name: "n", hash: SecretHash(of: "n"))
            let changes = try #require(store.organizations.changes())
            var ears = changes.makeAsyncIterator()
            #expect(await ears.next() == .anything)
            _ = try await store.policies.create(in: acme.organization, pattern: "x", action: .allow)
            #expect(await ears.next() == .of(acme.organization))
            _ = try await store.keys.revoke(acme.key.id, in: acme.organization)
            #expect(await ears.next() == .of(acme.organization))
            // What is refused is not told.
            await expect(.notFound) { try await store.policies.remove(PolicyID(), in: acme.organization) }
            try await store.tools.replace(.numbered(2), of: other.integration.integration.id, in: other.organization)
            #expect(await ears.next() == .of(other.organization))
        }
    }

    @Test("Who has to act on a cancellation or a closing is told, and nobody else is named", arguments: TestStoreKind.all)
    func owners(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let acme = try await store.populate("acme")
            let (cancellations, closings) = (try #require(store.executions.cancellations()), try #require(store.sessions.closings()))
            var (cancelEars, closeEars) = (cancellations.makeAsyncIterator(), closings.makeAsyncIterator())
            #expect(await cancelEars.next() == .anything)
            #expect(await closeEars.next() == .anything)
            #expect(try await store.executions.requestCancel(acme.execution, in: acme.organization) == .running)
            #expect(await cancelEars.next() == .of(acme.tenant.replica.id))
            #expect(try await store.sessions.close(acme.session.id, in: acme.organization))
            #expect(await closeEars.next() == .of(acme.tenant.replica.id))
            // Neither a second closing nor another organization's is told: the next that is heard is that of a second process.
            #expect(try await !store.sessions.close(acme.session.id, in: acme.organization))
            let other = try await store.populate("other")
            await expect(.notFound) { try await store.sessions.close(other.session.id, in: acme.organization) }
            #expect(try await store.sessions.close(other.session.id, in: other.organization))
            #expect(await closeEars.next() == .of(other.tenant.replica.id))
        }
    }

    @Test("That a process comes or goes is told", arguments: TestStoreKind.all)
    func replicas(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let changes = try #require(store.replicas.changes())
            var ears = changes.makeAsyncIterator()
            #expect(await ears.next() == .anything)
            let replica = try await store.replicas.register(ReplicaID(), kind: .apiGateway, address: "127.0.0.1:1", version: "1")
            #expect(await ears.next() == .of(replica.id))
            try await store.replicas.deregister(replica.lease)
            #expect(await ears.next() == .of(replica.id))
        }
    }

    @Test(
        "Another process hears a change, and after its connection was lost hears that anything may have changed",
        .enabled(if: TestPostgres.isExpected))
    func acrossProcesses() async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { first in
                try await installation.withDatabase(installation.serviceURL) { second in
                    let (here, there) = (Store(database: first, limits: .patient), Store(database: second, limits: .patient))
                    let organization = try await here.makeTenant().organization.id
                    let changes = try #require(there.organizations.changes())
                    var ears = changes.makeAsyncIterator()
                    #expect(await ears.next() == .anything)
                    _ = try await here.policies.create(in: organization, pattern: "x", action: .allow)
                    #expect(await ears.next() == .of(organization))
                    let revision = try #require(try await here.organizations.revision(of: organization))
                    try await installation.server.administer(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = '\(installation.database)' AND query LIKE 'LISTEN%'
                        """)
                    _ = try await here.policies.create(in: organization, pattern: "y", action: .allow)
                    // Whether it was made before or after the connection was back.
                    #expect(await ears.next() != nil)
                    #expect(try await there.organizations.revision(of: organization) == revision + 1)
                }
            }
        }
    }
}
