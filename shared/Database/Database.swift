package import Model

/// Whose rows a statement may touch.
///
/// SQLite has no use for it. PostgreSQL sets the organization in the transaction of the statement itself, and its row-level security
/// then hides every other organization's rows, whatever the statement says.
package enum DatabaseScope: Sendable, Hashable {
    /// One organization's rows.
    case organization(OrganizationID)
    /// What stands outside of or across organizations: the registry, lookups by hash, the sweep, migrations.
    case installation
}

/// Something that runs statements: a database in autocommit mode, or one open transaction.
///
/// Errors are ``DatabaseError`` and, when the task was cancelled, `CancellationError`.
package protocol DatabaseConnection: Sendable {
    /// Runs a statement and returns all rows it gives. Callers bound their number with LIMIT.
    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow]

    /// Runs a statement and returns how many rows it inserted, changed or removed.
    @discardableResult
    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int
}

extension DatabaseConnection {
    /// Runs a statement and returns all rows it gives.
    package func query(_ statement: Statement, _ parameters: any DatabaseConvertible...) async throws -> [DatabaseRow] {
        try await self.query(statement, values: parameters.map(\.databaseValue))
    }

    /// Runs a statement and returns how many rows it inserted, changed or removed.
    @discardableResult
    package func execute(_ statement: Statement, _ parameters: any DatabaseConvertible...) async throws -> Int {
        try await self.execute(statement, values: parameters.map(\.databaseValue))
    }
}

/// A relational database with Roost's schema in it: SQLite on one machine, PostgreSQL on many.
package protocol Database: Sendable {
    /// How this database spells what the two spell differently.
    var dialect: Dialect { get }

    /// Statements that each commit alone. A write is acknowledged when `execute` or `query` returns, and then survives a crash.
    func connection(in scope: DatabaseScope) -> any DatabaseConnection

    /// Runs `body` in one transaction that may write: committed when it returns, rolled back when it throws or its task is cancelled.
    ///
    /// On PostgreSQL other transactions may commit between two statements of `body`. One that decides by what it reads begins with a write
    /// to the row for which all such bodies stand in line.
    ///
    /// After a statement has failed no other runs and the transaction is rolled back, even if `body` catches the error.
    ///
    /// The connection is valid only inside `body`, for one statement at a time. Starting another transaction or an autocommit write on
    /// the same database within `body` is a programmer error and traps: on SQLite it could only wait for itself.
    func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result

    /// Runs `body` while no other process of the installation is inside the same section of this database.
    func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result

    /// Ends it; what is asked from now on fails with `closed`.
    func close() async throws

    /// What is announced on a channel: by all processes on PostgreSQL, by this one on SQLite; nil where nothing is, and one must poll.
    ///
    /// - Parameter maxBuffered: how many wait to be read; beyond it they all become one `resync`.
    func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications?

    /// Announces something to all listeners, as part of the connection's transaction: when that commits, and only then.
    ///
    /// On SQLite the listeners of this process hear it, and no others. Throws `tooBig` beyond 7,999 bytes.
    func announce(_ payload: String, on channel: NotificationChannel, over connection: any DatabaseConnection) async throws
}
