import Foundation
import Model
import Synchronization
import TestSupport
import Testing

@testable import Database

@Suite("SQLite", .timeLimit(.minutes(2)))
struct SQLiteDatabaseTests {
    @Test("$2 before $1 binds the second value first, and a repeated parameter takes one value")
    func parameterOrder() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            let rows = try await connection.query("SELECT $2, $1, $2", "first", "second")
            #expect(rows == [DatabaseRow(values: [.text("second"), .text("first"), .text("second")])])
        }
    }

    @Test("Every type comes back as it went in")
    func types() async throws {
        let values: [DatabaseValue] = [
            .null, .integer(.min), .integer(.max), .real(0.1), .real(-1e300), .text(""), .text("ünïcode 🦜"), .blob([]), .blob([0, 255, 0]),
        ]
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            for value in values {
                let rows = try await connection.query("SELECT $1", values: [value])
                #expect(rows == [DatabaseRow(values: [value])])
            }
        }
    }

    @Test("A text with a NUL is refused instead of cut")
    func nul() async throws {
        try await withTemporaryDatabase { database in
            await Self.expect(.invalidValue) { try await database.connection(in: .installation).query("SELECT $1", "a\u{0}b") }
        }
    }

    @Test("Rows are read from left to right, and a wrong type or count is an error that names neither value nor statement")
    func reading() throws {
        var reader = DatabaseRow(values: [.text("abc"), .null, .integer(7), .text("secret")]).reader()
        #expect(try reader.next(String.self) == "abc")
        #expect(try reader.next(String?.self) == nil)
        #expect(try reader.next(Int.self) == 7)
        do {
            _ = try reader.next(Int.self)
            Issue.record("a text was read as an integer")
        } catch {
            #expect(error.code == .unexpectedValue)
            #expect(!error.description.contains("secret"))
        }
        #expect(throws: DatabaseError.self) { try reader.next(Int.self) }
    }

    @Test("A wrong number of values is refused before anything runs")
    func valueCount() async throws {
        try await withTemporaryDatabase { database in
            await Self.expect(.invalidStatement) { try await database.connection(in: .installation).query("SELECT $1", "a", "b") }
            await Self.expect(.invalidStatement) { try await database.connection(in: .installation).query("SELECT $1") }
        }
    }

    @Test("A value of 50 MB is stored and read")
    func largeValue() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (content {bytes} NOT NULL)")
            let content = [UInt8](repeating: 0xAB, count: 50 << 20)
            try await connection.execute("INSERT INTO t (content) VALUES ($1)", content)
            let rows = try await connection.query("SELECT content FROM t")
            #expect(rows.first?.values == [.blob(content)])
        }
    }

    @Test("A transaction is committed when its body returns and leaves nothing when it throws")
    func transactions() async throws {
        struct Refused: Error {}
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            let inserted = try await database.transaction(in: .installation) { try await $0.execute("INSERT INTO t VALUES (1), (2)") }
            #expect(inserted == 2)
            await #expect(throws: Refused.self) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (3)")
                    throw Refused()
                }
            }
            #expect(try await Self.count(connection) == 2)
        }
    }

    @Test("After a failed statement nothing runs, and the transaction is rolled back even if its body catches the error")
    func failedTransaction() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            await Self.expect(.notNullViolation) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    await Self.expect(.notNullViolation) { try await transaction.execute("INSERT INTO t VALUES (NULL)") }
                    await Self.expect(.closed) { try await transaction.execute("INSERT INTO t VALUES (2)") }
                }
            }
            #expect(try await Self.count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (3)")
        }
    }

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
                await Self.expect(.readOnly) { try await handle.write(statement, isFixed: true, values: [], isQuery: false) }
            }
        }
    }

    @Test("A transaction sees its own writes, others do not before it commits")
    func isolation() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await database.transaction(in: .installation) { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1)")
                #expect(try await Self.count(transaction) == 1)
                #expect(try await Self.count(connection) == 0)
            }
            #expect(try await Self.count(connection) == 1)
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
            #expect(try await Self.count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (3)")
            #expect(try await Self.count(connection) == 1)
        }
    }

    @Test("Cancelling a long read interrupts it")
    func interruptedRead() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            let reading = Task {
                try await connection.query(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT COUNT(*) FROM n")
            }
            // It would take minutes. Whether it has begun by now does not matter.
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            #expect(try await connection.query("SELECT 1").count == 1)
        }
    }

    @Test("The connection of a transaction is useless after its end")
    func escapedConnection() async throws {
        try await withTemporaryDatabase { database in
            let escaped: any DatabaseConnection = try await database.transaction(in: .installation) { $0 }
            await Self.expect(.closed) { try await escaped.execute("CREATE TABLE t (a BIGINT)") }
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

    @Test("A transaction that lasts too long is rolled back")
    func transactionTimeout() async throws {
        try await withTemporaryFolder { folder in
            let clock = ManualClock()
            let database = try await SQLiteDatabase.open(path: folder + "/roost.db", clock: clock)
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            await Self.expect(.timeout) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    clock.advance(by: .seconds(31))
                    try await transaction.execute("INSERT INTO t VALUES (2)")
                }
            }
            #expect(try await Self.count(connection) == 0)
            try await database.close()
        }
    }

    @Test("Violated constraints carry kind and name, the same statement works afterwards, and no value shows")
    func constraints() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE parents (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b))")
            try await connection.execute(
                """
                CREATE TABLE children (
                    id TEXT NOT NULL PRIMARY KEY, a TEXT, b TEXT NOT NULL, size BIGINT, FOREIGN KEY (a, b) REFERENCES parents (a, b),
                    CONSTRAINT children_size CHECK (size < 10))
                """)
            try await connection.execute("CREATE UNIQUE INDEX children_b ON children (b)")
            try await connection.execute("CREATE UNIQUE INDEX children_expression ON children (COALESCE(a, ''), size)")
            try await connection.execute("INSERT INTO parents VALUES ('x', 'y')")
            let insert: Statement = "INSERT INTO children (id, a, b, size) VALUES ($1, $2, $3, $4)"
            func attempt(_ id: String, _ a: String?, _ b: String?, _ size: Int) async throws {
                try await connection.execute(insert, id, a, b, size)
            }
            try await attempt("1", nil, "hush", 1)
            try await Self.expect(.uniqueViolation, "children_pkey") { try await attempt("1", nil, "other", 2) }
            try await Self.expect(.uniqueViolation, "children_b") { try await attempt("2", nil, "hush", 2) }
            try await Self.expect(.uniqueViolation, "children_expression") { try await attempt("2", nil, "other", 1) }
            try await Self.expect(.checkViolation, "children_size") { try await attempt("2", nil, "other", 10) }
            try await Self.expect(.notNullViolation, "children.b") { try await attempt("2", nil, nil, 2) }
            try await Self.expect(.foreignKeyViolation, nil) { try await attempt("2", "hush", "other", 2) }
            try await Self.expect(.uniqueViolation, "parents_pkey") {
                try await connection.execute("INSERT INTO parents VALUES ('x', 'y')")
            }
            try await attempt("2", "x", "y", 2)
        }
    }

    @Test("Wrong SQL and two statements in one are errors of the statement")
    func invalidStatements() async throws {
        try await withTemporaryDatabase { database in
            let connection = database.connection(in: .installation)
            await Self.expect(.invalidStatement) { try await connection.query("SELECT nothing FROM nowhere") }
            await Self.expect(.invalidStatement) { try await connection.execute("CREATE TABLE a (b BIGINT); CREATE TABLE c (d BIGINT)") }
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
            await Self.expect(.unavailable) { try await SQLiteDatabase.open(path: folder + "/file/roost.db") }
            await Self.expect(.unavailable) { try await SQLiteDatabase.open(path: folder) }
            await Self.expect(.unavailable) {
                try await SQLiteDatabase.open(path: folder + "/missing.db", configuration: SQLiteConfiguration(isReadOnly: true))
            }
            await Self.expect(.corrupted) { try await SQLiteDatabase.open(path: folder + "/file") }
        }
    }

    @Test("A database opened for reading refuses writes")
    func readOnly() async throws {
        try await withTemporaryFolder { folder in
            let writing = try await SQLiteDatabase.open(path: folder + "/roost.db")
            try await writing.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
            let reading = try await SQLiteDatabase.open(path: folder + "/roost.db", configuration: SQLiteConfiguration(isReadOnly: true))
            let connection = reading.connection(in: .installation)
            #expect(try await Self.count(connection) == 0)
            await Self.expect(.readOnly) { try await connection.execute("INSERT INTO t VALUES (1)") }
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
            await Self.expect(.full) { try await connection.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 300_000)) }
            await Self.expect(.full) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 50_000))
                    try await transaction.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 300_000))
                }
            }
            #expect(try await Self.count(connection) == 1)
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
                await Self.expect(.busy) { try await second.connection(in: .installation).execute("INSERT INTO t VALUES (2)") }
                await Self.expect(.busy) {
                    try await second.transaction(in: .installation) { try await $0.execute("INSERT INTO t VALUES (2)") }
                }
                #expect(try await Self.count(second.connection(in: .installation)) == 0)
            }
            try await second.connection(in: .installation).execute("INSERT INTO t VALUES (2)")
            #expect(try await Self.count(first.connection(in: .installation)) == 2)
            try await second.close()
            try await first.close()
        }
    }

    @Test("Two databases on one file count to the same number without losing a step")
    func contention() async throws {
        try await withTemporaryFolder { folder in
            let databases = [
                try await SQLiteDatabase.open(path: folder + "/roost.db"), try await SQLiteDatabase.open(path: folder + "/roost.db"),
            ]
            try await databases[0].connection(in: .installation).execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await databases[0].connection(in: .installation).execute("INSERT INTO t VALUES (0)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await databases[number % 2].transaction(in: .installation) { transaction in
                            let before = try await transaction.query("SELECT a FROM t")[0].values[0]
                            let value = Int(databaseValue: before) ?? -1
                            try await transaction.execute("UPDATE t SET a = $1", value + 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await databases[1].connection(in: .installation).query("SELECT a FROM t")[0].values == [.integer(100)])
            for database in databases { try await database.close() }
        }
    }

    @Test("A closed database refuses with closed")
    func closed() async throws {
        try await withTemporaryFolder { folder in
            let database = try await SQLiteDatabase.open(path: folder + "/roost.db")
            try await database.close()
            await Self.expect(.closed) { try await database.connection(in: .installation).query("SELECT 1") }
            await Self.expect(.closed) { try await database.transaction(in: .installation) { _ in } }
        }
    }

    @Test("The database's clock is the wall clock in microseconds, the same within a statement")
    func clock() async throws {
        try await withTemporaryDatabase { database in
            let before = Timestamp.now()
            let row = try await database.connection(in: .installation).query("SELECT {now}, {now}")[0]
            let after = Timestamp.now()
            var reader = row.reader()
            let (first, second): (Timestamp, Timestamp) = (try reader.next(), try reader.next())
            #expect(first == second)
            // SQLite's clock counts milliseconds.
            #expect(first >= Timestamp(microseconds: before.microseconds - 1000) && first <= after)
        }
    }

    private static func count(_ connection: any DatabaseConnection) async throws -> Int {
        var reader = try await connection.query("SELECT COUNT(*) FROM t")[0].reader()
        return try reader.next()
    }

    private static func expect<Result>(_ code: DatabaseError.Code, _ body: () async throws -> Result) async {
        do {
            _ = try await body()
            Issue.record("expected \(code)")
        } catch let error as DatabaseError {
            #expect(error.code == code, "\(error)")
        } catch {
            Issue.record("expected \(code), got \(error)")
        }
    }

    private static func expect(
        _ code: DatabaseError.Code, _ constraint: String?, _ body: () async throws -> some Any
    ) async throws {
        do {
            _ = try await body()
            Issue.record("expected \(code)")
        } catch let error as DatabaseError {
            #expect(error.code == code, "\(error)")
            #expect(error.constraint == constraint, "\(error)")
            #expect(!"\(error)".contains("hush"))
        }
    }
}
