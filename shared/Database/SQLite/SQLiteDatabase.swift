import GRDB

/// A SQLite file: one connection that writes, several that read.
///
/// Any number of processes of one machine may have it open. Within a process writers take turns in the order in which they came; among
/// processes SQLite's lock decides, and who waits too long gets `busy`. Readers never wait for writers: the log (WAL) lets them see the
/// last committed state. A write is on the disk when it is acknowledged.
package final class SQLiteDatabase: Database {
    package let dialect = Dialect.sqlite

    let statements = StatementCache(dialect: .sqlite)
    let writer: LeasePool<SQLiteHandle>
    let readers: LeasePool<SQLiteHandle>
    let clock: any Clock<Duration>
    private let file: SQLiteFile
    private let handles: [SQLiteHandle]
    private let configuration: SQLiteConfiguration
    private let announcements = LocalAnnouncements()

    /// Opens a file, and makes it where there is none: its folder with mode 0700, itself with 0600.
    ///
    /// - Parameters:
    ///   - path: absolute. Beside it stand SQLite's own `-wal` and `-shm` and our `.lock`.
    ///   - clock: measures time-outs; tests inject their own.
    package static func open(
        path: String, configuration: SQLiteConfiguration = SQLiteConfiguration(), clock: any Clock<Duration> = ContinuousClock()
    ) async throws -> SQLiteDatabase {
        let file = SQLiteFile(path: path)
        let handles = try await BlockingWork.run {
            do {
                return try Self.openHandles(file, configuration)
            } catch let error as GRDB.DatabaseError {
                throw DatabaseError(error)
            }
        }
        return SQLiteDatabase(file: file, handles: handles, configuration: configuration, clock: clock)
    }

    private init(file: SQLiteFile, handles: [SQLiteHandle], configuration: SQLiteConfiguration, clock: any Clock<Duration>) {
        self.file = file
        self.handles = handles
        self.configuration = configuration
        self.clock = clock
        self.writer = LeasePool(
            Array(handles.prefix(1)), name: "the database's writer", maxWaiters: configuration.maxWaiters,
            timeout: configuration.busyTimeout,
            clock: clock)
        self.readers = LeasePool(
            Array(handles.dropFirst()), name: "a database reader", maxWaiters: configuration.maxWaiters, timeout: configuration.busyTimeout,
            clock: clock)
    }

    package func connection(in scope: DatabaseScope) -> any DatabaseConnection { SQLiteAutocommit(database: self) }

    package func transaction<Result: Sendable>(
        in scope: DatabaseScope, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        OpenTransactions.preconditionNone(on: self)
        return try await self.writer.withLease { handle in
            try await handle.begin()
            let transaction = SQLiteTransaction(
                handle: handle, statements: self.statements, timeout: self.configuration.transactionTimeout, clock: self.clock)
            do {
                let result = try await OpenTransactions.within(self) { try await body(transaction) }
                try transaction.end()
                try Task.checkCancellation()
                try await handle.commit()
                for announcement in transaction.announcements { self.announcements.deliver(announcement) }
                return result
            } catch {
                // Whatever failed first, the body has thrown it on.
                try? transaction.end()
                await handle.rollback()
                throw error
            }
        }
    }

    package func withMigrationLock<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let path = self.file.lockPath
        let timeout = self.configuration.migrationTimeout
        let lock = try await BlockingWork.run { try FileLock(path: path, timeout: timeout) }
        defer { withExtendedLifetime(lock) {} }
        return try await body()
    }

    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? {
        self.announcements.join(channel, maxBuffered: maxBuffered)
    }

    package func announce(_ payload: String, on channel: NotificationChannel, over connection: any DatabaseConnection) async throws {
        try DatabaseNotifications.check(payload)
        let announcement = LocalAnnouncements.Pending(payload: payload, channel: channel)
        if let transaction = connection as? SQLiteTransaction {
            transaction.announce(announcement)
        } else {
            self.announcements.deliver(announcement)
        }
    }

    /// Closes every connection; statements and transactions from now on fail with `closed`. Those under way must have ended.
    package func close() async throws {
        self.announcements.close()
        self.writer.close()
        self.readers.close()
        for handle in self.handles { try await handle.close() }
    }

    /// The writer first. Under the lock, because two processes that turn a new file to WAL at the same moment fail.
    private static func openHandles(_ file: SQLiteFile, _ configuration: SQLiteConfiguration) throws -> [SQLiteHandle] {
        func open() throws -> [SQLiteHandle] {
            try (0...max(1, configuration.readerCount)).map {
                try SQLiteHandle(file: file, isWriter: $0 == 0, configuration: configuration)
            }
        }
        guard !configuration.isReadOnly else { return try open() }
        try file.prepare()
        let lock = try FileLock(path: file.lockPath, timeout: configuration.migrationTimeout)
        return try withExtendedLifetime(lock) { try open() }
    }
}
