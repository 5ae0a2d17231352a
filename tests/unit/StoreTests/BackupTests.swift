import Database
import JSON
import Model
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Bytes that are written and read in memory.
private final class MemoryFile: Sendable {
    private let state: Mutex<(bytes: [UInt8], position: Int)>

    init(_ bytes: [UInt8] = []) { self.state = Mutex((bytes, 0)) }

    var bytes: [UInt8] { self.state.withLock { $0.bytes } }

    func write(_ more: [UInt8]) { self.state.withLock { $0.bytes += more } }

    /// In small pieces, so that every border is met.
    func read(_ maxCount: Int) -> [UInt8] {
        self.state.withLock { state in
            let piece = Array(state.bytes.dropFirst(state.position).prefix(min(maxCount, 1000)))
            state.position += piece.count
            return piece
        }
    }
}

@Suite("Backups", .timeLimit(.minutes(2)))
struct BackupTests {
    private static let now = Timestamp(microseconds: 1_800_000_000_000_000)

    private static func write(_ database: any SnapshotReading, limits: BackupLimits = BackupLimits()) async throws -> [UInt8] {
        let file = MemoryFile()
        _ = try await Backup.write(database, version: "test", now: Self.now, limits: limits) { file.write($0) }
        return file.bytes
    }

    private static func restore(_ bytes: [UInt8], into database: any Database) async throws -> Backup.Report {
        try await Backup.restore(into: database) {
            let file = MemoryFile(bytes)
            return { file.read($0) }
        }
    }

    private static func check(_ bytes: [UInt8]) -> BackupError.Code? {
        let file = MemoryFile(bytes)
        do {
            try Backup.check { file.read($0) }
            return nil
        } catch {
            return (error as? BackupError)?.code
        }
    }

    private static func rows(of database: SQLiteDatabase) async throws -> [String: [DatabaseRow]] {
        var rows: [String: [DatabaseRow]] = [:]
        for table in Schema.allTables {
            let columns = table.columns.map(\.name).joined(separator: ", ")
            rows[table.name] = try await database.connection(in: .installation).query(
                Statement(generated: "SELECT \(columns) FROM \(table.name) ORDER BY \(table.primaryKey.joined(separator: ", "))"),
                values: [])
        }
        return rows
    }

    /// Runs `body` with two migrated databases: one with two filled organizations, and an empty one.
    private static func run(_ body: (_ store: Store, _ source: SQLiteDatabase, _ target: SQLiteDatabase) async throws -> Void) async throws
    {
        try await withTemporaryDatabase { source in
            try await withTemporaryDatabase { target in
                let store = Store(database: source, limits: .patient)
                try await store.migrate()
                try await Store(database: target).migrate()
                for name in ["first", "second"] { _ = try await store.populate(name) }
                _ = try await store.keys.createInstallationKey(name: "Operator", hash: SecretHash(of: "key"))
                try await body(store, source, target)
            }
        }
    }

    @Test("What the migrations say of tables is what the database has")
    func tables() async throws {
        try await withTemporaryDatabase { database in
            try await Store(database: database).migrate()
            #expect(Set(Schema.allTables.map(\.name)) == Set(Schema.tenantTables + Schema.installationTables))
            for table in Schema.allTables {
                let columns = try await database.connection(in: .installation).query(
                    "SELECT name, pk FROM pragma_table_info($1) ORDER BY cid", table.name)
                #expect(columns.map { $0.values[0] } == table.columns.map { .text($0.name) }, "\(table.name)")
                let key = columns.filter { $0.values[1] != .integer(0) }.sorted { "\($0.values[1])" < "\($1.values[1])" }
                #expect(key.map { $0.values[0] } == table.primaryKey.map { .text($0) }, "\(table.name)")
                #expect(!table.isTenant || table.primaryKey.first == "organization_id", "\(table.name)")
            }
        }
    }

    @Test("Every row of every table comes back, but processes, and whose a session is")
    func roundTrip() async throws {
        try await Self.run { _, source, target in
            let report = try await Self.restore(try await Self.write(source), into: target)
            var expected = try await Self.rows(of: source)
            for table in expected.keys where !Backup.ephemeralTables.contains(table) {
                #expect(expected[table]?.isEmpty == false, "\(table)")
            }
            for table in Backup.ephemeralTables { expected[table] = [] }
            for (table, columns) in Backup.forgottenColumns {
                let description = try #require(Schema.allTables.first { $0.name == table })
                #expect(columns.allSatisfy { name in description.columns.contains { $0.name == name } })
                expected[table] = expected[table]?.map { row in
                    DatabaseRow(values: zip(row.values, description.columns).map { columns.contains($1.name) ? .null : $0 })
                }
            }
            #expect(try await Self.rows(of: target) == expected)
            #expect(report.organizationCount == 2)
            #expect(report.rowCount == expected.values.reduce(0) { $0 + $1.count })
            #expect(report.vaultKeys == ["vk_first-hidden", "vk_second-hidden"])
            // The restored one's backup differs in nothing but what a restore forgets.
            let again = try await Self.write(target)
            #expect(Self.check(again) == nil)
        }
    }

