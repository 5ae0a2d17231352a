import TestSupport
import Testing

@testable import Database

@Suite("Migrations", .timeLimit(.minutes(1)))
struct MigrationTests {
    private static let first = Migration(id: "0001", name: "first", statements: ["CREATE TABLE a (x BIGINT)", "INSERT INTO a VALUES (1)"])
    private static let second = Migration(id: "0002", name: "second", statements: ["CREATE TABLE b (x BIGINT)"])

    @Test("Steps run once, in order, and are stamped")
    func order() async throws {
        try await withTemporaryDatabase { database in
            #expect(try await Migrations([Self.first]).run(on: database) == ["0001"])
            #expect(try await Migrations([Self.first]).isCurrent(on: database))
            #expect(try await !Migrations([Self.first, Self.second]).isCurrent(on: database))
            #expect(try await Migrations([Self.first, Self.second]).run(on: database) == ["0002"])
            #expect(try await Migrations([Self.first, Self.second]).run(on: database) == [])
            let stamps = try await database.connection(in: .installation).query("SELECT id, name FROM schema_migrations ORDER BY id")
            #expect(stamps.map(\.values) == [[.text("0001"), .text("first")], [.text("0002"), .text("second")]])
        }
    }

    @Test("A failing step leaves no trace, and the steps before it stay")
    func failure() async throws {
        let failing = Migration(
            id: "0002", name: "failing",
            statements: ["CREATE TABLE b (x BIGINT)", "UPDATE a SET x = 2", "INSERT INTO nowhere VALUES (1)", "CREATE TABLE c (x BIGINT)"])
        try await withTemporaryDatabase { database in
            let error = await #expect(throws: DatabaseError.self) { try await Migrations([Self.first, failing]).run(on: database) }
            #expect(error?.code == .migration)
            #expect(error?.message.contains("0002") == true)
            let connection = database.connection(in: .installation)
            #expect(try await connection.query("SELECT x FROM a").map(\.values) == [[.integer(1)]])
            #expect(try await connection.query("SELECT id FROM schema_migrations").map(\.values) == [[.text("0001")]])
            #expect(try await connection.query("SELECT name FROM sqlite_master WHERE name IN ('b', 'c')").isEmpty)
            let ran = try await Migrations([Self.first, Self.second]).run(on: database)
            #expect(ran == ["0002"])
        }
    }

    @Test("A database of a newer version, or with an edited step, is refused untouched")
    func refused() async throws {
        try await withTemporaryDatabase { database in
            try await Migrations([Self.first, Self.second]).run(on: database)
            let edited = Migration(id: "0002", name: "second", statements: ["CREATE TABLE b (y BIGINT)"])
            let third = Migration(id: "0003", name: "third", statements: ["CREATE TABLE c (y BIGINT)"])
            for migrations in [Migrations([Self.first]), Migrations([Self.first, edited, third])] {
                let error = await #expect(throws: DatabaseError.self) { try await migrations.run(on: database) }
                #expect(error?.code == .migration)
            }
            #expect(try await database.connection(in: .installation).query("SELECT id FROM schema_migrations").count == 2)
        }
    }

    @Test("Many databases on one file migrate it exactly once between them")
    func concurrency() async throws {
        try await withTemporaryFolder { folder in
            let ran = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let database = try await SQLiteDatabase.open(path: folder + "/data/roost.db")
                        let ran = try await Migrations([Self.first, Self.second]).run(on: database)
                        try await database.close()
                        return ran
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(ran.sorted() == ["0001", "0002"])
        }
    }

    @Test("Steps out of order are a programmer error")
    func programmerError() async {
        await #expect(processExitsWith: .failure) { _ = Migrations([Self.second, Self.first]) }
    }
}
