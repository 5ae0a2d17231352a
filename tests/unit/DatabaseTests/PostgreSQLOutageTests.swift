import Foundation
import Model
import TestSupport
import Testing

@testable import Database

/// Servers that are away, die, freeze and come back.
@Suite("PostgreSQL's bad days", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected), .serialized)
struct PostgreSQLOutageTests {
    @Test("A server killed in mid statement, in mid transaction and while idle: typed errors at once, and all is well when it is back")
    func killed() async throws {
        try await TestPostgres.withServer { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.outageGrace = .milliseconds(500)
            configuration.maxReconnectPause = .milliseconds(200)
            configuration.waitTimeout = .seconds(60)
            let database = try await PostgreSQLDatabase.open(configuration)
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            for _ in 0..<3 {
                let writing = Task { try await connection.query("INSERT INTO t SELECT 1 FROM pg_sleep(100) RETURNING a") }
                let reading = Task { try await connection.query("SELECT pg_sleep(100)") }
                let inTransaction = Task {
                    try await database.transaction(in: .installation) { transaction in
                        try await transaction.execute("INSERT INTO t VALUES (2)")
                        return try await transaction.query("SELECT pg_sleep(100)")
                    }
                }
                try await Self.waitForSleepers(3, on: server)
                try await server.kill()
                do {
                    _ = try await writing.value
                    Issue.record("the write was acknowledged")
                } catch let error as DatabaseError {
                    #expect(error.code == .unavailable && error.isOutcomeUnknown, "\(error)")
                }
                await expect(.unavailable) { try await reading.value }
                await expect(.unavailable) { try await inTransaction.value }
                await expect(.unavailable) { try await connection.query("SELECT 1") }
                await expect(.unavailable) { try await database.transaction(in: .installation) { try await $0.query("SELECT 1") } }
                try await server.restart()
                #expect(try await Self.untilBack { try await count(connection) } == 0)
                try await Self.useAll(database)
            }
            await database.close()
        }
    }

