import Foundation
import Model
import Synchronization
import TestSupport
import Testing

@testable import Database

@Suite("PostgreSQL", .timeLimit(.minutes(3)), .enabled(if: TestPostgres.isExpected))
struct PostgreSQLDatabaseTests {
    @Test("In one pipeline an error touches no other statement")
    func errorIsolation() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
        } _: { database in
            let connection = database.connection(in: .organization(OrganizationID()))
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<400 {
                    group.addTask {
                        switch number % 4 {
                        case 0: await expect(.invalidStatement) { try await connection.query("SELECT nothing FROM nowhere") }
                        case 1: await expect(.invalidValue) { try await connection.query("SELECT 1 / ($1 - $1)", number) }
                        default:
                            let rows = try? await connection.query("SELECT $1 + 1", number)
                            #expect(rows?.first?.values == [.integer(Int64(number + 1))])
                        }
                    }
                }
            }
        }
    }

    @Test("A statement goes on working when a table that it reads has changed")
    func changedTable() async throws {
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await connection.execute("INSERT INTO t VALUES (1)")
            let all: Statement = "SELECT * FROM t"
            for _ in 0..<3 { #expect(try await connection.query(all).map(\.values) == [[.integer(1)]]) }
            try await connection.execute("ALTER TABLE t ADD COLUMN b TEXT")
            let changed = try await database.transaction(in: .installation) { try await $0.query(all) }
            #expect(changed.map(\.values) == [[.integer(1), .null]])
            #expect(try await connection.query(all).map(\.values) == [[.integer(1), .null]])
            try await connection.execute("ALTER TABLE t ADD COLUMN c TEXT")
            #expect(try await connection.query(all).map(\.values) == [[.integer(1), .null, .null]])
        }
    }

    @Test("A connection keeps no more statements prepared than its bound")
    func preparedStatements() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.maxPreparedStatements = 4
        } _: { database in
            let connection = database.connection(in: .organization(OrganizationID()))
            let statements: [Statement] = [
                "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5", "SELECT 6", "SELECT 7", "SELECT 8", "SELECT 9", "SELECT 10",
            ]
            for round in 0..<60 {
                let number = round * 7 % 10
                #expect(try await connection.query(statements[number]).first?.values == [.integer(Int64(number + 1))])
            }
            let rows = try await connection.query("SELECT COUNT(*) FROM pg_prepared_statements")
            #expect(rows.first?.values == [.integer(4)])
        }
    }

    @Test("Nothing is prepared where that is switched off")
    func nothingPrepared() async throws {
        try await withTemporaryPostgreSQL {
            $0.maxPreparedStatements = 0
        } _: { database in
            let connection = database.connection(in: .organization(OrganizationID()))
            for number in 0..<5 {
                let rows = try await connection.query("SELECT $1", number)
                #expect(rows.first?.values == [.integer(Int64(number))])
            }
            let prepared = try await connection.query("SELECT COUNT(*) FROM pg_prepared_statements")
            #expect(prepared.first?.values == [.integer(0)])
        }
    }

    @Test("Large values go both ways at the same time on one connection, in the order in which they came")
    func largeValues() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.stallThreshold = .seconds(60)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let content = [UInt8](repeating: UInt8(number), count: number % 3 == 0 ? 10 : 3 << 20)
                        let rows = try await connection.query("SELECT $1", content)
                        #expect(rows.first?.values == [.blob(content)])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A statement that takes too long is ended with timeout, and its connection goes on")
    func statementTimeout() async throws {
        try await withTemporaryPostgreSQL {
            $0.statementTimeout = .milliseconds(200)
        } _: { database in
            let connection = database.connection(in: .installation)
            await expect(.timeout) { try await connection.query("SELECT pg_sleep(60)") }
            await expect(.timeout) { try await database.transaction(in: .installation) { try await $0.query("SELECT pg_sleep(60)") } }
            let rows = try await connection.query("SELECT 1")
            #expect(rows.count == 1)
        }
    }

    @Test("A transaction that lost against another is run again, and refused when it loses too often")
    func conflicts() async throws {
        try await withTemporaryPostgreSQL {
            $0.maxTransactionAttempts = 3
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            try await connection.execute("INSERT INTO t VALUES (0)")
            let attempts = Mutex(0)
            // Another transaction changes the row each time after it was read.
            func add(untilAttempt last: Int) async throws {
                try await database.transaction(in: .installation) { transaction in
                    let attempt = attempts.withLock { attempts in
                        attempts += 1
                        return attempts
                    }
                    try await transaction.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                    _ = try await transaction.query("SELECT a FROM t")
                    if attempt < last {
                        try await withOtherTask { try await connection.execute("UPDATE t SET a = a + 10") }
                    }
                    try await transaction.execute("UPDATE t SET a = a + 1")
                }
            }
            try await add(untilAttempt: 3)
            #expect(attempts.withLock { $0 } == 3)
            #expect(try await connection.query("SELECT a FROM t").first?.values == [.integer(21)])
            attempts.withLock { $0 = 0 }
            await expect(.busy) { try await add(untilAttempt: 100) }
            #expect(attempts.withLock { $0 } == 3)
        }
    }

    @Test("Two transactions that wait for each other both end well")
    func deadlock() async throws {
        try await withTemporaryPostgreSQL { configuration in
            // On a busy machine those who lose do so more often than any bound that a service would have.
            configuration.maxTransactionAttempts = 1000
            configuration.waitTimeout = .seconds(120)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a BIGINT NOT NULL)")
            try await connection.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await database.transaction(in: .installation) { transaction in
                            try await transaction.execute("UPDATE t SET a = a + 1 WHERE id = $1", number % 2 + 1)
                            try await transaction.execute("UPDATE t SET a = a + 1 WHERE id = $1", 2 - number % 2)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await connection.query("SELECT SUM(a) FROM t").first?.values == [.integer(40)])
        }
    }

    @Test("A full pool makes transactions wait for their bound, then busy, while statements go on")
    func exhausted() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.hardConnections = 3
            // Enough for the first two to be connected on a busy machine.
            configuration.waitTimeout = .seconds(5)
        } _: { database in
            let gate = Gate()
            try await withThrowingTaskGroup(of: Void.self) { group in
                let inside = Recorder<Int>()
                for number in 0..<2 {
                    group.addTask {
                        try await database.transaction(in: .installation) { transaction in
                            _ = try await transaction.query("SELECT 1")
                            inside.record(number)
                            await gate.wait()
                        }
                    }
                }
                await inside.wait(for: 2)
                await expect(.busy) { try await database.transaction(in: .installation) { try await $0.query("SELECT 1") } }
                #expect(try await database.connection(in: .installation).query("SELECT 1").count == 1)
                gate.open()
                try await group.waitForAll()
            }
            #expect(try await database.transaction(in: .installation) { try await $0.query("SELECT 1") }.count == 1)
        }
    }

    @Test("A transaction that is read-only says so, and leaves nothing")
    func readOnly() async throws {
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            await expect(.readOnly) {
                try await database.transaction(in: .installation) { transaction in
                    _ = try await transaction.query("SELECT set_config('transaction_read_only', 'on', true)")
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                }
            }
            #expect(try await count(connection) == 0)
        }
    }

    @Test("A transaction that falls silent with a row locked lets go of it; others do not wait for as long as transactions may last")
    func silentTransaction() async throws {
        try await withTemporaryPostgreSQL {
            $0.silentTransactionTimeout = .seconds(1)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            try await connection.execute("INSERT INTO t VALUES (1)")
            await expect(.timeout) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("UPDATE t SET a = 2")
                    // Waits for the row, while nothing more is sent here; detached, because it is somebody else's and not of this body.
                    _ = try await Task.detached { try await connection.execute("UPDATE t SET a = 3") }.value
                    try await transaction.execute("UPDATE t SET a = 4")
                }
            }
            #expect(try await connection.query("SELECT a FROM t").map { Int64(databaseValue: $0.values[0]) } == [3])
        }
    }

    @Test("A transaction that the server ends because nothing happens in it says timeout, and its connection is replaced")
    func idleTransaction() async throws {
        let server = try await TestPostgres.shared()
        // By this clock no transaction ever lasts too long: only the server's counts.
        try await withTemporaryPostgreSQL(on: server, clock: ManualClock()) {
            $0.transactionTimeout = .milliseconds(100)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT)")
            let attempts = Recorder<Int>()
            await expect(.timeout) {
                try await database.transaction(in: .installation) { transaction in
                    attempts.record(1)
                    let rows = try await transaction.query("INSERT INTO t VALUES (1) RETURNING pg_backend_pid()::BIGINT")
                    let process = Int64(databaseValue: rows[0].values[0]) ?? 0
                    var present = 1
                    while present > 0 {
                        present = try await connection.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", process).count
                    }
                    try await transaction.execute("INSERT INTO t VALUES (2)")
                }
            }
            #expect(attempts.elements.count == 1)
            #expect(try await count(connection) == 0)
        }
    }

    @Test("A full disk and a reached bound of the server say full, nothing is left of the write, and the connection goes on")
    func full() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
        } _: { database in
            let connection = database.connection(in: .installation)
            for sql in [
                "CREATE TABLE t (a BIGINT NOT NULL)",
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END'
                """,
                "CREATE TRIGGER refusing AFTER INSERT ON t FOR EACH ROW WHEN (NEW.a = 53100) EXECUTE FUNCTION refuse()",
            ] {
                try await connection.execute(Statement(generated: sql))
            }
            await expect(.full) { try await connection.execute("INSERT INTO t VALUES (53100)") }
            await expect(.full) {
                try await database.transaction(in: .installation) { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    try await transaction.execute("INSERT INTO t VALUES (53100)")
                }
            }
            // A bound that is reached for good: what is sorted does not fit into temporary files of 64 KiB.
            await expect(.full) {
                try await database.transaction(in: .installation) { transaction in
                    _ = try await transaction.query(
                        "SELECT set_config('temp_file_limit', '64kB', true), set_config('work_mem', '64kB', true)")
                    _ = try await transaction.query("SELECT n FROM generate_series(1, 200000) AS n ORDER BY -n OFFSET 199999")
                }
            }
            #expect(try await count(connection) == 0)
            try await connection.execute("INSERT INTO t VALUES (2)")
            #expect(try await count(connection) == 1)
        }
    }

    @Test("No error and no description shows a value, a row or a password")
    func secrecy() async throws {
        let configuration = try PostgreSQLConfiguration("postgresql://someone:hush@db.example:5433/roost?sslmode=require")
        #expect("\(configuration)" == "PostgreSQL at db.example:5433/roost as someone")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hush"))
        for wrong in ["postgresql://someone:hush@[::1/x", "host=x password='hush", "hush"] {
            do {
                _ = try PostgreSQLConfiguration(wrong)
                Issue.record("\(wrong) was understood")
            } catch {
                #expect(error.code == .unavailable && error.isPermanent)
                #expect(!error.description.contains("hush"))
            }
        }
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY, b BIGINT NOT NULL CHECK (b < 10), c VARCHAR(3))")
            try await connection.execute("INSERT INTO t VALUES ('hush', 1)")
            let insert: Statement = "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)"
            await expect(.uniqueViolation, "t_pkey") { try await connection.execute(insert, "hush", 1, nil as String?) }
            await expect(.checkViolation, "t_b_check") { try await connection.execute(insert, "hush2", 10, nil as String?) }
            await expect(.invalidValue, nil) { try await connection.execute(insert, "x", 1, "hushhush") }
            await expect(.invalidValue, nil) { try await connection.query("SELECT CAST($1 AS TEXT)::BIGINT", "hush") }
            await expect(.unexpectedValue, nil) { try await connection.query("SELECT to_jsonb($1)", "hush") }
        }
    }

    @Test("Connections, used, cancelled, failed and closed, leave no descriptor open")
    func descriptors() async {
        // In a process of its own: other tests open and close as they like.
        await #expect(processExitsWith: .success) {
            try await TestPostgres.withServer { server in
                try await Self.useAndClose(server)
                let before = try Self.openDescriptors()
                for _ in 0..<5 { try await Self.useAndClose(server) }
                let after = try Self.openDescriptors()
                guard after == before else { fatalError("\(before) descriptors became \(after)") }
            }
        }
    }

    @Test("A transaction within a transaction, and an autocommit write within one, trap")
    func nesting() async {
        await #expect(processExitsWith: .failure) {
            try await withTemporaryPostgreSQL { database in
                try await database.transaction(in: .installation) { _ in
                    try await database.transaction(in: .installation) { _ in }
                }
            }
        }
        await #expect(processExitsWith: .failure) {
            try await withTemporaryPostgreSQL { database in
                try await database.transaction(in: .installation) { _ in
                    _ = try await database.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)")
                }
            }
        }
    }

    /// Everything that opens a descriptor, with some of it cancelled or failing.
    private static func useAndClose(_ server: TestPostgres) async throws {
        let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(server.url()))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let task = Task {
                        if number % 2 == 0 { return try await database.connection(in: .installation).query("SELECT pg_sleep(0.01)") }
                        return try await database.transaction(in: .installation) { try await $0.query("SELECT 1") }
                    }
                    if number % 5 == 0 { task.cancel() }
                    _ = await task.result
                }
            }
        }
        await database.close()
        var nowhere = try PostgreSQLConfiguration("host=\(server.socketFolder) port=1 user=roost dbname=x")
        nowhere.startTimeout = .zero
        _ = try? await PostgreSQLDatabase.open(nowhere)
    }

    private static func openDescriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
}

/// Runs work outside of the current transaction's task, as another request would.
private func withOtherTask<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws {
    _ = try await Task.detached { try await body() }.value
}
