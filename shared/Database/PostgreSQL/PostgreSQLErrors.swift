extension DatabaseError {
    /// What the server reports, in our words.
    ///
    /// PostgreSQL's DETAIL and most of its messages quote rows and parameters, so that they are dropped. Messages of class 42 quote
    /// only the statement, which holds no value.
    init(_ result: PostgreSQLResult) {
        let state = result.errorField(.sqlState) ?? "XX000"
        let (code, message) = Self.meaning(ofState: state)
        let primary = state.hasPrefix("42") ? result.errorField(.message) : nil
        self.init(
            code: code, message: primary.map { "\(message): \($0)" } ?? message, constraint: Self.constraint(state, result),
            sqlState: state)
    }

    /// What an error that the server has told nothing but the number of means.
    init(sqlState: String) {
        let (code, message) = Self.meaning(ofState: sqlState)
        self.init(code: code, message: message, sqlState: sqlState)
    }

    /// Whether the whole transaction may be run again because it lost against another one.
    var isConflict: Bool { self.sqlState == "40001" || self.sqlState == "40P01" }

    private static func constraint(_ state: String, _ result: PostgreSQLResult) -> String? {
        switch state {
        case "23505", "23514", "23P01": return result.errorField(.constraint)
        case "23502":
            guard let table = result.errorField(.table), let column = result.errorField(.column)
            else { return nil }
            return "\(table).\(column)"
        // SQLite does not tell which reference was violated.
        default: return nil
        }
    }

    private static func meaning(ofState state: String) -> (Code, String) {
        if let meaning = self.meanings[state] { return meaning }
        switch state.prefix(2) {
        case "08": return (.unavailable, "the connection to the database failed")
        case "22": return (.invalidValue, "a value has a form or size that its place in the statement does not admit")
        case "28", "3D": return (.unavailable, "the database refuses this user or has no such database; check user, password and name")
        case "42", "3F", "0A", "25", "26", "34": return (.invalidStatement, "the database refuses the statement")
        case "53": return (.unavailable, "the database server is short of a resource; look at its log")
        case "54": return (.tooBig, "a statement or value is larger than the database takes")
        case "57": return (.unavailable, "the database server interrupted the statement; try again later")
        case "58": return (.ioFailure, "the database server failed to read or write; look at its log")
        case "XX": return (.ioFailure, "the database server met an internal error; look at its log")
        default: return (.invalidStatement, "the database refuses the statement")
        }
    }

    private static let meanings: [String: (Code, String)] = [
        "22021": (.invalidValue, "a text holds bytes that cannot be stored"),
        "22P05": (.invalidValue, "a text holds a character that cannot be stored"),
        "23502": (.notNullViolation, "a column that must have a value got none"),
        "23503": (.foreignKeyViolation, "a row is referred to that does not exist, or would cease to exist"),
        "23001": (.foreignKeyViolation, "a row is referred to that does not exist, or would cease to exist"),
        "23505": (.uniqueViolation, "a row with the same key exists already"),
        "23P01": (.uniqueViolation, "a row that excludes this one exists already"),
        "23514": (.checkViolation, "a value is outside of what its column admits"),
        "25006": (.readOnly, "the database admits no writes; is it a standby, or default_transaction_read_only set?"),
        "25P02": (.closed, "an earlier statement failed, the transaction can only be rolled back"),
        "25P03": (.timeout, "the transaction was idle too long and is rolled back"),
        "25P04": (.timeout, "the transaction took too long and is rolled back"),
        "40001": (.busy, "the transaction met another one that changed the same rows, and is rolled back; try again"),
        "40P01": (.busy, "the transaction and another one waited for each other, and this one is rolled back; try again"),
        "42501": (.notPermitted, "the database role may not do this"),
        "53100": (.full, "the database server's disk is full; free some space"),
        "53300": (.busy, "the database server admits no further connection; raise its max_connections or lower the pools' sizes"),
        "53400": (.full, "a bound configured in the database server is reached"),
        "55P03": (.busy, "another transaction kept a lock longer than the bound; try again later"),
        "57014": (.timeout, "the statement took longer than its bound and was ended"),
        "57P01": (.unavailable, "the database server is shutting down or ended the connection; try again later"),
        "57P02": (.unavailable, "the database server crashed and restarts; try again later"),
        "57P03": (.unavailable, "the database server is starting up; try again later"),
        "57P04": (.unavailable, "the database was dropped"),
        "XX001": (.corrupted, "the database is damaged; restore a backup"),
        "XX002": (.corrupted, "an index of the database is damaged; rebuild it"),
    ]
}

