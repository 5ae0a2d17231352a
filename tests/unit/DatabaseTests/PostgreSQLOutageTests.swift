import Foundation
import Model
import TestSupport
import Testing

@testable import Database

/// Servers that are away, die, freeze and come back.
@Suite("PostgreSQL's bad days", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected), .serialized)
struct PostgreSQLOutageTests {
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
            for _ in 0..<100 {
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
}
