import Model
import TestSupport
import Testing

@testable import Database

/// What every ``Database`` does, run on each of them.
@Suite("Database", .timeLimit(.minutes(5)))
struct DatabaseContractTests {
    @Test("$2 before $1 binds the second value first, and a repeated parameter takes one value", arguments: DatabaseKind.all)
    func parameterOrder(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            let rows = try await connection.query("SELECT $2, $1, $2", "first", "second")
            #expect(rows == [DatabaseRow(values: [.text("second"), .text("first"), .text("second")])])
        }
    }

    @Test("Every type comes back as it went in", arguments: DatabaseKind.all)
    func types(kind: DatabaseKind) async throws {
        let values: [DatabaseValue] = [
            .null, .integer(.min), .integer(.max), .integer(0), .integer(-1), .real(0.1), .real(-1e300), .real(.greatestFiniteMagnitude),
            .real(.leastNonzeroMagnitude), .text(""), .text("ünïcode 🦜"), .blob([]), .blob([0, 255, 0]),
        ]
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            for value in values {
                let rows = try await connection.query("SELECT $1", values: [value])
                #expect(rows == [DatabaseRow(values: [value])])
            }
        }
    }

    @Test("A text with a NUL is refused instead of cut", arguments: DatabaseKind.all)
    func nul(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            await expect(.invalidValue) { try await database.connection(in: .installation).query("SELECT $1", "a\u{0}b") }
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

    @Test("A wrong number of values is refused before anything runs", arguments: DatabaseKind.all)
    func valueCount(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            await expect(.invalidStatement) { try await database.connection(in: .installation).query("SELECT $1", "a", "b") }
            await expect(.invalidStatement) { try await database.connection(in: .installation).query("SELECT $1") }
        }
    }

    @Test("A value of 10 MB is stored and read, and so is a text", arguments: DatabaseKind.all)
    func largeValue(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (content {bytes} NOT NULL)")
            let content = [UInt8](repeating: 0xAB, count: 10 << 20)
            try await connection.execute("INSERT INTO t (content) VALUES ($1)", content)
            let rows = try await connection.query("SELECT content FROM t")
            #expect(rows.first?.values == [.blob(content)])
            let text = String(repeating: "🦜", count: (10 << 20) / 4)
            #expect(try await connection.query("SELECT $1", text).first?.values == [.text(text)])
        }
    }

    @Test("A transaction is committed when its body returns and leaves nothing when it throws", arguments: DatabaseKind.all)
    func transactions(kind: DatabaseKind) async throws {
        struct Refused: Error {}
        try await kind.withDatabase { database in
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
            #expect(try await count(connection) == 2)
        }
    }

    @Test(
        "After a failed statement nothing runs, and the transaction is rolled back even if its body catches the error",
        arguments: DatabaseKind.all)
    func failedTransaction(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            await expect(.notNullViolation) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    await expect(.notNullViolation) { try await transaction.execute("INSERT INTO t VALUES (NULL)") }
                    await expect(.closed) { try await transaction.execute("INSERT INTO t VALUES (2)") }
                }
            }
            #expect(try await count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (3)")
        }
    }

    @Test("A transaction sees its own writes, others do not before it commits", arguments: DatabaseKind.all)
    func isolation(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await database.transaction(in: .installation) { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1)")
                #expect(try await count(transaction) == 1)
                #expect(try await count(connection) == 0)
            }
            #expect(try await count(connection) == 1)
        }
    }

    @Test("Cancelling a long read interrupts it", arguments: DatabaseKind.all)
    func interruptedRead(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
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

    @Test("The connection of a transaction is useless after its end", arguments: DatabaseKind.all)
    func escapedConnection(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let escaped: any DatabaseConnection = try await database.transaction(in: .installation) { $0 }
            await expect(.closed) { try await escaped.execute("CREATE TABLE t (a BIGINT)") }
        }
    }

    @Test("A transaction that lasts too long is rolled back", arguments: DatabaseKind.all)
    func transactionTimeout(kind: DatabaseKind) async throws {
        let clock = ManualClock()
        try await kind.withDatabase(clock: clock) { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            await expect(.timeout) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    clock.advance(by: .seconds(31))
                    try await transaction.execute("INSERT INTO t VALUES (2)")
                }
            }
            #expect(try await count(connection) == 0)
        }
    }

    @Test("Violated constraints carry kind and name, the same statement works afterwards, and no value shows", arguments: DatabaseKind.all)
    func constraints(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
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
            await expect(.uniqueViolation, "children_pkey") { try await attempt("1", nil, "other", 2) }
            await expect(.uniqueViolation, "children_b") { try await attempt("2", nil, "hush", 2) }
            await expect(.uniqueViolation, "children_expression") { try await attempt("2", nil, "other", 1) }
            await expect(.checkViolation, "children_size") { try await attempt("2", nil, "other", 10) }
            await expect(.notNullViolation, "children.b") { try await attempt("2", nil, nil, 2) }
            await expect(.foreignKeyViolation, nil) { try await attempt("2", "hush", "other", 2) }
            await expect(.uniqueViolation, "parents_pkey") {
                try await connection.execute("INSERT INTO parents VALUES ('x', 'y')")
            }
            try await attempt("2", "x", "y", 2)
        }
    }

    @Test("Wrong SQL and two statements in one are errors of the statement", arguments: DatabaseKind.all)
    func invalidStatements(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            await expect(.invalidStatement) { try await connection.query("SELECT nothing FROM nowhere") }
            await expect(.invalidStatement) { try await connection.execute("CREATE TABLE a (b BIGINT); CREATE TABLE c (d BIGINT)") }
        }
    }

    @Test("A closed database refuses with closed", arguments: DatabaseKind.all)
    func closed(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            try await database.close()
            await expect(.closed) { try await database.connection(in: .installation).query("SELECT 1") }
            await expect(.closed) { try await database.transaction(in: .installation) { _ in } }
        }
    }

    @Test("The database's clock is the wall clock in microseconds, the same within a statement", arguments: DatabaseKind.all)
    func clock(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
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

    @Test("Two databases on one place count to the same number without losing a step", arguments: DatabaseKind.all)
    func contention(kind: DatabaseKind) async throws {
        try await kind.withPlace { open in
            let databases = [try await open(), try await open()]
            for statement: Statement in [
                "CREATE TABLE t (a BIGINT NOT NULL)", "INSERT INTO t VALUES (0)", "CREATE TABLE turns (a BIGINT NOT NULL)",
                "INSERT INTO turns VALUES (0)",
            ] { try await databases[0].connection(in: .installation).execute(statement) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await databases[number % 2].transaction(in: .installation) { transaction in
                            // The line in which those stand who go by what they read.
                            try await transaction.execute("UPDATE turns SET a = a + 1")
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

    @Test("A cancelled task leaves no open transaction", arguments: DatabaseKind.all)
    func cancellation(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
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
            working.cancel()
            gate.open()
            await #expect(throws: CancellationError.self) { try await working.value }
            #expect(try await count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (3)")
            #expect(try await count(connection) == 1)
        }
    }

    @Test("Statements of tasks that are cancelled at any moment leave the database usable", arguments: DatabaseKind.all)
    func cancelledStatements(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let task = Task {
                            switch number % 3 {
                            case 0: _ = try await connection.query("SELECT COUNT(*) FROM t")
                            case 1: try await connection.execute("INSERT INTO t VALUES ($1)", number)
                            default:
                                _ = try await database.transaction(in: .installation) { transaction in
                                    try await transaction.execute("INSERT INTO t VALUES ($1)", number)
                                }
                            }
                        }
                        for _ in 0..<(number % 7) { await Task.yield() }
                        task.cancel()
                        do {
                            try await task.value
                        } catch is CancellationError {
                        } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
            let before = try await count(connection)
            try await connection.execute("INSERT INTO t VALUES (-1)")
            #expect(try await count(connection) == before + 1)
        }
    }

    @Test("Many tasks that write at the same time all succeed", arguments: DatabaseKind.all)
    func concurrentWriters(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        guard number % 2 == 0 else {
                            return try await database.transaction(in: .installation) { transaction in
                                _ = try await transaction.execute("INSERT INTO t VALUES ($1)", number)
                            }
                        }
                        _ = try await connection.execute("INSERT INTO t VALUES ($1)", number)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await count(connection) == 200)
        }
    }

    @Test("NULL and values take turns in the same statement", arguments: DatabaseKind.all)
    func nullTurns(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT, b TEXT, c {bytes}, d DOUBLE PRECISION)")
            for mask in 0..<16 {
                try await connection.execute(
                    "INSERT INTO t VALUES ($1, $2, $3, $4)", mask & 1 == 0 ? nil : 1, mask & 2 == 0 ? nil : "x",
                    mask & 4 == 0 ? nil : [UInt8(7)], mask & 8 == 0 ? nil : 0.5)
            }
            let rows = try await connection.query("SELECT COUNT(a), COUNT(b), COUNT(c), COUNT(d) FROM t")
            #expect(rows.first?.values == [.integer(8), .integer(8), .integer(8), .integer(8)])
        }
    }

    @Test("Truth values, sums and counts come as integers", arguments: DatabaseKind.all)
    func integers(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await connection.execute("INSERT INTO t VALUES (1), (20000), (100000000)")
            let rows = try await connection.query("SELECT 1 = 1, 1 = 2, SUM(a), COUNT(*), MAX(a), 7 FROM t")
            #expect(
                rows.first?.values == [.integer(1), .integer(0), .integer(100_020_001), .integer(3), .integer(100_000_000), .integer(7)])
        }
    }

    @Test("An insert that finds the row there counts none, and RETURNING gives rows", arguments: DatabaseKind.all)
    func counts(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)")
            #expect(try await connection.execute("INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING", 1) == 1)
            #expect(try await connection.execute("INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING", 1) == 0)
            #expect(try await connection.query("INSERT INTO t VALUES ($1) RETURNING a", 2).map(\.values) == [[.integer(2)]])
            #expect(try await connection.execute("UPDATE t SET a = a + 10") == 2)
            #expect(try await connection.execute("DELETE FROM t WHERE a > $1", 11) == 1)
        }
    }

    @Test("One task at a time is inside of the migration lock, whichever database it came through", arguments: DatabaseKind.all)
    func migrationLock(kind: DatabaseKind) async throws {
        try await kind.withPlace { open in
            let databases = [try await open(), try await open()]
            let section = Occupancy()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await databases[number % 2].withMigrationLock {
                            section.enter()
                            _ = try await databases[number % 2].connection(in: .installation).query("SELECT 1")
                            section.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(section.wasNeverShared)
            for database in databases { try await database.close() }
        }
    }
}
