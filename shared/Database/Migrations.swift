/// An ordered list of schema steps, and the one way to apply them.
///
/// The database keeps a stamp for each step, and one row that says which version it is and the oldest version that it still admits.
/// A program of an admitted older version starts and changes nothing; one that is older than that is refused.
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
    /// trace; the steps before it stay. A database that holds a step which this program knows with other statements, or that no longer
    /// admits this program, is refused untouched.
    ///
    /// - Parameter completing: runs afterwards in a transaction of its own, under the same lock, unless the database is newer than this
    ///   program; it brings about what follows from the schema and must leave alone what is so already.
    @discardableResult
    package func run(
        on database: any Database, completing: ((any DatabaseConnection) async throws -> Void)? = nil
    ) async throws -> [String] {
        try await database.withMigrationLock {
            try await self.prepareStamps(on: database.connection(in: .installation))
            let applied = try await self.applied(on: database.connection(in: .installation))
            try self.check(applied)
            var ran: [String] = []
            var oldestAdmitted = applied.oldestAdmitted
            for migration in self.all.dropFirst(applied.stamps.count) {
                oldestAdmitted = max(oldestAdmitted, migration.admits)
                try await self.apply(migration, admitting: oldestAdmitted, on: database)
                ran.append(migration.id)
            }
            if let completing, applied.stamps.count <= self.all.count {
                try await database.transaction(in: .installation) { try await completing($0) }
            }
            return ran
        }
    }

    /// Whether the database already holds every step; reads only.
    package func isCurrent(on database: any Database) async throws -> Bool {
        let applied = try await self.applied(on: database.connection(in: .installation))
        try self.check(applied)
        return applied.stamps.count >= self.all.count
    }

    /// What the database says about itself.
    private struct Applied {
        var stamps: [(id: String, checksum: String)] = []
        var oldestAdmitted = ""
    }

    private func prepareStamps(on connection: any DatabaseConnection) async throws {
        try await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                id {key} NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
            )
            """)
        try await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_version (
                only_row BIGINT NOT NULL PRIMARY KEY, version {key} NOT NULL, oldest_admitted {key} NOT NULL,
                CONSTRAINT schema_version_only_row CHECK (only_row = 1)
            )
            """)
    }

    private func applied(on connection: any DatabaseConnection) async throws -> Applied {
        var applied = Applied()
        applied.stamps = try await connection.query("SELECT id, checksum FROM schema_migrations ORDER BY id").map { row in
            var row = row.reader()
            return (try row.next(), try row.next())
        }
        if var row = try await connection.query("SELECT oldest_admitted FROM schema_version").first?.reader() {
            applied.oldestAdmitted = try row.next()
        }
        return applied
    }

    private func check(_ applied: Applied) throws(DatabaseError) {
        guard let version = applied.stamps.last?.id else { return }
        let known = self.all.last?.id ?? ""
        guard version <= known || applied.oldestAdmitted <= known else {
            throw DatabaseError(
                code: .migration,
                message: """
                    the database is at version \(version) and admits programs from version \(applied.oldestAdmitted) on; this program \
                    knows it up to version \(known): start a newer one
                    """)
        }
        for (expected, stamp) in zip(self.all, applied.stamps) {
            guard expected.id == stamp.id, expected.checksum == stamp.checksum else {
                throw DatabaseError(
                    code: .migration,
                    message: """
                        migration \(stamp.id) was applied with other statements than this version has; this version cannot use the \
                        database
                        """)
            }
        }
    }

    private func apply(_ migration: Migration, admitting oldest: String, on database: any Database) async throws {
        do {
            try await database.transaction(in: .installation) { connection in
                for statement in migration.statements {
                    try await connection.execute(statement)
                }
                try await connection.execute(
                    "INSERT INTO schema_migrations (id, name, checksum, applied_at) VALUES ($1, $2, $3, {now})",
                    migration.id, migration.name, migration.checksum)
                try await connection.execute(
                    """
                    INSERT INTO schema_version (only_row, version, oldest_admitted) VALUES (1, $1, $2)
                    ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, oldest_admitted = excluded.oldest_admitted
                    """, migration.id, oldest)
            }
        } catch let error as DatabaseError where !error.isTransient {
            throw DatabaseError(
                code: .migration, message: "migration \(migration.id) (\(migration.name)) failed and was rolled back: \(error)",
                constraint: error.constraint, nativeCode: error.nativeCode)
        }
    }
}
