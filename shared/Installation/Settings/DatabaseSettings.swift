package import Database
package import Service
import Store

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where state is kept.
///
/// Configuration keys:
/// - `roost.database.url` (text, required): `sqlite:` and the path of the database file, or a PostgreSQL URL.
/// - `roost.database.owner_url` (text): the PostgreSQL URL that `roost migrate` uses.
/// - `roost.database.service_role` (text): the role that services connect as.
/// - the bounds below.
package struct DatabaseSettings: Sendable {
    /// The two databases that there are.
    package enum Place: Sendable {
        /// A file on this machine.
        case sqlite(path: String, SQLiteConfiguration)
        /// A server, and how the owner of the tables reaches it where that differs.
        case postgreSQL(PostgreSQLConfiguration, owner: PostgreSQLConfiguration?)
    }

    package let place: Place
    /// The PostgreSQL role that services connect as.
    package let serviceRole: String

    package init(_ reader: inout SettingsReader) {
        let url = reader.requiredString(
            "roost.database.url",
            "Where state is kept: `sqlite:` and the path of the database file, or `postgresql://user@host/database` as libpq takes it "
                + "(several hosts, `sslmode`, `passfile` and so on).")
        let ownerURL = reader.optionalString(
            "roost.database.owner_url",
            "PostgreSQL: the URL for the role that owns the tables, which `roost migrate` alone uses; without it the same as `url`.")
        self.serviceRole = reader.string(
            "roost.database.service_role", default: Store.defaultServiceRole, "PostgreSQL: the role that services connect as.")
        let bounds = Bounds(&reader)
        if url.hasPrefix("postgresql://") || url.hasPrefix("postgres://") {
            let configuration = bounds.postgreSQL(url, "roost.database.url", &reader)
            let owner = ownerURL.flatMap { bounds.postgreSQL($0, "roost.database.owner_url", &reader) }
            // A fault was recorded where there is none; nothing is opened then.
            self.place = configuration.map { .postgreSQL($0, owner: owner) } ?? .sqlite(path: "", bounds.sqlite)
            return
        }
        if !url.isEmpty, !url.hasPrefix("sqlite:/") {
            reader.fault(
                "roost.database.url",
                "must be `sqlite:` and an absolute path, such as sqlite:/var/lib/roost/roost.db, or a URL that begins with postgresql://")
        }
        if ownerURL != nil { reader.fault("roost.database.owner_url", "is for PostgreSQL; leave it out with SQLite") }
        self.place = .sqlite(path: String(url.dropFirst("sqlite:".count)), bounds.sqlite)
    }

    /// Where it is, without a password.
    var location: String {
        switch self.place {
        case .sqlite(let path, _): path
        case .postgreSQL(let configuration, _): configuration.location
        }
    }

    /// Opens the database as services do.
    ///
    /// - Parameter transactionTimeout: How long one transaction may last, where that is not what is configured.
    package func open(transactionTimeout: Duration? = nil) async throws -> any Database {
        switch self.place {
        case .sqlite(let path, var configuration):
            if let transactionTimeout { configuration.transactionTimeout = transactionTimeout }
            return try await SQLiteDatabase.open(path: path, configuration: configuration)
        case .postgreSQL(let configuration, _):
            return try await PostgreSQLDatabase.open(Self.lasting(transactionTimeout, configuration))
        }
    }

    /// Opens the database without making one; nil when there is none. A SQLite file is opened for reading only.
    package func openExisting() async throws -> (any Database)? {
        guard case .sqlite(let path, var configuration) = self.place else { return try await self.open() }
        guard access(path, F_OK) == 0 else { return nil }
        configuration.isReadOnly = true
        return try await SQLiteDatabase.open(path: path, configuration: configuration)
    }

    /// Opens the database as the owner of its tables, for changes of the schema and for what must see all organizations.
    package func openAsOwner(transactionTimeout: Duration? = nil) async throws -> any Database {
        guard case .postgreSQL(_, let owner?) = self.place else { return try await self.open(transactionTimeout: transactionTimeout) }
        return try await PostgreSQLDatabase.open(Self.lasting(transactionTimeout, owner))
    }

    /// With transactions that may last so long, silent ones too: whoever asks for that waits for files and people in the middle of them.
    private static func lasting(_ timeout: Duration?, _ configuration: PostgreSQLConfiguration) -> PostgreSQLConfiguration {
        guard let timeout else { return configuration }
        var configuration = configuration
        configuration.transactionTimeout = timeout
        configuration.silentTransactionTimeout = timeout
        return configuration
    }
}

