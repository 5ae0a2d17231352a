package import Database
import Synchronization

/// A database that says nothing while a test wants that: statements wait until they are let go on or their task is cancelled, as with a
/// server that is cut off.
package final class StallingDatabase: Database {
    private struct State {
        var isStalled = false
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let base: any Database
    private let state = Mutex(State())

    /// Passes everything on to a database, until it is told otherwise.
    package init(_ base: any Database) { self.base = base }

    /// Lets statements hang from now on.
    package func stall() { self.state.withLock { $0.isStalled = true } }

    /// Lets all of them go on.
    package func goOn() {
        let waiting = self.state.withLock { state in
            state.isStalled = false
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Waits until a statement hangs.
    package func waitForVisitor() async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if state.waiting.isEmpty { state.watchers.append(continuation) }
                return !state.waiting.isEmpty
            }
            if isThere { continuation.resume() }
        }
    }

    package var dialect: Dialect { self.base.dialect }

    package func connection(in scope: DatabaseScope) -> any DatabaseConnection {
        Connection(base: self.base.connection(in: scope), database: self)
    }

    package func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        try await self.pass()
        return try await self.base.transaction(in: scope, body)
    }

    package func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await self.base.withMigrationLock(body)
    }

    package func close() async throws { try await self.base.close() }

    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? {
        self.base.notifications(on: channel, maxBuffered: maxBuffered)
    }

    private func pass() async throws {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let (isWaiting, watchers) = self.state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
                    guard state.isStalled, !Task.isCancelled else { return (false, []) }
                    state.waiting[id] = continuation
                    defer { state.watchers = [] }
                    return (true, state.watchers)
                }
                if !isWaiting { continuation.resume() }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
        try Task.checkCancellation()
    }

    /// Statements that commit alone.
    private struct Connection: DatabaseConnection {
        let base: any DatabaseConnection
        let database: StallingDatabase

        func query(_ statement: Statement, values: [DatabaseValue]) async throws -> [DatabaseRow] {
            try await self.database.pass()
            return try await self.base.query(statement, values: values)
        }

        func execute(_ statement: Statement, values: [DatabaseValue]) async throws -> Int {
            try await self.database.pass()
            return try await self.base.execute(statement, values: values)
        }
    }
}
