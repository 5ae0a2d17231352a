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
/// once its write is acknowledged. A count of 0 means until killed.
@main
struct DatabaseHammer {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[3]) else {
            self.print("usage: database-hammer <path> <name> <count>", to: STDERR_FILENO)
            exit(64)
        }
        do {
            try await self.hammer(path: arguments[1], name: arguments[2], count: count)
        } catch {
            self.print("\(error)", to: STDERR_FILENO)
            exit(1)
        }
    }

    private static func hammer(path: String, name: String, count: Int) async throws {
        let database = try await SQLiteDatabase.open(path: path)
        let store = Store(database: database)
        try await store.migrate()
        var number = 1
        while count == 0 || number <= count {
            let slug = "\(name)-\(number)"
            _ = try await store.organizations.create(name: slug, slug: slug)
            self.print(slug, to: STDOUT_FILENO)
            number += 1
        }
        try await database.close()
    }

    /// Unbuffered: a line that was printed stands for an acknowledged write even if the next instruction never runs.
    private static func print(_ line: String, to descriptor: Int32) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}
