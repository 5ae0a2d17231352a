import Database
import Model
import Store
import TestSupport
import Testing

@Suite("Processes on one database", .timeLimit(.minutes(5)), .serialized)
struct ProcessTests {
    @Test(
        "Twenty processes start at once on an empty PostgreSQL database, migrate it as its owner and write as a service",
        .enabled(if: TestPostgres.isExpected))
    func startOnPostgreSQL() async throws {
        try await withPostgreSQLInstallation(isMigrated: false) { installation in
            let outcomes = try await withThrowingTaskGroup(of: ChildProcess.Outcome.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await ChildProcess.run(
                            "database-hammer", [installation.ownerURL, "p\(number)", "5", installation.serviceURL])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes {
                #expect(outcome.status == 0, "\(outcome.standardError)")
                #expect(outcome.lines.count == 5)
            }
            let slugs = try await installation.withDatabase(installation.serviceURL) { database in
                try await walk(limit: 50) { try await Store(database: database).organizations.list($0) }.map(\.slug)
            }
            #expect(Set(slugs) == Set(outcomes.flatMap(\.lines)))
            #expect(slugs.count == 100)
        }
    }

    @Test("Twenty processes start at once on an empty folder, migrate it and write")
    func start() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/data/roost.db"
            let outcomes = try await withThrowingTaskGroup(of: ChildProcess.Outcome.self) { group in
                for number in 0..<20 {
                    group.addTask { try await ChildProcess.run("database-hammer", [path, "p\(number)", "5"]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes {
                #expect(outcome.status == 0, "\(outcome.standardError)")
                #expect(outcome.lines.count == 5)
            }
            let database = try await SQLiteDatabase.open(path: path)
            let slugs = try await walk(limit: 50) { try await Store(database: database).organizations.list($0) }.map(\.slug)
            #expect(Set(slugs) == Set(outcomes.flatMap(\.lines)))
            #expect(slugs.count == 100)
            try await database.close()
        }
    }

    @Test("After kill -9 in the middle of writing every acknowledged write is there")
    func kill() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/roost.db"
            var acknowledged: Set<String> = []
            for round in 0..<5 {
                // Two at once, so that one is killed while the other holds or waits for the lock.
                async let first = ChildProcess.run("database-hammer", [path, "a\(round)", "0"], killAfter: 20 + round * 7)
                async let second = ChildProcess.run("database-hammer", [path, "b\(round)", "0"], killAfter: 30)
                for outcome in try await [first, second] {
                    #expect(outcome.wasKilled, "\(outcome.standardError)")
                    acknowledged.formUnion(outcome.lines)
                }
                let database = try await SQLiteDatabase.open(path: path)
                let found = try await walk(limit: 200) { try await Store(database: database).organizations.list($0) }.map(\.slug)
                #expect(acknowledged.subtracting(found).isEmpty)
                let check = try await database.connection(in: .installation).query("SELECT * FROM pragma_integrity_check")
                #expect(check.map(\.values) == [[.text("ok")]])
                try await database.close()
            }
            #expect(acknowledged.count >= 5 * 50)
        }
    }
}
