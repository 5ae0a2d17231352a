import Database
import Synchronization

/// A database that remembers the text of every statement that goes to the one behind it.
final class StatementRecorder: Database {
    private let base: any Database
    private let log = Log()

    init(_ base: any Database) { self.base = base }

    /// The statements since the last ``clear()``.
    var statements: [String] { self.log.texts.withLock { $0 } }

    func clear() { self.log.texts.withLock { $0 = [] } }

    var dialect: Dialect { self.base.dialect }

    func connection(in scope: DatabaseScope) -> any DatabaseConnection {
        Connection(base: self.base.connection(in: scope), log: self.log)
    }

    func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        try await self.base.transaction(in: scope) { try await body(Connection(base: $0, log: self.log)) }
    }

    func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await self.base.withMigrationLock(body)
    }

    func close() async throws { try await self.base.close() }

    private final class Log: Sendable {
        let texts = Mutex<[String]>([])
    }

    private struct Connection: DatabaseConnection {
        let base: any DatabaseConnection
        let log: Log

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            self.log.texts.withLock { $0.append(statement.text) }
            return try await self.base.query(statement, values: values)
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            self.log.texts.withLock { $0.append(statement.text) }
            return try await self.base.execute(statement, values: values)
        }
    }
}
