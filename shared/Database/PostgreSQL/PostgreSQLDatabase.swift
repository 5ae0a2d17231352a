import Synchronization

/// A PostgreSQL database, for any number of processes on any number of machines.
///
/// Statements that commit alone share connections and travel in pipelines. A transaction has a connection to itself; when it is in another
/// one's way (a deadlock, a serialization failure) its whole body is run again, so that a body must have no effect but on the database.
/// Statements read what was committed before each of them (READ COMMITTED): serializable transactions lock whole small tables for one
/// another, across organizations, and the longest one would always lose. The organization of a scope is set in the statement's own transaction, and is gone with it.
///
/// Connections are opened when they are needed and after an outage, without anyone's doing.
package final class PostgreSQLDatabase: Database {
    package let dialect = Dialect.postgreSQL
    package let configuration: PostgreSQLConfiguration

    let statements = StatementCache(dialect: .postgreSQL)
    let pool: PostgreSQLPool
    private let listener: PostgreSQLListener
    private let clock: any Clock<Duration>
    /// Lets one task of this process try for the migration lock at a time: those who wait hold no connection.
    private let migrationTurn: LeasePool<Bool>

    /// Connects, and waits up to ``PostgreSQLConfiguration/startTimeout`` for a database that is away.
    ///
    /// Throws ``DatabaseError`` `unavailable`, at once where only another configuration can help.
    /// - Parameter clock: measures how long transactions last and the pauses between their attempts; tests inject their own.
    package static func open(
        _ configuration: PostgreSQLConfiguration, clock: any Clock<Duration> = ContinuousClock()
    ) async throws -> PostgreSQLDatabase {
        let database = PostgreSQLDatabase(configuration, clock: clock)
        do {
            try await database.connectFirst()
            return database
        } catch {
            await database.close()
            throw error
        }
    }

    private init(_ configuration: PostgreSQLConfiguration, clock: any Clock<Duration>) {
        self.configuration = configuration
        self.clock = clock
        self.pool = PostgreSQLPool(configuration)
        self.listener = PostgreSQLListener(configuration)
        self.migrationTurn = LeasePool(
            [true], name: "the migration lock", maxWaiters: configuration.maxWaiters, timeout: configuration.migrationTimeout, clock: clock)
    }

    deinit {
        self.pool.abandon()
        self.listener.abandon()
    }

    package func connection(in scope: DatabaseScope) -> any DatabaseConnection { PostgreSQLAutocommit(database: self, scope: scope) }

    package func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        OpenTransactions.preconditionNone(on: self)
        var attempt = 1
        var interruptions = 0
        while true {
            switch try await self.attempt(in: scope, body) {
            case .committed(let result): return result
            case .conflicted(let error):
                guard attempt < self.configuration.maxTransactionAttempts else {
                    throw DatabaseError(
                        code: .busy, message: "the transaction lost against others \(attempt) times; try again later",
                        sqlState: error.sqlState)
                }
            case .interrupted(let error):
                // What was in the way was not this transaction; after a restart of the server other connections may be dead as well.
                interruptions += 1
                guard interruptions < Self.maxInterruptions else { throw error }
            }
            // Those who have lost often leave the field to the others for a while.
            let most = min(Duration.milliseconds(1) * (1 << min(attempt, 8)), .milliseconds(250))
            try await self.clock.sleep(for: most * Double.random(in: 0.5...1))
            attempt += 1
        }
    }

    package func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await self.migrationTurn.withLease { _ in
            let link = try await self.pool.lease(.exclusive)
            // The connection goes, and the lock with it, however this ends.
            defer { self.pool.giveBack(link, isUsable: false) }
            do {
                try await self.takeMigrationLock(on: link)
            } catch let error as PostgreSQLLinkError {
                throw error.reason
            }
            return try await body()
        }
    }

    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? {
        self.listener.join(channel, maxBuffered: maxBuffered)
    }

    /// Closes every connection; statements and transactions from now on fail with `closed`. Those under way must have ended.
    package func close() async {
        self.migrationTurn.close()
        await self.listener.close()
        await self.pool.close()
    }
}

// MARK: Transactions

extension PostgreSQLDatabase {
    /// How often a transaction is begun whose connection dies.
    private static let maxInterruptions = 3

    private enum Attempt<Result: Sendable>: Sendable {
        case committed(Result)
        /// Rolled back because of another transaction.
        case conflicted(DatabaseError)
        /// The connection ended before COMMIT was sent, or a prepared statement met a table that has changed: nothing happened.
        case interrupted(DatabaseError)
    }

