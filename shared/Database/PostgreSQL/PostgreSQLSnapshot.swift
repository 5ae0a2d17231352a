import Model
import Synchronization

/// A transaction that only reads and sees what was committed when it began, however long it lasts. It stands in nobody's way, and nothing in its.
extension PostgreSQLDatabase: SnapshotReading {
    package func withSnapshot<Result: Sendable>(
        _ body: (any DatabaseSnapshot) async throws -> Result
    ) async throws -> Result {
        let hasBegun = Atomic(false)
        return try await self.transaction(in: .installation) { connection in
            // A transaction may be run again; what a body has made of its first view may not be taken back any more.
            guard !hasBegun.exchange(true, ordering: .relaxed) else {
                throw DatabaseError(code: .unavailable, message: "the connection was lost while a snapshot was read; try again")
            }
            try await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return try await body(PostgreSQLSnapshot(connection: connection))
        }
    }
}

/// Statements in that transaction. Whose rows they see is set before a statement of another organization.
private final class PostgreSQLSnapshot: DatabaseSnapshot {
    private let connection: any DatabaseConnection
    private let organization = Mutex("")

    init(connection: any DatabaseConnection) { self.connection = connection }

    func connection(in scope: DatabaseScope) -> any DatabaseConnection { View(snapshot: self, scope: scope) }

    private struct View: DatabaseConnection {
        let snapshot: PostgreSQLSnapshot
        let scope: DatabaseScope

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            try await self.snapshot.enter(self.scope)
            return try await self.snapshot.connection.query(statement, values: values)
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            throw DatabaseError(code: .readOnly, message: "a snapshot can only be read")
        }
    }

    private func enter(_ scope: DatabaseScope) async throws {
        let wanted = if case .organization(let id) = scope { id.rawValue } else { "" }
        let isEntered = self.organization.withLock { current in
            defer { current = wanted }
            return current == wanted
        }
        guard !isEntered else { return }
        _ = try await self.connection.query("SELECT set_config('roost.organization', $1, true)", wanted)
    }
}
