/// A reading transaction: in WAL mode it goes on seeing what was committed when it began. The log grows meanwhile, because it cannot be
/// folded into the file beyond that moment.
extension SQLiteDatabase: SnapshotReading {
    package func withSnapshot<Result: Sendable>(
        _ body: (any DatabaseSnapshot) async throws -> Result
    ) async throws -> Result {
        try await self.readers.withLease { handle in
            try await handle.beginSnapshot()
            do {
                let result = try await body(SQLiteSnapshot(handle: handle, statements: self.statements))
                await handle.rollback()
                return result
            } catch {
                await handle.rollback()
                throw error
            }
        }
    }
}

/// Statements in that transaction; scopes make no difference on SQLite.
private struct SQLiteSnapshot: DatabaseSnapshot, DatabaseConnection {
    let handle: SQLiteHandle
    let statements: StatementCache

    func connection(in scope: DatabaseScope) -> any DatabaseConnection { self }

    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
        try Task.checkCancellation()
        let rewritten = try self.statements.rewrite(statement)
        guard rewritten.isReading else { throw Self.readOnly }
        return try await self.handle.write(rewritten, isFixed: statement.isFixed, values: values, isQuery: true).rows
    }

    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int { throw Self.readOnly }

    private static let readOnly = DatabaseError(code: .readOnly, message: "a snapshot can only be read")
}
