/// An ordered list of schema steps, and the one way to apply them.
package struct Migrations: Sendable {
    private let all: [Migration]

    /// - Precondition: ids ascend and none occurs twice.
    package init(_ all: [Migration]) {
        precondition(zip(all, all.dropFirst()).allSatisfy { $0.id < $1.id }, "migrations must be listed in the order of their ids")
        self.all = all
    }

    /// Applies what the database lacks, in order, each in a transaction with its stamp; returns the ids applied by this call.
    ///
    /// Several processes may call it at once: one works, the others wait and find nothing left to do. When a step fails it leaves no
    /// trace; the steps before it stay. A database that holds a step which this program does not know, or knows with other
    /// statements, is refused untouched.
    @discardableResult
    package func run(on database: any Database) async throws -> [String] {
        try await database.withMigrationLock {
            let connection = database.connection(in: .installation)
            try await connection.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    id {key} NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
                )
                """)
            let applied = try await self.applied(on: connection)
            try self.check(applied)
            var ran: [String] = []
            for migration in self.all.dropFirst(applied.count) {
                try await self.apply(migration, on: database)
                ran.append(migration.id)
            }
            return ran
        }
    }

    /// Whether the database already holds every step; reads only.
    package func isCurrent(on database: any Database) async throws -> Bool {
        let applied = try await self.applied(on: database.connection(in: .installation))
        try self.check(applied)
        return applied.count == self.all.count
    }

    private func applied(on connection: any DatabaseConnection) async throws -> [(id: String, checksum: String)] {
        try await connection.query("SELECT id, checksum FROM schema_migrations ORDER BY id").map { row in
            var row = row.reader()
            return (try row.next(), try row.next())
        }
    }

    private func check(_ applied: [(id: String, checksum: String)]) throws(DatabaseError) {
        for (position, stamp) in applied.enumerated() {
            guard position < self.all.count else {
                throw DatabaseError(
                    code: .migration,
                    message: "the database holds migration \(stamp.id), which this version does not know; start a newer version")
            }
            let expected = self.all[position]
            guard expected.id == stamp.id, expected.checksum == stamp.checksum else {
                throw DatabaseError(
                    code: .migration,
                    message:
                        "migration \(stamp.id) was applied with other statements than this version has; this version cannot use the database"
                )
            }
        }
    }

    private func apply(_ migration: Migration, on database: any Database) async throws {
        do {
            try await database.transaction(in: .installation) { connection in
                for statement in migration.statements {
                    try await connection.execute(statement)
                }
                try await connection.execute(
                    "INSERT INTO schema_migrations (id, name, checksum, applied_at) VALUES ($1, $2, $3, {now})",
                    migration.id, migration.name, migration.checksum)
            }
        } catch let error as DatabaseError where !error.isTransient {
            throw DatabaseError(
                code: .migration, message: "migration \(migration.id) (\(migration.name)) failed and was rolled back: \(error)",
                constraint: error.constraint, nativeCode: error.nativeCode)
        }
    }
}
