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
    package var connectTimeout = Duration.seconds(3)
    /// After how long a server that takes nothing any more, not even a sign of life, counts as gone: its machine is, or the network. The
    /// connection string's `tcp_user_timeout` and `keepalives_…` go before it. Shorter than a lease, so that a process which finds another
    /// way to its database keeps its own.
    package var peerTimeout = Duration.seconds(3)
    /// How long opening waits for a database that is away, before it fails.
    package var startTimeout = Duration.seconds(10)
    /// How long statements wait for a database that went away to come back, before they fail at once and until it is back.
    package var outageGrace = Duration.seconds(2)
    /// The longest pause between two attempts to connect; the first is 50 ms, and each is twice the one before, scattered. Well within a
    /// second, so that a server which is back is used at once.
    package var maxReconnectPause = Duration.milliseconds(500)
    /// How long one statement may run in the server; `timeout`.
    package var statementTimeout = Duration.seconds(30)
    /// How much longer than ``statementTimeout`` a connection may say nothing while it has work before it is given up.
    package var answerGrace = Duration.seconds(5)
    /// How long the end of a transaction whose task was cancelled is waited for before its connection is given up.
    package var cancelledGrace = Duration.seconds(1)
    /// How long a connection may leave one statement unanswered before others are kept from queueing behind it.
    package var stallThreshold = Duration.milliseconds(100)
    /// How long a transaction may last, from its start to its last statement, before it is rolled back with `timeout`.
    package var transactionTimeout = Duration.seconds(30)
    /// How long the server keeps a transaction, and what it has locked, whose client sends nothing; then it is rolled back with `timeout`.
    /// No longer than a lease lasts: somebody cut off in the middle of one would keep everybody waiting who is to take over.
    package var silentTransactionTimeout = Duration.seconds(5)
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
        // libpq ends a password at its first `@` or `/` and takes the rest for a host or a port, which messages quote.
        guard PostgreSQLURL.isUnambiguous(connectionString) else { throw Self.notUnderstood }
        var message: UnsafeMutablePointer<CChar>?
        // The message quotes the string, and is thrown away.
        defer { PQfreemem(message) }
        guard let options = PQconninfoParse(connectionString, &message) else {
            throw Self.notUnderstood
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        guard PostgreSQLURL.areHosts(values["host"] ?? ""), PostgreSQLURL.arePorts(values["port"] ?? "") else { throw Self.notUnderstood }
        let host = values["host"] ?? values["hostaddr"] ?? "the default host"
        let port = values["port"].map { ":\($0)" } ?? ""
        let user = values["user"].map { " as \($0)" } ?? ""
        return "\(host)\(port)/\(values["dbname"] ?? "")\(user)"
    }

    /// Quotes nothing: any part of what was not understood may be one of the password.
    private static let notUnderstood = DatabaseError(
        code: .unavailable,
        message: "the PostgreSQL connection string cannot be understood; write postgresql://user:password@host:port/database, and in user, "
            + "password and database %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and %25 for %", isPermanent: true)
}

/// Which connection strings leave no doubt about where the password ends.
private enum PostgreSQLURL {
    /// Whether no unencoded character of the password can have become part of something else. True of what is no URL.
    static func isUnambiguous(_ text: String) -> Bool {
        guard let scheme = ["postgresql://", "postgres://"].first(where: text.hasPrefix) else { return true }
        var rest = text.dropFirst(scheme.count)
        if let at = rest.firstIndex(of: "@"), !rest[..<at].contains("/") { rest = rest[rest.index(after: at)...] }
        let hosts = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(hosts.count).prefix { $0 != "?" }
        return !hosts.contains("@") && !path.contains("@") && hosts.split(separator: ",").allSatisfy(self.isHost)
    }

    /// Whether a host of the URL is a name, an address or an IPv6 address in brackets, with a port behind it or none.
    private static func isHost(_ text: Substring) -> Bool {
        var rest = text
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return false }
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count <= 2 && (parts.count < 2 || self.arePorts(parts[1]))
    }

    /// Whether each port of a list is a number, or left out.
    static func arePorts(_ list: some StringProtocol) -> Bool {
        list.split(separator: ",").allSatisfy { port in
            port.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && (1...65_535).contains(Int(port) ?? 0)
        }
    }

    /// Whether each host of a list is none that holds a piece of a password: `@` stands only in a socket's path, or before its name.
    static func areHosts(_ list: String) -> Bool {
        list.split(separator: ",").allSatisfy { $0.hasPrefix("/") || !$0.dropFirst().contains("@") }
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