/// The bounds of both databases.
private struct Bounds {
    var sqlite = SQLiteConfiguration()
    private let softConnections: Int
    private let hardConnections: Int
    private let maxWaiters: Int
    private let statementTimeout: Duration
    private let startTimeout: Duration
    private let peerTimeout: Duration

    /// PostgreSQL takes bounds as milliseconds in 32 bits with a sign, which end within the 25th day.
    private static let admitted: ClosedRange<Duration> = .milliseconds(1) ... .seconds(24 * 86_400)

    init(_ reader: inout SettingsReader) {
        self.sqlite.readerCount = reader.integer(
            "roost.database.reader_count", default: self.sqlite.readerCount, in: 1...64,
            "SQLite: statements that read at the same time in one process.")
        self.maxWaiters = reader.integer(
            "roost.database.max_waiters", default: self.sqlite.maxWaiters, in: 1...1_000_000,
            "Statements that wait for a reader or a connection, and transactions that wait; what comes beyond is refused.")
        self.sqlite.maxWaiters = self.maxWaiters
        self.sqlite.busyTimeout = reader.duration(
            "roost.database.busy_timeout", default: self.sqlite.busyTimeout, in: Self.admitted,
            "How long a statement waits for its turn in the process, and on SQLite again for other processes.")
        self.sqlite.transactionTimeout = reader.duration(
            "roost.database.transaction_timeout", default: self.sqlite.transactionTimeout, in: Self.admitted,
            "How long one transaction may last.")
        self.sqlite.migrationTimeout = reader.duration(
            "roost.database.migration_timeout", default: self.sqlite.migrationTimeout, in: Self.admitted,
            "How long a start waits while another process brings the schema up to date.")
        self.softConnections = reader.integer(
            "roost.database.soft_connections", default: 4, in: 1...1000,
            "PostgreSQL: connections of one process over which statements that commit alone are spread.")
        self.hardConnections = reader.integer(
            "roost.database.max_connections", default: 10, in: 3...1000, "PostgreSQL: connections of one process at most.")
        self.statementTimeout = reader.duration(
            "roost.database.statement_timeout", default: .seconds(30), in: .milliseconds(100) ... .seconds(3600),
            "PostgreSQL: how long one statement may run.")
        self.startTimeout = reader.duration(
            "roost.database.start_timeout", default: .seconds(10), in: .seconds(1) ... .seconds(3600),
            "PostgreSQL: how long a start waits for a database that is away.")
        self.peerTimeout = reader.duration(
            "roost.database.peer_timeout", default: .seconds(3), in: .seconds(1) ... .seconds(600),
            "PostgreSQL: after how long a server that takes nothing any more, because its machine or the network is gone, is given up.")
        if self.softConnections > self.hardConnections {
            reader.fault("roost.database.soft_connections", "must not be more than max_connections")
        }
    }

    /// The configuration of a server; nil, with a fault, where the URL cannot be understood.
    func postgreSQL(_ url: String, _ key: String, _ reader: inout SettingsReader) -> PostgreSQLConfiguration? {
        do {
            var configuration = try PostgreSQLConfiguration(url)
            configuration.softConnections = self.softConnections
            configuration.hardConnections = self.hardConnections
            configuration.maxWaiters = self.maxWaiters
            configuration.waitTimeout = self.sqlite.busyTimeout
            configuration.transactionTimeout = self.sqlite.transactionTimeout
            configuration.migrationTimeout = self.sqlite.migrationTimeout
            configuration.statementTimeout = self.statementTimeout
            configuration.startTimeout = self.startTimeout
            configuration.peerTimeout = self.peerTimeout
            return configuration
        } catch {
            reader.fault(key, error.message)
            return nil
        }
    }
}
