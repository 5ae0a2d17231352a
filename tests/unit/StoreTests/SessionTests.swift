import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Replicas and sessions", .timeLimit(.minutes(1)))
struct SessionTests {
    @Test("A replica registers, beats, drains and goes", arguments: TestStoreKind.all)
    func registry(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let id = ReplicaID()
            let first = try await store.replicas.register(id, kind: .sessionService, address: "127.0.0.1:9", version: "1")
            #expect(first.epoch == 1)
            try await store.replicas.heartbeat(first.lease, load: 7, isDraining: true)
            let live = try await store.replicas.live(.sessionService)
            #expect(live.map(\.load) == [7])
            #expect(live.map(\.isDraining) == [true])
            #expect(try await store.replicas.live(.apiGateway).isEmpty)
            let second = try await store.replicas.register(id, kind: .sessionService, address: "127.0.0.1:9", version: "1")
            #expect(second.epoch == 2)
            await expect(.ownerLost) { try await store.replicas.heartbeat(first.lease, load: 0, isDraining: false) }
            try await store.replicas.deregister(first.lease)
            #expect(try await store.replicas.live(.sessionService).count == 1)
            try await store.replicas.deregister(second.lease)
            #expect(try await store.replicas.live(.sessionService).isEmpty)
        }
    }

    @Test("A lapsed lease cannot be revived, only replaced by one of a higher epoch", arguments: TestStoreKind.all)
    func lapsed(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let later = storeThatSeesAllDead(database)
            let tenant = try await store.makeTenant()
            await expect(.ownerLost) { try await later.replicas.heartbeat(tenant.lease, load: 0, isDraining: false) }
            #expect(try await later.replicas.live(.sessionService).isEmpty)
            await expect(.ownerLost) { try await later.sessions.create(.sample(tenant)) }
            await expect(.ownerLost) { try await later.executions.start(.sample(tenant)) }
        }
    }

    @Test("Replicas long gone are forgotten", arguments: TestStoreKind.all)
    func purge(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            _ = try await store.makeTenant()
            #expect(try await store.replicas.purge(olderThan: .seconds(60)) == 0)
            #expect(try await store.replicas.purge(olderThan: .seconds(-60)) == 1)
        }
    }

    @Test("A session comes back with all that another process needs to go on with it", arguments: TestStoreKind.all)
    func roundTrip(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let methods: [Principal.Method] = [
                .apiKey(APIKeyID()), .token(issuer: "https://issuer", subject: "s"), .execution(ExecutionID()),
            ]
            for method in methods {
                var draft = SessionDraft.sample(tenant)
                draft.principal = Principal(organization: organization, account: tenant.account.id, role: .admin, method: method)
                let created = try await store.sessions.create(draft)
                #expect(created.principal == draft.principal)
                #expect(created.clientCapabilities == draft.clientCapabilities)
                #expect(created.state == .open)
                #expect(created.owner == tenant.lease)
                #expect(try await store.sessions.find(hash: draft.hash, in: organization) == created)
                #expect(try await store.sessions.find(draft.id, in: organization) == created)
            }
            let draft = SessionDraft.sample(tenant, hash: SecretHash(of: "twice"))
            _ = try await store.sessions.create(draft)
            await expect(.alreadyExists) { try await store.sessions.create(draft) }
        }
    }

    @Test("Requests go to a live owner; a dead one's session may be adopted by exactly one", arguments: TestStoreKind.all)
    func adoption(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = SessionDraft.sample(tenant)
            let session = try await store.sessions.create(draft).id
            let route = try #require(try await store.sessions.route(hash: draft.hash, in: organization))
            #expect(route.owner == tenant.lease)
            #expect(route.address == "127.0.0.1:1")
            let others = try await [0, 1, 2, 3].asyncMap { _ in
                try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1").lease
            }
            await expect(.ownerLost) { try await store.sessions.adopt(session, in: organization, by: others[0]) }
            try await store.replicas.deregister(tenant.lease)
            let orphan = try #require(try await store.sessions.route(hash: draft.hash, in: organization))
            #expect(orphan.owner == nil)
            #expect(orphan.address == nil)
            // Nobody has taken it yet, and still its last owner may write no more.
            await expect(.ownerLost) { try await store.sessions.touch(session, in: organization, by: tenant.lease) }
            let winners = await withTaskGroup(of: ReplicaLease?.self) { group in
                for lease in others {
                    group.addTask { try? await store.sessions.adopt(session, in: organization, by: lease).owner }
                }
                return await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(winners.count == 1)
            let winner = try #require(winners.first)
            #expect(try await store.sessions.adopt(session, in: organization, by: winner).owner == winner)
            await expect(.ownerLost) { try await store.sessions.touch(session, in: organization, by: tenant.lease) }
            try await store.sessions.touch(session, in: organization, by: winner)
            #expect(try await store.sessions.release(winner) == 1)
            #expect(try await store.sessions.adopt(session, in: organization, by: others[3]).owner == others[3])
        }
    }

    @Test("An account at its bound gets room from its idle sessions, and none while all are busy", arguments: TestStoreKind.all)
    func room(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            for _ in 0..<2 { _ = try await store.sessions.create(.sample(tenant)) }
            func makeRoom(_ limit: Int, _ age: Duration) async throws -> Bool {
                try await store.sessions.makeRoom(for: tenant.account.id, in: organization, limit: limit, closingIdleFor: age)
            }
            #expect(try await makeRoom(3, .seconds(60)))
            #expect(try await !makeRoom(2, .seconds(60)))
            #expect(try await store.sessions.list(in: organization).items.count == 2)
            #expect(try await makeRoom(2, .seconds(-60)))
            #expect(try await store.sessions.list(in: organization).items.isEmpty)
        }
    }

    @Test("A closed session is no longer routed, adopted or listed, and its owner learns of it", arguments: TestStoreKind.all)
    func close(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = SessionDraft.sample(tenant)
            let session = try await store.sessions.create(draft).id
            #expect(try await store.sessions.closedSessions(of: tenant.lease).isEmpty)
            #expect(try await store.sessions.close(session, in: organization))
            #expect(try await !store.sessions.close(session, in: organization))
            #expect(
                try await store.sessions.closedSessions(of: tenant.lease) == [ClosedSession(organization: organization, session: session)])
            try await store.sessions.release(session, in: organization, by: tenant.lease)
            #expect(try await store.sessions.closedSessions(of: tenant.lease).isEmpty)
            #expect(try await store.sessions.route(hash: draft.hash, in: organization) == nil)
            #expect(try await store.sessions.find(hash: draft.hash, in: organization)?.state == .closed)
            #expect(try await store.sessions.list(in: organization).items.isEmpty)
            await expect(.notFound) { try await store.sessions.adopt(session, in: organization, by: tenant.lease) }
            await expect(.notFound) { try await store.sessions.close(SessionRecordID(), in: organization) }
            #expect(try await store.sessions.purge(state: .closed, olderThan: .seconds(60)) == 0)
            #expect(try await store.sessions.purge(state: .closed, olderThan: .seconds(-60)) == 1)
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
