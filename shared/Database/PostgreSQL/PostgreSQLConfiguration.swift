import CPostgres

/// Where a PostgreSQL database is, and the bounds of how it is used.
package struct PostgreSQLConfiguration: Sendable {
    /// A libpq connection string: a URL or keywords, with one or several hosts, `target_session_attrs`, `sslmode` and so on. It may hold
    /// a password, so that it never shows in descriptions.
    let connectionString: String
    /// Host, port, database and user, for messages.
    package let location: String

    /// How many connections are kept open when nothing is to be done; at least 1.
    package var minimumConnections = 1
    /// How many connections statements that commit alone are spread over. Connections beyond it are closed when nobody holds them.
    package var softConnections = 4
    /// How many connections there are at most. One of them is always left to statements that commit alone; at least 3.
    package var hardConnections = 10
    /// How many statements may be on their way through one connection at the same time.
    package var maxPipelined = 64
    /// How many statements and transactions may wait for a connection; one more is refused as `busy`.
    package var maxWaiters = 4096
    /// How long a statement or a transaction waits for a connection before it is `busy`.
    package var waitTimeout = Duration.seconds(10)
    /// How long a connection beyond the minimum stays open without work.
    package var idleTimeout = Duration.seconds(60)
    /// How long a connection may be without work before it is tried out.
    package var keepAliveInterval = Duration.seconds(30)
    /// How long connecting may take for each host, in whole seconds from 2; the connection string's `connect_timeout` goes before it.
    package var connectTimeout = Duration.seconds(5)
    /// How long opening waits for a database that is away, before it fails.
    package var startTimeout = Duration.seconds(10)
    /// How long statements wait for a database that went away to come back, before they fail at once and until it is back.
    package var outageGrace = Duration.seconds(2)
    /// The longest pause between two attempts to connect; the first is 50 ms, and each is twice the one before, scattered.
    package var maxReconnectPause = Duration.seconds(5)
    /// How long one statement may run in the server; `timeout`.
    package var statementTimeout = Duration.seconds(30)
    /// How much longer than ``statementTimeout`` a connection may say nothing while it has work before it is given up.
    package var answerGrace = Duration.seconds(5)
    /// How long a connection may leave one statement unanswered before others are kept from queueing behind it.
    package var stallThreshold = Duration.milliseconds(100)
    /// How long a transaction may last, from its start to its last statement, before it is rolled back with `timeout`.
    package var transactionTimeout = Duration.seconds(30)
    /// How often a transaction that lost against another one is run in all before it is `busy`.
    package var maxTransactionAttempts = 12
    /// How long a process waits while others bring the schema up to date.
    package var migrationTimeout = Duration.seconds(60)
    /// How many statements are kept prepared on each connection. 0 prepares none, for poolers that share connections.
    package var maxPreparedStatements = 256

    /// Takes a libpq connection string. Throws `unavailable` where libpq would not understand it, without quoting it.
    package init(_ connectionString: String) throws(DatabaseError) {
        self.connectionString = connectionString
        self.location = try Self.location(connectionString)
    }

    private static func location(_ connectionString: String) throws(DatabaseError) -> String {
        var message: UnsafeMutablePointer<CChar>?
        // The message quotes the string, and is thrown away.
        defer { PQfreemem(message) }
        guard let options = PQconninfoParse(connectionString, &message) else {
            throw DatabaseError(
                code: .unavailable,
                message: "the PostgreSQL connection string cannot be understood; write postgresql://user:password@host:port/database, "
                    + "special characters percent-encoded", isPermanent: true)
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let host = values["host"] ?? values["hostaddr"] ?? "the default host"
        let port = values["port"].map { ":\($0)" } ?? ""
        let user = values["user"].map { " as \($0)" } ?? ""
        return "\(host)\(port)/\(values["dbname"] ?? "")\(user)"
    }
}

extension PostgreSQLConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "PostgreSQL at \(self.location)" }
    package var debugDescription: String { self.description }
    /// Without the connection string: `dump` and test failures print a value's parts.
    package var customMirror: Mirror { Mirror(self, children: ["location": self.location]) }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000 }

    /// Seconds with their fraction.
    var seconds: Double { Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18 }
}