    private func attempt<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Attempt<Result> {
        let link = try await self.pool.lease(.exclusive)
        let transaction = PostgreSQLTransaction(
            link: link, statements: self.statements, scope: scope, timeout: self.configuration.transactionTimeout, clock: self.clock)
        var isUsable = false
        defer { self.pool.giveBack(link, isUsable: isUsable) }
        let outcome: Swift.Result<Result, any Error>
        do {
            let result = try await OpenTransactions.within(self) { try await body(transaction) }
            try Task.checkCancellation()
            outcome = .success(result)
        } catch {
            outcome = .failure(error)
        }
        switch transaction.end() {
        case .empty:
            isUsable = true
            return .committed(try outcome.get())
        case .failed(let error):
            isUsable = await self.rollBack(link)
            try Task.checkCancellation()
            if let error = error as? DatabaseError, error.isConflict { return .conflicted(error) }
            if let error = error as? DatabaseError, error.isStalePlan { return .interrupted(error) }
            // Of a connection that was ended because the transaction took too long there is nothing to repeat.
            if let error = error as? PostgreSQLLinkError, ![.closed, .timeout].contains(error.reason.code) {
                return .interrupted(error.reason)
            }
            // What the body threw tells more, if it threw at all.
            _ = try outcome.get()
            throw (error as? PostgreSQLLinkError)?.reason ?? error
        case .open:
            guard case .success(let result) = outcome else {
                isUsable = await self.rollBack(link)
                return .committed(try outcome.get())
            }
            if let conflict = try await self.commit(link) {
                isUsable = true
                return .conflicted(conflict)
            }
            isUsable = true
            return .committed(result)
        }
    }

    /// The error of a conflict that showed only now, or nil when the transaction is committed for good.
    private func commit(_ link: PostgreSQLLink) async throws -> DatabaseError? {
        do {
            let result = try await link.performToTheEnd("COMMIT")
            guard result.command == "COMMIT" else {
                throw DatabaseError(code: .closed, message: "the transaction had failed and is rolled back")
            }
            return nil
        } catch PostgreSQLLinkError.lost(let error) {
            throw DatabaseError(
                code: .unavailable, message: "\(error.message); whether the transaction was committed is not known",
                sqlState: error.sqlState, isOutcomeUnknown: true)
        } catch PostgreSQLLinkError.notSent(let error) {
            throw error
        } catch let error as DatabaseError where error.isConflict {
            return error
        }
    }

    /// Whether the connection is good for others.
    private func rollBack(_ link: PostgreSQLLink) async -> Bool {
        (try? await link.performToTheEnd("ROLLBACK").command) == "ROLLBACK"
    }
}

// MARK: Opening and locking

extension PostgreSQLDatabase {
    /// One number for all of Roost, in the database's own space of advisory locks: the ASCII codes of "roost".
    private static let migrationLock: Int64 = 0x72_6F_6F_73_74

    private func connectFirst() async throws {
        self.pool.open()
        let deadline = ContinuousClock.now.advanced(by: self.configuration.startTimeout)
        while true {
            do {
                _ = try await self.connection(in: .installation).query("SELECT 1")
                return
            } catch let error as DatabaseError where error.isTransient && !error.isPermanent && ContinuousClock.now < deadline {
                try await ContinuousClock().sleep(for: .milliseconds(100))
            }
        }
    }

    /// Asks again and again: a statement that waited in the server would run into its time-out there.
    private func takeMigrationLock(on link: PostgreSQLLink) async throws {
        let deadline = ContinuousClock.now.advanced(by: self.configuration.migrationTimeout)
        let parameters = try PostgreSQLParameters([.integer(Self.migrationLock)])
        while true {
            let result = try await link.perform("SELECT pg_try_advisory_lock($1)", parameters, role: .init())
            if try result.rows().first?.values.first == .integer(1) { return }
            guard ContinuousClock.now < deadline else {
                throw DatabaseError(
                    code: .busy, message: "another process kept the migration lock for \(self.configuration.migrationTimeout)")
            }
            try await ContinuousClock().sleep(for: .milliseconds(Int64.random(in: 10...40)))
        }
    }
}

extension DatabaseError {
    /// Whether a prepared statement met a table that has changed since. It is prepared anew the next time.
    fileprivate var isStalePlan: Bool { self.sqlState == "0A000" || self.sqlState == "26000" }
}
