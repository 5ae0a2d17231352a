import Synchronization

/// Statements that each commit alone: reads on any reader, writes in turn on the writer.
struct SQLiteAutocommit: DatabaseConnection {
    let database: SQLiteDatabase

    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
        let rewritten = try self.database.statements.rewrite(statement)
        if rewritten.isReading {
            return try await self.database.readers.withLease { handle in
                try await handle.read(rewritten, isFixed: statement.isFixed, values: values).rows
            }
        }
        return try await self.write(rewritten, isFixed: statement.isFixed, values: values, isQuery: true).rows
    }

    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
        let rewritten = try self.database.statements.rewrite(statement)
        return try await self.write(rewritten, isFixed: statement.isFixed, values: values, isQuery: false).changeCount
    }

    private func write(
        _ statement: RewrittenStatement, isFixed: Bool, values: [DatabaseValue], isQuery: Bool
    ) async throws -> SQLiteHandle.Outcome {
        OpenTransactions.preconditionNone(on: self.database)
        return try await self.database.writer.withLease { handle in
            try await handle.write(statement, isFixed: isFixed, values: values, isQuery: isQuery)
        }
    }
}

/// One open transaction. Lives only as long as the body that it was given to.
///
/// After a statement has failed no other runs and the transaction is rolled back, even if the body goes on as if nothing had happened:
/// PostgreSQL admits nothing else, and SQLite undoes the whole transaction after some failures, so that a further statement would
/// commit alone.
final class SQLiteTransaction: DatabaseConnection {
    private enum State {
        case open
        /// By the first statement that failed; from here it can only end.
        case failed(DatabaseError)
        case ended
    }

    private let handle: SQLiteHandle
    private let statements: StatementCache
    private let state = Mutex(State.open)
    private let pending = Mutex<[LocalAnnouncements.Pending]>([])
    /// True once the transaction has lasted too long.
    private let hasExpired: @Sendable () -> Bool

    init(handle: SQLiteHandle, statements: StatementCache, timeout: Duration, clock: any Clock<Duration>) {
        self.handle = handle
        self.statements = statements
        self.hasExpired = Self.expiry(of: timeout, by: clock)
    }

    /// What is to be announced once the transaction is committed.
    var announcements: [LocalAnnouncements.Pending] { self.pending.withLock { $0 } }

    /// Adds an announcement.
    func announce(_ announcement: LocalAnnouncements.Pending) { self.pending.withLock { $0.append(announcement) } }

    func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
        try await self.run(statement, values: values, isQuery: true).rows
    }

    func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
        try await self.run(statement, values: values, isQuery: false).changeCount
    }

    /// No statement runs from now on, even one that is on its way. Throws what failed before, whatever the body made of it.
    func end() throws(DatabaseError) {
        let failure: DatabaseError? = self.state.withLock { state in
            defer { state = .ended }
            if case .failed(let error) = state { return error } else { return nil }
        }
        if let failure { throw failure }
    }

    private func run(_ statement: Statement, values: [DatabaseValue], isQuery: Bool) async throws -> SQLiteHandle.Outcome {
        try Task.checkCancellation()
        do {
            let rewritten = try self.statements.rewrite(statement)
            return try await self.handle.write(rewritten, isFixed: statement.isFixed, values: values, isQuery: isQuery) {
                try self.checkOpen()
            }
        } catch let error as DatabaseError {
            self.state.withLock { state in
                if case .open = state { state = .failed(error) }
            }
            throw error
        }
    }

    private func checkOpen() throws(DatabaseError) {
        switch self.state.withLock({ $0 }) {
        case .open: break
        case .failed: throw DatabaseError(code: .closed, message: "an earlier statement failed, the transaction can only be rolled back")
        case .ended: throw DatabaseError(code: .closed, message: "the connection of a transaction was used after its end")
        }
        guard !self.hasExpired() else {
            throw DatabaseError(code: .timeout, message: "the transaction took too long and is rolled back")
        }
    }

    private static func expiry<C: Clock<Duration>>(of timeout: Duration, by clock: C) -> @Sendable () -> Bool {
        let deadline = clock.now.advanced(by: timeout)
        return { clock.now >= deadline }
    }
}
