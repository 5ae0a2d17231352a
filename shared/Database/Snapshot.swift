/// A database that can be read as it was at one moment, however long the reading takes, while others go on writing.
package protocol SnapshotReading: Database {
    /// Runs `body` with one unchanging view of the database. Nothing can be written in it.
    func withSnapshot<Result: Sendable>(_ body: (any DatabaseSnapshot) async throws -> Result) async throws -> Result
}

/// One unchanging view of a database. Valid only inside the body that it was given to, for one statement at a time.
package protocol DatabaseSnapshot: Sendable {
    /// Statements that read. In an organization's scope they see its rows, and on PostgreSQL no others.
    func connection(in scope: DatabaseScope) -> any DatabaseConnection
}
