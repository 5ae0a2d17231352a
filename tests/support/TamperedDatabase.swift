package import Database
import Synchronization

/// A database that does to single statements what a test wants: before they run, or when they have run and their answer is on its way.
package final class TamperedDatabase: Database {
    /// What becomes of a statement.
    package struct Tampering: Sendable {
        package let before: @Sendable () async throws -> Void
        package let after: @Sendable () async throws -> Void

        /// - Parameters:
        ///   - before: Runs first; where it throws the statement does not run.
        ///   - after: Runs when the statement has; where it throws the answer is lost.
        package init(before: @escaping @Sendable () async throws -> Void = {}, after: @escaping @Sendable () async throws -> Void = {}) {
            self.before = before
            self.after = after
        }
    }

    private struct Rule {
        let fragment: String
        var left: Int
        let tampering: Tampering
    }

    private struct State {
        var rules: [Rule] = []
        var tamperedCount = 0
    }

    private let base: any Database
    private let state = Mutex(State())

    /// Passes everything on to a database, until it is told otherwise.
    package init(_ base: any Database) { self.base = base }

    /// Tampers with the next statements whose text has `fragment` in it.
    package func tamper(with fragment: String, times: Int = 1, _ tampering: Tampering) {
        self.state.withLock { $0.rules.append(Rule(fragment: fragment, left: times, tampering: tampering)) }
    }

    /// Tampers with nothing any more.
    package func stopTampering() { self.state.withLock { $0.rules = [] } }

    /// How many statements were tampered with: a test in which none was shows nothing.
    package var tamperedCount: Int { self.state.withLock { $0.tamperedCount } }

    package var dialect: Dialect { self.base.dialect }

    package func connection(in scope: DatabaseScope) -> any DatabaseConnection {
        Connection(base: self.base.connection(in: scope), database: self)
    }

    package func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        try await self.base.transaction(in: scope) { try await body(Connection(base: $0, database: self)) }
    }

    package func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await self.base.withMigrationLock(body)
    }

    package func close() async throws { try await self.base.close() }

    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? {
        self.base.notifications(on: channel, maxBuffered: maxBuffered)
    }

    package func announce(_ payload: String, on channel: NotificationChannel, over connection: any DatabaseConnection) async throws {
        try await self.base.announce(payload, on: channel, over: (connection as? Connection)?.base ?? connection)
    }

    private func run<Result>(_ statement: Statement, _ body: () async throws -> Result) async throws -> Result {
        let tampering = self.state.withLock { state -> Tampering? in
            guard let index = state.rules.firstIndex(where: { $0.left > 0 && statement.text.contains($0.fragment) }) else { return nil }
            state.rules[index].left -= 1
            state.tamperedCount += 1
            return state.rules[index].tampering
        }
        guard let tampering else { return try await body() }
        try await tampering.before()
        let result = try await body()
        try await tampering.after()
        return result
    }

    private struct Connection: DatabaseConnection {
        let base: any DatabaseConnection
        let database: TamperedDatabase

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            try await self.database.run(statement) { try await self.base.query(statement, values: values) }
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            try await self.database.run(statement) { try await self.base.execute(statement, values: values) }
        }
    }
}
