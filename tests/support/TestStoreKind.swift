package import Database
package import Store

/// The databases on which a store must behave the same.
package enum TestStoreKind: String, Sendable, CaseIterable {
    case sqlite = "SQLite"
    case postgreSQL = "PostgreSQL"

    /// Those that are here; without PostgreSQL its tests are skipped aloud, or fail in CI.
    package static var all: [TestStoreKind] { TestPostgres.isExpected ? self.allCases : [.sqlite] }
}

/// Runs `body` with an up-to-date database, opened as a service opens it: on PostgreSQL as a role that owns nothing.
package func withMigratedDatabase<Result>(
    _ kind: TestStoreKind = .sqlite, _ body: (any Database) async throws -> Result
) async throws -> Result {
    switch kind {
    case .sqlite:
        try await withTemporaryDatabase { database in
            try await Store(database: database).migrate()
            return try await body(database)
        }
    case .postgreSQL: try await withPostgreSQLInstallation { try await $0.withDatabase($0.serviceURL, body) }
    }
}

/// Runs `body` with a store on an empty, up-to-date database, opened as a service opens it.
package func withTemporaryStore<Result>(
    _ kind: TestStoreKind = .sqlite, limits: StoreLimits = .patient, _ body: (Store) async throws -> Result
) async throws -> Result {
    try await withMigratedDatabase(kind) { try await body(Store(database: $0, limits: limits)) }
}

extension StoreLimits {
    /// The defaults with a lease that no busy machine lets lapse in the middle of a test.
    package static var patient: StoreLimits {
        var limits = StoreLimits()
        limits.replicaLease = .seconds(600)
        return limits
    }
}
