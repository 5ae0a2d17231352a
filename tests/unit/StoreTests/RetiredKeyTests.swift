import Database
import Model
import TestSupport
import Testing

@testable import Store

@Suite("What an old data key sealed is not stored once there is a new one", .timeLimit(.minutes(2)))
struct RetiredKeyTests {
    private static func secret(_ version: Int) -> SealedSecret { SealedSecret(name: "token", sealed: [1], keyVersion: version) }

    private static func key(_ version: Int) -> WrappedDataKey {
        WrappedDataKey(version: version, vaultKeyID: "vk_next", wrapped: [UInt8(version)])
    }

    @Test(
        "a credential that was sealed before and comes after is refused, and nothing of its connection stays", arguments: TestStoreKind.all)
    func refused(_ kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let filled = try await store.populate("first")
            let (organization, owner) = (filled.organization, filled.connection.connection.id)
            try await store.secrets.replace([Self.secret(1)], owner: owner, in: organization)
            _ = try await store.dataKeys.add(Self.key(2), in: organization)
            await expect(.retiredKey) { try await store.secrets.replace([Self.secret(2), Self.secret(1)], owner: owner, in: organization) }
            let draft = ConnectionDraft(
                integration: filled.integration.integration.id, owner: .organization, account: nil, name: "late", method: "token")
            await expect(.retiredKey) { try await store.connections.add(draft, secrets: [Self.secret(1)], in: organization) }
            #expect(try await store.connections.find(draft.id, in: organization) == nil)
            #expect(try await store.secrets.read(owner: owner, in: organization).map(\.keyVersion) == [1])
            _ = try await store.connections.add(draft, secrets: [Self.secret(2)], in: organization)
            #expect(try await store.dataKeys.all(in: organization).map(\.state) == [.retired, .active])
        }
    }

    @Test("a new data key waits for what is being stored, so that whoever walks afterwards finds it", .enabled(if: TestPostgres.isExpected))
    func inFlight() async throws {
        try await withMigratedDatabase(.postgreSQL) { database in
            let store = Store(database: database, limits: .patient)
            let filled = try await store.populate("first")
            let (organization, owner) = (filled.organization, filled.connection.connection.id)
            let (inserted, gate, found) = (Recorder<Bool>(), Gate(), Recorder<Int>())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await database.transaction(in: .organization(organization)) { connection in
                        try await SecretRepository.insert([Self.secret(1)], owner: owner, in: organization, on: connection)
                        inserted.record(true)
                        await gate.wait()
                    }
                }
                await inserted.wait(for: 1)
                group.addTask {
                    _ = try await store.dataKeys.add(Self.key(2), in: organization)
                    found.record(try await store.secrets.sealed(before: 2, after: nil, in: organization).count)
                }
                while found.elements.isEmpty, try await !Self.somebodyWaits(database) { await Task.yield() }
                gate.open()
                try await group.waitForAll()
            }
            #expect(found.elements == [2])
        }
    }

    /// Whether a transaction of the services' role waits for another one's row.
    private static func somebodyWaits(_ database: any Database) async throws -> Bool {
        let rows = try await database.connection(in: .installation).query(
            "SELECT pid::BIGINT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return !rows.isEmpty
    }
}