    @Test("The steps in which a table is read change nothing of the file")
    func steps() async throws {
        try await Self.run { store, source, _ in
            let organization = try #require(try await store.organizations.find(slug: "first")).id
            let integration = try #require(try await store.integrations.find(slug: "first", in: organization)).integration.id
            try await store.tools.replace(.numbered(57), of: integration, in: organization)
            let whole = try await Self.write(source)
            for (rows, bytes) in [(1, 1), (2, 1 << 20), (500, 100), (7, 300)] {
                var limits = BackupLimits()
                limits.maxRowsPerStep = rows
                limits.maxBytesPerStep = bytes
                #expect(try await Self.write(source, limits: limits) == whole)
            }
        }
    }

    @Test("A backup is the database at one moment, while others write")
    func moment() async throws {
        try await Self.run { store, source, target in
            let before = try await Self.rows(of: source)
            let bytes = try await source.withSnapshot { snapshot in
                // The snapshot exists; what is written from here on is not in it.
                _ = try await store.populate("later")
                let names = try await snapshot.connection(in: .installation).query("SELECT slug FROM organizations ORDER BY slug")
                #expect(names.map(\.values) == [[.text("first")], [.text("second")]])
                await #expect(throws: DatabaseError.self) {
                    try await snapshot.connection(in: .installation).execute("DELETE FROM tools")
                }
                return try await Self.write(source)
            }
            _ = try await Self.restore(bytes, into: target)
            #expect(try await Self.rows(of: target)["organizations"]?.count == 3)
            #expect(before["organizations"]?.count == 2)
        }
    }

    @Test("Backups that are taken while organizations come into being are whole")
    func busy() async throws {
        try await Self.run { store, source, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<40 { _ = try await store.populate("n\(number)") }
                }
                group.addTask {
                    for _ in 0..<6 {
                        let bytes = try await Self.write(source)
                        try await withTemporaryDatabase { target in
                            try await Store(database: target).migrate()
                            // A row without the one that it refers to would be refused.
                            _ = try await Self.restore(bytes, into: target)
                            let rows = try await Self.rows(of: target)
                            let organizations = rows["organizations"]?.count ?? 0
                            #expect(organizations >= 2 && rows["organization_revisions"]?.count == organizations)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A file that is cut off, longer, or has any bit changed is refused, and leaves no trace")
    func damaged() async throws {
        try await Self.run { _, source, target in
            let bytes = try await Self.write(source)
            #expect(Self.check(bytes) == nil)
            let empty = try await Self.rows(of: target)
            for count in stride(from: 0, to: bytes.count, by: 97) {
                #expect(Self.check(Array(bytes.prefix(count))) != nil)
            }
            for index in stride(from: 0, to: bytes.count, by: 31) + Array(bytes.indices.suffix(50)) {
                var changed = bytes
                changed[index] ^= 1 << UInt8(index % 8)
                #expect(Self.check(changed) != nil, "byte \(index)")
                if index % 7 == 0 {
                    await #expect(throws: (any Error).self) { try await Self.restore(changed, into: target) }
                    #expect(try await Self.rows(of: target) == empty)
                }
            }
            #expect(Self.check(bytes + [0]) == .damaged)
            #expect(Self.check(Array("something else".utf8)) == .notABackup)
            var later = bytes
            later[15] = 2
            #expect(Self.check(later) == .laterFormat)
        }
    }

    @Test("A database that is not empty, has another schema, or is in use is refused")
    func refused() async throws {
        try await Self.run { store, source, target in
            let bytes = try await Self.write(source)
            func code(_ database: SQLiteDatabase) async -> BackupError.Code? {
                do {
                    _ = try await Self.restore(bytes, into: database)
                    return nil
                } catch {
                    return (error as? BackupError)?.code
                }
            }
            #expect(await code(source) == .inUse)
            let other = Store(database: target)
            let replica = try await other.replicas.register(ReplicaID(), kind: .apiGateway, address: "127.0.0.1:1", version: "1")
            #expect(await code(target) == .inUse)
            try await other.replicas.deregister(replica.lease)
            let organization = try await other.organizations.create(name: "Other", slug: "other")
            #expect(await code(target) == .notEmpty)
            #expect(try await other.organizations.list().items == [organization])
            try await withTemporaryDatabase { empty in
                let connection = empty.connection(in: .installation)
                try await Store(database: empty).migrate()
                try await connection.execute("UPDATE schema_migrations SET checksum = 'other' WHERE id = '0001'")
                #expect(await code(empty) == .otherSchema)
                try await connection.execute("DELETE FROM schema_migrations")
                #expect(await code(empty) == .otherSchema)
            }
        }
    }

    @Test("After a restore sessions can be taken up by any process, and what was running ends as interrupted")
    func sane() async throws {
        try await Self.run { store, source, target in
            let first = try #require(try await store.organizations.find(slug: "first")).id
            let session = try #require(try await store.sessions.list(in: first).items.first)
            let execution = try #require(try await store.executions.list(in: first).items.first)
            #expect(execution.state == .running)
            _ = try await Self.restore(try await Self.write(source), into: target)
            let restored = Store(database: target)
            #expect(try await restored.executions.sweep { _, _ in nil }.count == 2)
            let ended = try #require(try await restored.executions.find(execution.id, in: first))
            #expect(ended.state == .failed && ended.errorCode == ExecutionRepository.interruptedCode)
            let replica = try await restored.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:1", version: "1")
            let adopted = try await restored.sessions.adopt(session.id, in: first, by: replica.lease)
            #expect(String(reflecting: adopted).contains(session.id.rawValue))
        }
    }

    @Test(
        "A backup of SQLite is restored into PostgreSQL with its wall between organizations, and the other way round",
        .enabled(if: TestPostgres.isExpected))
    func otherDatabase() async throws {
        try await Self.run { store, source, target in
            let bytes = try await Self.write(source)
            let server = try await TestPostgres.shared()
            try await withTemporaryPostgreSQL(on: server) { owner in
                try await Store(database: owner).migrate()
                let name = try #require(
                    String(
                        databaseValue: try await owner.connection(in: .installation).query("SELECT CAST(current_database() AS TEXT)")[0]
                            .values[0]))
                // As the services' role, before which the wall stands.
                let service = try await PostgreSQLDatabase.open(
                    try PostgreSQLConfiguration(server.url(database: name, user: Store.defaultServiceRole)))
                do {
                    try await Store(database: service).prepare()
                    let restored = try await Self.restore(bytes, into: service)
                    let again = try await Self.write(service)
                    let back = try await Self.restore(again, into: target)
                    #expect(back == restored)
                    await #expect(throws: BackupError.self) { try await Self.restore(bytes, into: service) }
                    // Only the wall keeps the owner's and the service's view apart.
                    #expect(try await service.connection(in: .installation).query("SELECT 1 FROM organizations").isEmpty)
                    let first = try #require(try await Store(database: service).organizations.find(slug: "first")).id
                    #expect(try await Store(database: service).tools.count(in: first) == store.tools.count(in: first))
                    await service.close()
                } catch {
                    await service.close()
                    throw error
                }
            }
            var expected = try await Self.rows(of: source)
            var found = try await Self.rows(of: target)
            for table in Backup.ephemeralTables.union(Backup.forgottenColumns.keys) {
                expected[table] = nil
                found[table] = nil
            }
            #expect(found == expected)
        }
    }

    @Test("The format is what it says")
    func format() throws {
        let file = MemoryFile()
        let header = BackupHeader(
            version: "1", createdAt: Self.now, migrations: ["0001": "ab"], tables: [.init(name: "t", columns: ["a", "b"])],
            vaultKeys: ["vk_1"])
        var encoder = try BackupEncoder(header) { file.write($0) }
        encoder.begin(table: 0)
        try encoder.append(DatabaseRow(values: [.integer(-2), .null]))
        try encoder.append(DatabaseRow(values: [.text("ü"), .blob([7])]))
        try encoder.append(DatabaseRow(values: [.real(1.5), .text("")]))
        try encoder.finish()
        let json = header.json.bytes()
        var expected = Array("roostbackup\n".utf8) + [0, 0, 0, 1, 0, 0, UInt8(json.count >> 8), UInt8(json.count & 255)] + json
        expected += Array("T".utf8) + [0, 0]
        expected += Array("Ri".utf8) + [255, 255, 255, 255, 255, 255, 255, 254] + Array("n".utf8)
        expected += Array("Rt".utf8) + [0, 0, 0, 2, 0xC3, 0xBC] + Array("b".utf8) + [0, 0, 0, 1, 7]
        expected += Array("Rr".utf8) + [0x3F, 0xF8, 0, 0, 0, 0, 0, 0] + Array("t".utf8) + [0, 0, 0, 0]
        expected += Array("E".utf8) + [0, 0, 0, 0, 0, 0, 0, 3]
        #expect(Array(file.bytes.dropLast(32)) == expected)
        #expect(Self.check(file.bytes) == nil)
        // A row before any table, and a table that the header does not have, are no rows.
        for bad in ["R", "T\u{0}\u{1}", "X"] {
            #expect(Self.check(Array(expected.prefix(20 + json.count)) + Array(bad.utf8)) == .damaged)
        }
    }
}
