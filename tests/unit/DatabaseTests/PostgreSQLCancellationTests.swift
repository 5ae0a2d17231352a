import Model
import TestSupport
import Testing

@testable import Database

/// Tasks that give up, and statements that keep others waiting.
@Suite("PostgreSQL: cancellation", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected))
struct PostgreSQLCancellationTests {
    @Test("What a cancelled task had begun is ended in the server too, alone and in a transaction")
    func cancellationInServer() async throws {
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            let reading = Task { try await connection.query("SELECT pg_sleep(100)") }
            let inTransaction = Task {
                try await database.transaction(in: .installation) { try await $0.query("SELECT pg_sleep(100)") }
            }
            try await Self.waitForSleepers(2, connection)
            reading.cancel()
            inTransaction.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            await #expect(throws: CancellationError.self) { try await inTransaction.value }
            try await Self.waitForSleepers(0, connection)
        }
    }

    @Test("A cancellation in the server that hits a neighbour in the pipeline does it no harm")
    func cancelledNeighbour() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.hardConnections = 3
            configuration.stallThreshold = .seconds(60)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            for round in 0..<10 {
                let slow = Task { try await connection.query("SELECT pg_sleep(100)") }
                let neighbours = (0..<20).map { number in
                    Task { try await connection.execute("INSERT INTO t VALUES ($1)", round * 100 + number) }
                }
                slow.cancel()
                for neighbour in neighbours { #expect(try await neighbour.value == 1) }
                _ = await slow.result
            }
            #expect(try await count(connection) == 200)
        }
    }

    @Test("Statements cancelled at any moment end with CancellationError, alone and in transactions, and nobody else notices")
    func anyMoment() async throws {
        try await withTemporaryPostgreSQL { configuration in
            // All of them meet on two connections.
            configuration.softConnections = 1
            configuration.hardConnections = 3
            configuration.stallThreshold = .seconds(60)
            configuration.waitTimeout = .seconds(120)
        } _: { database in
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            let slow: Statement = "SELECT COUNT(*) FROM generate_series(1, 100000000) AS a, generate_series(1, 1000) AS b"
            var generator = SeededGenerator(state: 11)
            for round in 0..<40 {
                let isAlone = Bool.random(using: &generator)
                let giving = Task {
                    if isAlone { return try await connection.query(slow) }
                    return try await database.transaction(in: .installation) { try await $0.query(slow) }
                }
                let neighbours = (0..<8).map { number in
                    Task {
                        if number % 2 == 0 { return try await connection.execute("INSERT INTO t VALUES ($1)", round) }
                        return try await database.transaction(in: .installation) { transaction in
                            try await transaction.execute("INSERT INTO t VALUES ($1)", round)
                        }
                    }
                }
                // Between not yet begun and long under way.
                for _ in 0..<Int.random(in: 0..<200, using: &generator) { await Task.yield() }
                if round % 4 == 3 { try await Self.waitForOthers(database.configuration, running: "%generate_series%", 1) }
                giving.cancel()
                await #expect(throws: CancellationError.self) { try await giving.value }
                for neighbour in neighbours { #expect(try await neighbour.value == 1) }
            }
            #expect(try await count(connection) == 40 * 8)
            try await Self.waitForOthers(database.configuration, running: "%generate_series%", 0)
        }
    }

    @Test("What only reads and queues behind a slow statement is answered long before that ends")
    func overtaking() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.hardConnections = 3
        } _: { database in
            let connection = database.connection(in: .installation)
            // Sent first, and the others within the time in which nobody knows that it is slow.
            let slow = Task { try await connection.query("SELECT pg_sleep(1000)") }
            let reads = (0..<40).map { number in Task { try await connection.query("SELECT $1", number) } }
            for (number, read) in reads.enumerated() {
                let rows = try await read.value
                #expect(rows.first?.values == [.integer(Int64(number))])
            }
            slow.cancel()
            // Had they waited for it, it would have ended by its time-out.
            await #expect(throws: CancellationError.self) { try await slow.value }
        }
    }

    @Test("A second statement does not queue behind a first one of which nobody knows how long it takes")
    func secondStatement() async throws {
        try await withTemporaryPostgreSQL { database in
            let connection = database.connection(in: .installation)
            let slow = Task { try await connection.query("SELECT pg_sleep(1000)") }
            try await Self.waitForOthers(database.configuration, running: "%pg_sleep%", 1)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            let writes = (0..<20).map { number in Task { try await connection.execute("INSERT INTO t VALUES ($1)", number) } }
            for write in writes { #expect(try await write.value == 1) }
            slow.cancel()
            await #expect(throws: CancellationError.self) { try await slow.value }
        }
    }

    /// Waits until so many such statements run in the server; the suite's time limit bounds it. Asks over a connection of its own.
    private static func waitForOthers(_ configuration: PostgreSQLConfiguration, running text: String, _ wanted: Int64) async throws {
        let database = try await PostgreSQLDatabase.open(configuration)
        var now = DatabaseValue.null
        repeat {
            now = try await database.connection(in: .installation).query(
                """
                SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()
                """, text)[0].values[0]
        } while now != .integer(wanted)
        await database.close()
    }

    /// Waits until so many statements sleep in the server; the suite's time limit bounds it.
    private static func waitForSleepers(_ wanted: Int64, _ connection: any DatabaseConnection) async throws {
        var now = DatabaseValue.null
        repeat {
            now = try await connection.query(
                """
                SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'
                """)[0].values[0]
        } while now != .integer(wanted)
    }
}
