import Database
import Model
import Store

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A process that does to a database what the services do: opens it, brings the schema up to date, and writes.
///
/// `database-hammer <path> <name> <count>` makes `count` organizations with the slugs `<name>-1`, `<name>-2`, … and prints each slug
/// once its write is acknowledged. A count of 0 means until killed. On PostgreSQL the path is the connection string of the tables' owner,
/// and that of the services follows as a fourth argument.
@main
struct DatabaseHammer {
    static func main() async {
        let arguments = CommandLine.arguments
        guard (4...5).contains(arguments.count), let count = Int(arguments[3]) else {
            self.print("usage: database-hammer <path> <name> <count> | <owner> <name> <count> <service>", to: STDERR_FILENO)
            exit(64)
        }
        do {
            if arguments.count == 5 {
                try await self.hammer(owner: arguments[1], service: arguments[4], name: arguments[2], count: count)
            } else {
                try await self.hammer(path: arguments[1], name: arguments[2], count: count)
            }
        } catch {
            self.print("\(error)", to: STDERR_FILENO)
            exit(1)
        }
    }

    private static func hammer(path: String, name: String, count: Int) async throws {
        let database = try await SQLiteDatabase.open(path: path)
        try await self.fill(Store(database: database), name: name, count: count)
        try await database.close()
    }

    private static func hammer(owner: String, service: String, name: String, count: Int) async throws {
        let migrating = try await self.open(owner)
        try await Store(database: migrating).migrate()
        await migrating.close()
        let database = try await self.open(service)
        try await self.fill(Store(database: database), name: name, count: count)
        await database.close()
    }

    /// With few connections, because many processes do this at once and each writes one row after another.
    private static func open(_ url: String) async throws -> PostgreSQLDatabase {
        var configuration = try PostgreSQLConfiguration(url)
        configuration.softConnections = 1
        configuration.hardConnections = 3
        return try await PostgreSQLDatabase.open(configuration)
    }

    private static func fill(_ store: Store, name: String, count: Int) async throws {
        try await store.prepare()
        var number = 1
        while count == 0 || number <= count {
            let slug = "\(name)-\(number)"
            _ = try await store.organizations.create(name: slug, slug: slug)
            self.print(slug, to: STDOUT_FILENO)
            number += 1
        }
    }

    /// Unbuffered: a line that was printed stands for an acknowledged write even if the next instruction never runs.
    private static func print(_ line: String, to descriptor: Int32) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}
