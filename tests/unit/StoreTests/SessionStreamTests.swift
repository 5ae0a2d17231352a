import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Streams of sessions", .timeLimit(.minutes(2)))
struct SessionStreamTests {
    /// A tenant with an open session and a stream in it.
    private struct Place {
        let store: Store
        let tenant: TestTenant
        let session: SessionRecordID
        let stream = SessionStreamID()
        let execution = ExecutionID()
        var bounds = SessionStreamBounds()

        var organization: OrganizationID { self.tenant.organization.id }

        init(_ store: Store) async throws {
            self.store = store
            self.tenant = try await store.makeTenant()
            self.session = try await store.sessions.create(.sample(self.tenant)).id
        }

        func open(_ stream: SessionStreamID? = nil, by lease: ReplicaLease? = nil) async throws -> Bool {
            try await self.store.sessionStreams.open(
                stream ?? self.stream, request: "7", execution: self.execution, of: self.session, in: self.organization,
                by: lease ?? self.tenant.lease, within: self.bounds)
        }

        @discardableResult
        func end(_ end: SessionStreamEnd, _ stream: SessionStreamID? = nil, by lease: ReplicaLease? = nil) async throws -> Bool {
            try await self.store.sessionStreams.end(
                stream ?? self.stream, of: self.session, in: self.organization, by: lease ?? self.tenant.lease, with: end,
                within: self.bounds)
        }

        func find(_ stream: SessionStreamID? = nil) async throws -> SessionStreamRecord? {
            try await self.store.sessionStreams.find(stream ?? self.stream, of: self.session, in: self.organization)
        }
    }

    @Test("A stream is open, then has its answer, then is gone", arguments: TestStoreKind.all)
    func life(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            var place = try await Place(store)
            #expect(try await place.find() == nil)
            #expect(try await place.open())
            let open = try #require(try await place.find())
            #expect(open.state == .open && open.request == "7" && open.execution == place.execution)
            #expect(open.owner == place.tenant.lease && open.answer == nil)
            #expect(try await place.end(.answer(Array("{}".utf8), sequence: 3)))
            let ended = try #require(try await place.find())
            #expect(ended.state == .answered && ended.sequence == 3 && ended.answer == Array("{}".utf8))
            // It ends once.
            await expect(.ownerLost) { try await place.end(.silent) }
            #expect(try await store.sessionStreams.purge() == 0)
            #expect(try await place.find() == ended)
            place.bounds.retention = .seconds(-60)
            let other = SessionStreamID()
            #expect(try await place.open(other))
            #expect(try await place.end(.silent, other))
            #expect(try await place.find(other) == nil)
            #expect(try await store.sessionStreams.purge() == 1)
            #expect(try await place.find() == ended)
        }
    }

    @Test("An owner whose heartbeat is older than the lease begins and ends nothing", arguments: TestStoreKind.all)
    func lapsed(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let place = try await Place(Store(database: database, limits: .patient))
            #expect(try await place.open())
            let late = storeThatSeesAllDead(database).sessionStreams
            let (organization, lease) = (place.organization, place.tenant.lease)
            await expect(.ownerLost) {
                try await late.open(
                    SessionStreamID(), request: "8", execution: ExecutionID(), of: place.session, in: organization, by: lease,
                    within: place.bounds)
            }
            await expect(.ownerLost) {
                try await late.end(
                    place.stream, of: place.session, in: organization, by: lease, with: .answer([1], sequence: 1), within: place.bounds)
            }
            #expect(try await place.find()?.state == .open)
            // The lease that holds writes both.
            #expect(try await place.open(SessionStreamID()))
            #expect(try await place.end(.answer([1], sequence: 1)))
        }
    }

    @Test("Only the session's owner writes, and nobody once it is closed", arguments: TestStoreKind.all)
    func fencing(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let place = try await Place(store)
            #expect(try await place.open())
            let other = try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1").lease
            await expect(.ownerLost) { try await place.open(SessionStreamID(), by: other) }
            await expect(.ownerLost) { try await place.end(.silent, by: other) }
            try await store.replicas.deregister(place.tenant.lease)
            _ = try await store.sessions.adopt(place.session, in: place.organization, by: other)
            // The one that ran the call comes back too late, and the new owner ends nothing that was not its own.
            await expect(.ownerLost) { try await place.end(.answer([1], sequence: 1)) }
            await expect(.ownerLost) { try await place.open(SessionStreamID()) }
            await expect(.ownerLost) { try await place.end(.silent, by: other) }
            #expect(try await place.find()?.state == .open)
            let mine = SessionStreamID()
            #expect(try await place.open(mine, by: other))
            try await store.sessions.close(place.session, in: place.organization)
            await expect(.ownerLost) { try await place.end(.silent, mine, by: other) }
            await expect(.ownerLost) { try await place.open(SessionStreamID(), by: other) }
        }
    }

    @Test("Streams, the bytes of one answer and those of all are bounded", arguments: TestStoreKind.all)
    func bounds(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            var place = try await Place(store)
            (place.bounds.maxStreams, place.bounds.maxAnswerBytes, place.bounds.maxSessionBytes) = (4, 100, 150)
            let streams = (0..<4).map { _ in SessionStreamID() }
            for stream in streams { #expect(try await place.open(stream)) }
            #expect(try await !place.open())
            let (fits, large) = ([UInt8](repeating: 1, count: 100), [UInt8](repeating: 1, count: 101))
            #expect(try await !place.end(.answer(large, sequence: 1), streams[0]))
            #expect(try await place.find(streams[0])?.state == .dropped)
            #expect(try await place.end(.answer(fits, sequence: 1), streams[1]))
            #expect(try await !place.end(.answer(fits, sequence: 1), streams[2]))
            let dropped = try #require(try await place.find(streams[2]))
            #expect(dropped.state == .dropped && dropped.answer == nil)
            #expect(try await place.end(.answer(Array(fits.prefix(50)), sequence: 1), streams[3]))
            await expect(.invalidValue) {
                try await store.sessionStreams.open(
                    SessionStreamID(), request: String(repeating: "x", count: (64 << 10) + 1), execution: place.execution,
                    of: place.session,
                    in: place.organization, by: place.tenant.lease, within: place.bounds)
            }
        }
    }

    @Test("A stream goes with its session's row", arguments: TestStoreKind.all)
    func cascade(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let place = try await Place(store)
            #expect(try await place.open())
            try await store.sessions.close(place.session, in: place.organization)
            #expect(try await store.sessions.purge(state: .closed, olderThan: .seconds(-60)) == 1)
            #expect(try await place.find() == nil)
        }
    }
}
