import Foundation
import Model
import Synchronization
import TestSupport
import Testing

@testable import Database

@Suite("SQLite", .timeLimit(.minutes(2)))
struct SQLiteDatabaseTests {
    @Test("Commits are synced, references are enforced, readers cannot write")
    func settings() async throws {
        try await withTemporaryDatabase { database in
            func setting(_ pragma: Statement) async throws -> DatabaseValue? {
                try await database.writer.withLease { handle in
                    let statement = RewrittenStatement(text: pragma.text, parameterCount: 0, isReading: true)
                    return try await handle.read(statement, isFixed: true, values: []).rows.first?.values.first
                }
            }
            #expect(try await setting("PRAGMA journal_mode") == .text("wal"))
            #expect(try await setting("PRAGMA synchronous") == .integer(2))
            #expect(try await setting("PRAGMA foreign_keys") == .integer(1))
            try await database.readers.withLease { handle in
                let statement = RewrittenStatement(text: "CREATE TABLE t (a BIGINT)", parameterCount: 0, isReading: true)
                await expect(.readOnly) { try await handle.write(statement, isFixed: true, values: [], isQuery: false) }
            }
        }
    }

    @Test("A cancelled task leaves no open transaction, whether it waits or works")
    func cancellation() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            let gate = Gate()
            let working = Task {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    await gate.wait()
                }
            }
            await gate.waitForVisitor()
            let waiting = Task { try await connection.execute("INSERT INTO t VALUES (2)") }
            waiting.cancel()
            working.cancel()
            gate.open()
            await #expect(throws: CancellationError.self) { try await working.value }
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(try await count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (3)")
            #expect(try await count(connection) == 1)
        }
    }

    @Test("A transaction within a transaction, and an autocommit write within one, trap")
    func nesting() async {
        await #expect(processExitsWith: .failure) {
            try await withTemporaryDatabase { database in
                try await database.transaction(in: .installation) { _ in
                    try await database.transaction(in: .installation) { _ in }
                }
            }
        }
        await #expect(processExitsWith: .failure) {
            try await withTemporaryDatabase { database in
                try await database.transaction(in: .installation) { _ in
                    _ = try await database.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
                }
            }
        }
    }

    @Test("The folder is made for its owner alone, and so is every file in it")
    func permissions() async throws {
        try await withTemporaryFolder { folder in
            let database = try await SQLiteDatabase.open(path: folder + "/new/data/roost.db")
            try await database.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
            func mode(_ path: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: folder + path)[.posixPermissions] as? Int
            }
            #expect(try mode("/new") == 0o700)
            #expect(try mode("/new/data") == 0o700)
            for file in try FileManager.default.contentsOfDirectory(atPath: folder + "/new/data") {
                #expect(try mode("/new/data/" + file) == 0o600, "\(file)")
            }
            try await database.close()
        }
    }

    @Test("What cannot be opened says why")
    func unavailable() async throws {
        try await withTemporaryFolder { folder in
            try Data("not a database, but long enough to look like one\n".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
            await expect(.unavailable) { try await SQLiteDatabase.open(path: folder + "/file/roost.db") }
            await expect(.unavailable) { try await SQLiteDatabase.open(path: folder) }
            await expect(.unavailable) {
                try await SQLiteDatabase.open(path: folder + "/missing.db", configuration: SQLiteConfiguration(isReadOnly: true))
            }
            await expect(.corrupted) { try await SQLiteDatabase.open(path: folder + "/file") }
        }
    }

    @Test("A database opened for reading refuses writes")
    func readOnly() async throws {
        try await withTemporaryFolder { folder in
            let writing = try await SQLiteDatabase.open(path: folder + "/roost.db")
            try await writing.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
            let reading = try await SQLiteDatabase.open(path: folder + "/roost.db", configuration: SQLiteConfiguration(isReadOnly: true))
            let connection = reading.connection(in: .installation)
            #expect(try await count(connection) == 0)
            await expect(.readOnly) { try await connection.execute("INSERT INTO t VALUES (1)") }
            try await reading.close()
            try await writing.close()
        }
    }

    @Test("A full database says so, keeps what it has, and works again when there is room")
    func full() async throws {
        try await withTemporaryDatabase(SQLiteConfiguration(maxBytes: 256 << 10)) { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (content {bytes})")
            try await connection.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 100_000))
            await expect(.full) { try await connection.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 300_000)) }
            await expect(.full) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 50_000))
                    try await transaction.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 300_000))
                }
            }
            #expect(try await count(connection) == 1)
            try await connection.execute("DELETE FROM t")
            try await connection.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 100_000))
        }
    }

    @Test("A writer that another keeps waiting gets busy within its bound")
    func busy() async throws {
        try await withTemporaryFolder { folder in
            let first = try await SQLiteDatabase.open(path: folder + "/roost.db")
            let second = try await SQLiteDatabase.open(
                path: folder + "/roost.db", configuration: SQLiteConfiguration(busyTimeout: .milliseconds(100)))
            try await first.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
            try await first.transaction(in: .installation) { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1)")
                await expect(.busy) { try await second.connection(in: .installation).execute("INSERT INTO t VALUES (2)") }
                await expect(.busy) {
                    try await second.transaction(in: .installation) { try await $0.execute("INSERT INTO t VALUES (2)") }
                }
                #expect(try await count(second.connection(in: .installation)) == 0)
            }
            try await second.connection(in: .installation).execute("INSERT INTO t VALUES (2)")
            #expect(try await count(first.connection(in: .installation)) == 2)
            try await second.close()
            try await first.close()
        }
    }
}
