import TestSupport
import Testing

@testable import Database

@Suite("Migrations", .timeLimit(.minutes(2)))
struct MigrationTests {
    private static let first = Migration(id: "0001", name: "first", statements: ["CREATE TABLE a (x BIGINT)", "INSERT INTO a VALUES (1)"])
    private static let second = Migration(id: "0002", name: "second", statements: ["CREATE TABLE b (x BIGINT)"])

    @Test("Steps run once, in order, and are stamped", arguments: DatabaseKind.all)
    func order(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            #expect(try await Migrations([Self.first]).run(on: database) == ["0001"])
            #expect(try await Migrations([Self.first]).isCurrent(on: database))
            #expect(try await !Migrations([Self.first, Self.second]).isCurrent(on: database))
            #expect(try await Migrations([Self.first, Self.second]).run(on: database) == ["0002"])
            #expect(try await Migrations([Self.first, Self.second]).run(on: database) == [])
            let stamps = try await database.connection(in: .installation).query("SELECT id, name FROM schema_migrations ORDER BY id")
            #expect(stamps.map(\.values) == [[.text("0001"), .text("first")], [.text("0002"), .text("second")]])
        }
    }

    @Test("A failing step leaves no trace, and the steps before it stay", arguments: DatabaseKind.all)
    func failure(kind: DatabaseKind) async throws {
        let failing = Migration(
            id: "0002", name: "failing",
            statements: ["CREATE TABLE b (x BIGINT)", "UPDATE a SET x = 2", "INSERT INTO nowhere VALUES (1)", "CREATE TABLE c (x BIGINT)"])
        try await kind.withDatabase { database in
            let error = await #expect(throws: DatabaseError.self) { try await Migrations([Self.first, failing]).run(on: database) }
            #expect(error?.code == .migration)
            #expect(error?.message.contains("0002") == true)
            let connection = database.connection(in: .installation)
            #expect(try await connection.query("SELECT x FROM a").map(\.values) == [[.integer(1)]])
            #expect(try await connection.query("SELECT id FROM schema_migrations").map(\.values) == [[.text("0001")]])
            for table in ["b", "c"] {
                await #expect(throws: DatabaseError.self) {
                    try await connection.query(Statement(generated: "SELECT * FROM \(table)"), values: [])
                }
            }
            let ran = try await Migrations([Self.first, Self.second]).run(on: database)
            #expect(ran == ["0002"])
        }
    }

    @Test("A database of a newer version, or with an edited step, is refused untouched", arguments: DatabaseKind.all)
    func refused(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
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

    @Test("Many databases on one place migrate it exactly once between them", arguments: DatabaseKind.all)
    func concurrency(kind: DatabaseKind) async throws {
        try await kind.withPlace { open in
            let ran = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let database = try await open()
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

    @Test(
        "A program that the database still admits starts and changes nothing, an older one is refused with the reason",
        arguments: DatabaseKind.all)
    func admission(kind: DatabaseKind) async throws {
        let added = Migration(id: "0003", name: "added", statements: ["CREATE TABLE c (x BIGINT)"], admits: "0002")
        let further = Migration(id: "0004", name: "further", statements: ["CREATE TABLE d (x BIGINT)"], admits: "0001")
        try await kind.withDatabase { database in
            try await Migrations([Self.first, Self.second, added, further]).run(on: database)
            // The newest step would admit version 1, but the second does not, and that stays so.
            let version = try await database.connection(in: .installation).query("SELECT version, oldest_admitted FROM schema_version")
            #expect(version.map(\.values) == [[.text("0004"), .text("0002")]])
            for admitted in [[Self.first, Self.second], [Self.first, Self.second, added]] {
                let ran = try await Migrations(admitted).run(on: database) { _ in Issue.record("an older program completes nothing") }
                #expect(ran == [])
                #expect(try await Migrations(admitted).isCurrent(on: database))
            }
            for refused in [[Self.first], []] {
                let error = await #expect(throws: DatabaseError.self) { try await Migrations(refused).run(on: database) }
                #expect(error?.code == .migration)
                #expect(error?.message.contains("0004") == true)
                #expect(error?.message.contains("0002") == true)
                await #expect(throws: DatabaseError.self) { try await Migrations(refused).isCurrent(on: database) }
            }
            let edited = Migration(id: "0002", name: "second", statements: ["CREATE TABLE b (y BIGINT)"])
            await #expect(throws: DatabaseError.self) { try await Migrations([Self.first, edited]).run(on: database) }
        }
    }

    @Test("What completes the schema runs after the steps, each time, and leaves no trace when it fails", arguments: DatabaseKind.all)
    func completion(kind: DatabaseKind) async throws {
        try await kind.withDatabase { database in
            let migrations = Migrations([Self.first])
            for _ in 0..<2 {
                try await migrations.run(on: database) { try await $0.execute("UPDATE a SET x = x + 1") }
            }
            await #expect(throws: DatabaseError.self) {
                try await migrations.run(on: database) { connection in
                    try await connection.execute("UPDATE a SET x = 0")
                    try await connection.execute("INSERT INTO nowhere VALUES (1)")
                }
            }
            #expect(try await database.connection(in: .installation).query("SELECT x FROM a").map(\.values) == [[.integer(3)]])
        }
    }

    @Test("Steps out of order are a programmer error")
    func programmerError() async {
        await #expect(processExitsWith: .failure) { _ = Migrations([Self.second, Self.first]) }
    }
}