    @Test("Every write that was acknowledged is there after the server was killed under load")
    func acknowledged() async throws {
        try await TestPostgres.withServer(.init(isSynced: true)) { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.outageGrace = .milliseconds(200)
            configuration.maxReconnectPause = .milliseconds(200)
            let database = try await PostgreSQLDatabase.open(configuration)
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)")
            for round in 0..<3 {
                let acknowledged = Recorder<Int64>()
                async let writers: Void = withTaskGroup(of: Void.self) { group in
                    for writer in 0..<8 {
                        group.addTask {
                            var number = Int64(round * 10_000_000 + writer * 1_000_000)
                            // Until the server is gone.
                            while true {
                                number += 1
                                do {
                                    if number % 2 == 0 {
                                        try await connection.execute("INSERT INTO t VALUES ($1)", number)
                                    } else {
                                        let value = number
                                        _ = try await database.transaction(in: .installation) { transaction in
                                            try await transaction.execute("INSERT INTO t VALUES ($1)", value)
                                        }
                                    }
                                    acknowledged.record(number)
                                } catch {
                                    return
                                }
                            }
                        }
                    }
                }
                await acknowledged.wait(for: 200)
                try await server.kill()
                await writers
                try await server.restart()
                let rows = try await Self.untilBack { try await connection.query("SELECT a FROM t") }
                let present = Set(rows.compactMap { $0.values.first })
                #expect(acknowledged.elements.allSatisfy { present.contains(.integer($0)) })
            }
            await database.close()
        }
    }

    @Test("A server that freezes is given up after the bound, and used again when it thaws")
    func frozen() async throws {
        try await TestPostgres.withServer { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.statementTimeout = .milliseconds(300)
            configuration.answerGrace = .milliseconds(300)
            configuration.connectTimeout = .seconds(2)
            configuration.waitTimeout = .milliseconds(500)
            configuration.maxReconnectPause = .milliseconds(200)
            let database = try await PostgreSQLDatabase.open(configuration)
            let connection = database.connection(in: .installation)
            let backends = try await connection.query("SELECT pid::BIGINT FROM pg_stat_activity WHERE datname = current_database()")
                .compactMap { Int64(databaseValue: $0.values[0]) }
            let frozen = [server.postmasterID] + backends.map { Int32($0) }
            for process in frozen { kill(process, SIGSTOP) }
            // A read is tried once more elsewhere, where nobody answers either.
            for _ in 0..<2 {
                do {
                    _ = try await connection.query("SELECT 1")
                    Issue.record("a frozen server answered")
                } catch let error as DatabaseError {
                    #expect(error.isTransient)
                }
            }
            for process in frozen { kill(process, SIGCONT) }
            #expect(try await Self.untilBack { try await connection.query("SELECT 1").count } == 1)
            await database.close()
        }
    }

    @Test("A COMMIT whose answer is lost says that its outcome is unknown, and so does a lone write; neither is tried again")
    func lostCommit() async throws {
        let server = try await TestPostgres.shared()
        try await withTemporaryPostgreSQL(on: server) { direct in
            let watching = direct.connection(in: .installation)
            for sql in [
                "CREATE TABLE t (a BIGINT NOT NULL)",
                "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'",
                // Runs when everything is done but the commit itself.
                """
                CREATE CONSTRAINT TRIGGER lingering AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION linger()
                """,
            ] {
                try await watching.execute(Statement(generated: sql))
            }
            let name = try await watching.query("SELECT current_database()::TEXT")[0].values[0]
            let attempts = Recorder<Int>()
            try await TCPProxy.run(to: server.port) { proxy in
                let database = try await PostgreSQLDatabase.open(
                    PostgreSQLConfiguration(server.networkURL(database: String(databaseValue: name) ?? "", "port=\(proxy.port)")))
                // Keeps the others from committing for as long as it lasts.
                try await direct.transaction(in: .installation) { transaction in
                    _ = try await transaction.query("SELECT pg_advisory_xact_lock(1)")
                    let lone = Task { try await database.connection(in: .installation).execute("INSERT INTO t VALUES (1)") }
                    let inTransaction = Task {
                        try await database.transaction(in: .installation) { transaction in
                            attempts.record(1)
                            return try await transaction.execute("INSERT INTO t VALUES (2)")
                        }
                    }
                    while try await Self.lingering(watching, "advisory") != 2 {}
                    proxy.reset()
                    for task in [lone, inTransaction] {
                        do {
                            _ = try await task.value
                            Issue.record("the write was acknowledged")
                        } catch let error as DatabaseError {
                            #expect(error.code == .unavailable && error.isOutcomeUnknown, "\(error)")
                        }
                    }
                }
                #expect(try await database.connection(in: .installation).query("SELECT 1").count == 1)
                await database.close()
            }
            // The server had not noticed that nobody waits for it any more. Had one been tried again, there would be more.
            while try await count(watching) < 2 {}
            while try await Self.lingering(watching, "advisory") > 0 {}
            #expect(try await watching.query("SELECT a FROM t ORDER BY a").map(\.values) == [[.integer(1)], [.integer(2)]])
            #expect(attempts.elements.count == 1)
        }
    }

    @Test("A connection that breaks under a transaction is replaced and the transaction run again")
    func brokenConnection() async throws {
        let server = try await TestPostgres.shared()
        try await TCPProxy.run(to: server.port) { proxy in
            let configuration = try PostgreSQLConfiguration(server.networkURL("port=\(proxy.port)"))
            let database = try await PostgreSQLDatabase.open(configuration)
            for _ in 0..<5 {
                let attempts = Recorder<Int>()
                let rows = try await database.transaction(in: .installation) { transaction in
                    _ = try await transaction.query("SELECT 1")
                    attempts.record(1)
                    if attempts.elements.count == 1 { proxy.reset() }
                    // The first is certainly interrupted.
                    let pause = attempts.elements.count == 1 ? 1000.0 : 0
                    return try await transaction.query("SELECT 2 FROM (SELECT pg_sleep($1)) AS pause", pause)
                }
                #expect(rows.first?.values == [.integer(2)])
                #expect(attempts.elements.count == 2)
            }
            await database.close()
        }
    }

    @Test("Connections that are opened while others die hear every answer")
    func reusedDescriptors() async throws {
        let server = try await TestPostgres.shared()
        try await TCPProxy.run(to: server.port) { proxy in
            var configuration = try PostgreSQLConfiguration(server.networkURL("port=\(proxy.port)"))
            // Whoever does not hear its answer waits beyond the end of the test.
            configuration.statementTimeout = .seconds(3600)
            configuration.waitTimeout = .seconds(3600)
            configuration.maxReconnectPause = .milliseconds(50)
            let database = try await PostgreSQLDatabase.open(configuration)
            for _ in 0..<15 {
                let gate = Gate()
                let inside = Recorder<Int>()
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            try await Self.untilBack {
                                try await database.transaction(in: .installation) { transaction in
                                    _ = try await transaction.query("SELECT 1")
                                    inside.record(number)
                                    await gate.wait()
                                    return try await transaction.query("SELECT 1").count
                                }
                            }
                        }
                    }
                    await inside.wait(for: 8)
                    proxy.reset()
                    gate.open()
                    for try await count in group { #expect(count == 1) }
                }
            }
            await database.close()
        }
    }

    @Test("Connections that replace broken ones hear their answers, however many break at the same time")
    func replaced() async throws {
        try await TestPostgres.withServer { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.maxReconnectPause = .milliseconds(50)
            // Who hears nothing is never given up, so that the suite's time limit finds it.
            configuration.statementTimeout = .seconds(3600)
            configuration.waitTimeout = .seconds(3600)
            let database = try await PostgreSQLDatabase.open(configuration)
            let connection = database.connection(in: .installation)
            for _ in 0..<30 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<16 {
                        group.addTask {
                            for _ in 0..<4 {
                                try await Self.untilBack {
                                    if caller % 2 == 0 {
                                        _ = try await connection.query("SELECT 1")
                                    } else {
                                        _ = try await database.transaction(in: .installation) { try await $0.query("SELECT 1") }
                                    }
                                }
                            }
                        }
                    }
                    group.addTask {
                        _ = try await Self.untilBack {
                            try await connection.query(
                                """
                                SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                                WHERE application_name = 'roost' AND pid <> pg_backend_pid()
                                """)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            await database.close()
        }
    }

    @Test("A database that is away at start is waited for; where waiting is of no use, it is refused at once with what to do")
    func away() async throws {
        try await TestPostgres.withServer { server in
            try await server.kill()
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.startTimeout = .milliseconds(100)
            let refused = configuration
            await expect(.unavailable) { try await PostgreSQLDatabase.open(refused) }
            configuration.startTimeout = .seconds(120)
            let patient = configuration
            async let opening = PostgreSQLDatabase.open(patient)
            try await server.restart()
            let database = try await opening
            #expect(try await database.connection(in: .installation).query("SELECT 1").count == 1)
            await database.close()
            for (url, advice) in [
                (server.url(database: "nowhere"), "create the user and the database"),
                (server.url(user: "nobody"), "create the user and the database"),
                (server.networkURL("sslmode=require"), "switch the server's ssl on"),
            ] {
                do {
                    _ = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(url))
                    Issue.record("\(advice): it was opened")
                } catch let error as DatabaseError {
                    #expect(error.code == .unavailable && error.isPermanent)
                    #expect(error.message.contains(advice), "\(error)")
                }
            }
        }
    }

    @Test("What a server that shuts down interrupts is told so, and its successor serves the same client")
    func shutDown() async throws {
        try await TestPostgres.withServer { server in
            var configuration = try PostgreSQLConfiguration(server.url())
            configuration.maxReconnectPause = .milliseconds(200)
            // Statements wait out the restart.
            configuration.outageGrace = .seconds(120)
            configuration.waitTimeout = .seconds(120)
            let database = try await PostgreSQLDatabase.open(configuration)
            let connection = database.connection(in: .installation)
            try await connection.execute("CREATE TABLE t (a BIGINT NOT NULL)")
            for round in 1...2 {
                let begun = Gate()
                // Interrupted and run again: what a server says that it has rolled back was certainly not done.
                let inTransaction = Task {
                    try await database.transaction(in: .installation) { transaction in
                        try await transaction.execute("INSERT INTO t VALUES (1)")
                        await begun.wait()
                        try await transaction.execute("INSERT INTO t VALUES (2)")
                    }
                }
                await begun.waitForVisitor()
                try await server.shutDown()
                begun.open()
                let reading = Task { try await connection.query("SELECT 1") }
                try await server.restart()
                try await inTransaction.value
                #expect(try await reading.value.count == 1)
                #expect(try await count(connection) == round * 2)
                try await Self.useAll(database)
            }
            await database.close()
        }
    }

    /// Tries until the database answers; the suite's time limit bounds it.
    private static func untilBack<Result>(_ body: () async throws -> Result) async throws -> Result {
        while true {
            do {
                return try await body()
            } catch let error as DatabaseError where error.isTransient {
                await Task.yield()
            }
        }
    }

    /// Everything that the pool may open is of use: none of its connections is stuck.
    private static func useAll(_ database: PostgreSQLDatabase) async throws {
        let count = database.configuration.hardConnections - 1
        let inside = Recorder<Int>()
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await database.transaction(in: .installation) { transaction in
                        _ = try await transaction.query("SELECT 1")
                        inside.record(number)
                        await gate.wait()
                    }
                }
            }
            await inside.wait(for: count)
            #expect(try await database.connection(in: .installation).query("SELECT 1").count == 1)
            gate.open()
            try await group.waitForAll()
        }
    }

    /// Waits until so many statements sleep in the server; the suite's time limit bounds it.
    private static func waitForSleepers(_ wanted: Int64, on server: TestPostgres) async throws {
        let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(server.url()))
        while try await self.lingering(database.connection(in: .installation), "PgSleep") != wanted {}
        await database.close()
    }

    /// How many statements wait in the connection's database for this.
    private static func lingering(_ connection: any DatabaseConnection, _ event: String) async throws -> Int64 {
        let rows = try await connection.query(
            """
            SELECT COUNT(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND wait_event = $1
            """, event)
        return Int64(databaseValue: rows[0].values[0]) ?? 0
    }
}
