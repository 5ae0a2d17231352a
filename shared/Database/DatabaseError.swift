/// What went wrong in the database.
///
/// Neither the message nor the description ever carries a parameter or a row: both may be logged and shown to administrators.
package struct DatabaseError: Error, Sendable {
    /// A stable kind of failure. A struct around a private enum, so that adding one breaks no caller's switch.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String {
            case unavailable, busy, timeout, uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation, readOnly, full,
                corrupted
            case ioFailure, tooBig, invalidValue, migration, unexpectedValue, invalidStatement, closed, notPermitted
        }

        private let wrapped: Wrapped

        /// The database cannot be opened or reached.
        package static let unavailable = Code(wrapped: .unavailable)
        /// Another writer kept it longer than the bound, or too many wait already. The same call may succeed later.
        package static let busy = Code(wrapped: .busy)
        /// A transaction took longer than its bound and was rolled back.
        package static let timeout = Code(wrapped: .timeout)
        /// A row with the same key is there already; see ``DatabaseError/constraint``.
        package static let uniqueViolation = Code(wrapped: .uniqueViolation)
        /// A row refers to one that does not exist, or one that is referred to would go.
        package static let foreignKeyViolation = Code(wrapped: .foreignKeyViolation)
        /// A value is outside of what its column admits; see ``DatabaseError/constraint``.
        package static let checkViolation = Code(wrapped: .checkViolation)
        /// A column that must have a value got none.
        package static let notNullViolation = Code(wrapped: .notNullViolation)
        /// The file, its folder or the connection admits no writes.
        package static let readOnly = Code(wrapped: .readOnly)
        /// The database role may not do this, or row-level security forbids it.
        package static let notPermitted = Code(wrapped: .notPermitted)
        /// The disk or the database's own bound is reached.
        package static let full = Code(wrapped: .full)
        /// The file is not a database, or is damaged. Restore a backup.
        package static let corrupted = Code(wrapped: .corrupted)
        /// The operating system failed to read or write.
        package static let ioFailure = Code(wrapped: .ioFailure)
        /// A value or a statement is larger than the database takes.
        package static let tooBig = Code(wrapped: .tooBig)
        /// A text holds a NUL character, which PostgreSQL cannot store and SQLite would cut it at.
        package static let invalidValue = Code(wrapped: .invalidValue)
        /// The schema cannot be brought to this version.
        package static let migration = Code(wrapped: .migration)
        /// A row does not have the columns or types that its reader expects.
        package static let unexpectedValue = Code(wrapped: .unexpectedValue)
        /// The statement is wrong: a bug in Roost.
        package static let invalidStatement = Code(wrapped: .invalidStatement)
        /// The database was closed, or a transaction's connection was used after its end.
        package static let closed = Code(wrapped: .closed)

        package var description: String { self.wrapped.rawValue }
    }

    package let code: Code
    /// What happened, and where that is known, what to do about it.
    package let message: String
    /// The violated constraint's name, equal on both databases: the name of the unique index, `<table>_pkey`, or the CHECK's name.
    package let constraint: String?
    /// The database's own number for the error, for searching its documentation: SQLite's extended result code.
    package let nativeCode: Int?
    /// PostgreSQL's five characters for the error, for searching its documentation.
    package let sqlState: String?
    /// Whether the write may have happened: its connection died between the statement, or the COMMIT, and the answer. Look before
    /// writing again.
    package let isOutcomeUnknown: Bool
    /// Whether only a change of configuration can help, for example another password.
    package let isPermanent: Bool

    package init(
        code: Code, message: String, constraint: String? = nil, nativeCode: Int? = nil, sqlState: String? = nil,
        isOutcomeUnknown: Bool = false, isPermanent: Bool = false
    ) {
        self.code = code
        self.message = message
        self.constraint = constraint
        self.nativeCode = nativeCode
        self.sqlState = sqlState
        self.isOutcomeUnknown = isOutcomeUnknown
        self.isPermanent = isPermanent
    }

    /// Whether the same call may succeed later without any change: the database was away or in use.
    package var isTransient: Bool { [.unavailable, .busy, .timeout].contains(self.code) }

    /// What callers of a service are told when the database is away, in use or takes no writes, and after how many seconds they may ask
    /// again; nil for a defect of the program. Look at ``isOutcomeUnknown`` first: what was perhaps written is not to be asked for again.
    package var unavailability: (detail: String, retryAfterSeconds: Int)? {
        switch self.code {
        case .unavailable: ("The database does not answer. Try again.", 1)
        case .busy: ("The database is busy with other writes. Try again.", 1)
        case .timeout: ("The database took too long and did nothing. Try again.", 1)
        case .closed: ("The service stops. Try again.", 1)
        case .readOnly: ("The database admits no writes at the moment. Try again, or ask the installation's operator.", 10)
        case .full: ("The database has no room left. Try again, or ask the installation's operator.", 10)
        default: nil
        }
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String {
        let name = self.constraint.map { " (\($0))" } ?? ""
        let native = (self.sqlState ?? self.nativeCode.map(String.init)).map { " [\($0)]" } ?? ""
        return "\(self.code)\(name): \(self.message)\(native)"
    }
}
