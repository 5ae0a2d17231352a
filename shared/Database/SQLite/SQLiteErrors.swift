import GRDB

extension DatabaseError {
    /// What GRDB reports, in our words and without the parameters that its own description carries.
    init(_ error: GRDB.DatabaseError, constraint: String? = nil) {
        let (code, message) = Self.meaning(of: error)
        self.init(code: code, message: message, constraint: constraint, nativeCode: Int(error.extendedResultCode.rawValue))
    }

    private static func meaning(of error: GRDB.DatabaseError) -> (Code, String) {
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID:
            return (.uniqueViolation, "a row with the same key exists already")
        case .SQLITE_CONSTRAINT_FOREIGNKEY:
            return (.foreignKeyViolation, "a row is referred to that does not exist, or would cease to exist")
        case .SQLITE_CONSTRAINT_CHECK: return (.checkViolation, "a value is outside of what its column admits")
        case .SQLITE_CONSTRAINT_NOTNULL: return (.notNullViolation, "a column that must have a value got none")
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return (.busy, "another process kept the database longer than the bound; try again later")
        case .SQLITE_READONLY: return (.readOnly, "the database admits no writes; check the file's and folder's permissions")
        case .SQLITE_FULL: return (.full, "the disk is full or the database has reached its bound; free some space")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return (.corrupted, "the file is damaged or is no database; restore a backup")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_NOMEM: return (.unavailable, "the database file cannot be opened")
        case .SQLITE_IOERR: return (.ioFailure, "reading or writing the database file failed")
        case .SQLITE_TOOBIG: return (.tooBig, "a value or a statement is larger than the database takes")
        // Its text names tables, columns and words of the statement, never values.
        default: return (.invalidStatement, error.message ?? "the statement is wrong")
        }
    }
}

/// Finds the names of violated constraints, so that errors carry the same names as PostgreSQL's.
enum SQLiteConstraints {
    /// The constraint's name from SQLite's message; for unique indexes, which SQLite reports by their columns, from the schema.
    static func name(for error: GRDB.DatabaseError, in connection: GRDB.Database) -> String? {
        guard error.resultCode == .SQLITE_CONSTRAINT, let message = error.message, let colon = message.firstIndex(of: ":") else {
            return nil
        }
        let detail = message[message.index(colon, offsetBy: 2, limitedBy: message.endIndex).map { $0..<message.endIndex } ?? colon..<colon]
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY:
            // An index over expressions is reported as: index 'name'.
            if detail.hasPrefix("index '") { return String(detail.dropFirst("index '".count).dropLast()) }
            return try? self.uniqueIndex(over: detail, in: connection)
        default: return String(detail)
        }
    }

    /// - Parameter columns: as in SQLite's message: `table.first, table.second`.
    private static func uniqueIndex(over columns: Substring, in connection: GRDB.Database) throws -> String? {
        let pairs = columns.split(separator: ",").map { $0.drop { $0 == " " }.split(separator: ".", maxSplits: 1) }
        guard let table = pairs.first?.first, pairs.allSatisfy({ $0.count == 2 && $0[0] == table }) else { return nil }
        let wanted = pairs.map { String($0[1]) }
        let indexes = try connection.cachedStatement(sql: #"SELECT name, origin FROM pragma_index_list(?1) WHERE "unique" = 1"#)
        for index in try Row.fetchAll(indexes, arguments: [String(table)]) {
            let (name, origin): (String, String) = (index[0], index[1])
            let statement = try connection.cachedStatement(sql: "SELECT name FROM pragma_index_info(?1) ORDER BY seqno")
            if try String?.fetchAll(statement, arguments: [name]) == wanted { return origin == "pk" ? "\(table)_pkey" : name }
        }
        return nil
    }
}