/// Why a connection could not be made, and whether trying again can help.
enum PostgreSQLConnectFailure {
    /// Reads libpq's text, since libpq 15 gives no SQLSTATE at this stage. In another language than English the advice is general.
    static func error(_ text: String) -> DatabaseError {
        // libpq could not read the connection string, and quotes what it stumbled over, which may be a piece of the password.
        guard !self.isParseFailure(text) else {
            return DatabaseError(
                code: .unavailable, message: "the PostgreSQL connection string has a keyword or value that libpq does not take; correct it",
                isPermanent: true)
        }
        let known = self.advice.first { text.contains($0.text) }
        let (code, advice) = (known?.code ?? .unavailable, known?.advice ?? "check that it runs and can be reached from here")
        let line = text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" || $0 == " " } }.joined(separator: "; ")
        return DatabaseError(
            code: code, message: "the database cannot be reached; \(advice) (\(line.prefix(600)))", isPermanent: known?.isPermanent ?? false
        )
    }

    private static func isParseFailure(_ text: String) -> Bool {
        ["invalid port", "invalid connection option", "missing \"=\"", "could not match "].contains(where: text.hasPrefix)
            || (text.hasPrefix("invalid ") && text.contains(" value"))
    }

    private static let advice: [(text: String, code: DatabaseError.Code, advice: String, isPermanent: Bool)] = [
        ("password authentication failed", .unavailable, "check user and password", true),
        ("no password supplied", .unavailable, "give a password in the connection string", true),
        ("no pg_hba.conf entry", .unavailable, "admit this user from this address in the server's pg_hba.conf", true),
        ("certificate verify failed", .unavailable, "check sslrootcert: it must be the authority of the server's certificate", true),
        // OpenSSL's word when an authority of the right name has the wrong key.
        ("SSL error: EVP lib", .unavailable, "check sslrootcert: it must be the authority of the server's certificate", true),
        ("does not match host name", .unavailable, "connect by a name that the server's certificate has", true),
        ("root certificate file", .unavailable, "check sslrootcert", true),
        ("does not support SSL", .unavailable, "switch the server's ssl on, or choose another sslmode", true),
        ("does not exist", .unavailable, "create the user and the database, or correct their names", true),
        ("is not permitted to log in", .unavailable, "give the role the LOGIN attribute", true),
        ("starting up", .unavailable, "it is starting up; try again in a moment", false),
        ("shutting down", .unavailable, "it is shutting down; try again later", false),
        ("too many clients", .busy, "raise its max_connections or lower the pools' sizes", false),
        ("remaining connection slots", .busy, "raise its max_connections or lower the pools' sizes", false),
        ("too many connections", .busy, "raise its connection limits or lower the pools' sizes", false),
        ("session is read-only", .unavailable, "no server that was tried admits writes, as target_session_attrs demands", false),
        ("server is in hot standby mode", .unavailable, "no server that was tried is a primary, as target_session_attrs demands", false),
        ("could not translate host name", .unavailable, "check the host name and the resolver", false),
        ("Connection refused", .unavailable, "check that it runs and listens at this address", false),
        ("timeout expired", .unavailable, "check that it runs and that no firewall is between", false),
    ]
}
