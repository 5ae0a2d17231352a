package import Database
import Synchronization

/// A database whose writes fail on demand, before they are done or after.
package final class FailingDatabase: Database {
    /// What becomes of writes.
    package enum Fault: Sendable {
        /// Nothing is written.
        case refused(DatabaseError)
        /// All is written, and the answer lost.
        case unanswered(DatabaseError)
    }

    private let base: any Database
    private let fault = Mutex<Fault?>(nil)

    /// Passes everything on to a database, until it is told otherwise.
    package init(_ base: any Database) { self.base = base }

    /// Lets writes fail from now on; nil for no longer.
    package func fail(_ fault: Fault?) { self.fault.withLock { $0 = fault } }

    package var dialect: Dialect { self.base.dialect }

    package func connection(in scope: DatabaseScope) -> any DatabaseConnection {
        Connection(base: self.base.connection(in: scope), database: self)
    }

    package func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        try await self.failing { try await self.base.transaction(in: scope, body) }
    }

    package func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await self.base.withMigrationLock(body)
    }

    package func close() async throws { try await self.base.close() }

    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? {
        self.base.notifications(on: channel, maxBuffered: maxBuffered)
    }

    private func failing<Result>(_ write: () async throws -> Result) async throws -> Result {
        let fault = self.fault.withLock { $0 }
        if case .refused(let error) = fault { throw error }
        let result = try await write()
        if case .unanswered(let error) = fault { throw error }
        return result
    }

    /// Statements that commit alone.
    private struct Connection: DatabaseConnection {
        let base: any DatabaseConnection
        let database: FailingDatabase

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            if statement.text.hasPrefix("SELECT") { return try await self.base.query(statement, values: values) }
            return try await self.database.failing { try await self.base.query(statement, values: values) }
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            try await self.database.failing { try await self.base.execute(statement, values: values) }
        }
    }
}
