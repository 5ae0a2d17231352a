package import Model

/// A value as both databases store it: SQL's NULL and the four types that Roost's schema uses.
package enum DatabaseValue: Sendable, Hashable {
    case null
    /// BIGINT. Times are microseconds since the Unix epoch in this form.
    case integer(Int64)
    /// DOUBLE PRECISION.
    case real(Double)
    /// TEXT, in UTF-8.
    case text(String)
    /// BLOB in SQLite, BYTEA in PostgreSQL.
    case blob([UInt8])

    /// The type's name for messages; never the value.
    var typeName: String {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        }
    }
}

/// A type that goes into statements as a parameter and comes out of rows.
package protocol DatabaseConvertible: Sendable {
    /// The value as it is stored.
    var databaseValue: DatabaseValue { get }
    /// Takes a stored value; nil when it has the wrong type or form.
    init?(databaseValue: DatabaseValue)
}

extension DatabaseValue: DatabaseConvertible {
    package var databaseValue: DatabaseValue { self }
    package init?(databaseValue: DatabaseValue) { self = databaseValue }
}

extension String: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .text(self) }

    package init?(databaseValue: DatabaseValue) {
        guard case .text(let text) = databaseValue else { return nil }
        self = text
    }
}

extension Int64: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .integer(self) }

    package init?(databaseValue: DatabaseValue) {
        guard case .integer(let integer) = databaseValue else { return nil }
        self = integer
    }
}

extension Int: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .integer(Int64(self)) }

    package init?(databaseValue: DatabaseValue) {
        guard case .integer(let integer) = databaseValue else { return nil }
        self.init(exactly: integer)
    }
}

/// Stored as 0 and 1, because PostgreSQL's BOOLEAN has no counterpart in SQLite.
extension Bool: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .integer(self ? 1 : 0) }

    package init?(databaseValue: DatabaseValue) {
        switch databaseValue {
        case .integer(0): self = false
        case .integer(1): self = true
        default: return nil
        }
    }
}

extension Double: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .real(self) }

    package init?(databaseValue: DatabaseValue) {
        guard case .real(let real) = databaseValue else { return nil }
        self = real
    }
}

extension [UInt8]: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .blob(self) }

    package init?(databaseValue: DatabaseValue) {
        guard case .blob(let bytes) = databaseValue else { return nil }
        self = bytes
    }
}

extension Optional: DatabaseConvertible where Wrapped: DatabaseConvertible {
    package var databaseValue: DatabaseValue { self?.databaseValue ?? .null }

    package init?(databaseValue: DatabaseValue) {
        if case .null = databaseValue {
            self = .none
        } else if let value = Wrapped(databaseValue: databaseValue) {
            self = .some(value)
        } else {
            return nil
        }
    }
}

extension Timestamp: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .integer(self.microseconds) }

    package init?(databaseValue: DatabaseValue) {
        guard case .integer(let microseconds) = databaseValue else { return nil }
        self.init(microseconds: microseconds)
    }
}

extension DatabaseConvertible where Self: PublicID {
    package var databaseValue: DatabaseValue { .text(self.rawValue) }

    /// Only well-formed identifiers are ever written, so that they are not parsed again.
    package init?(databaseValue: DatabaseValue) {
        guard case .text(let text) = databaseValue else { return nil }
        self.init(trusted: text)
    }
}

extension DatabaseConvertible where Self: RawRepresentable, RawValue == String {
    package var databaseValue: DatabaseValue { .text(self.rawValue) }

    package init?(databaseValue: DatabaseValue) {
        guard case .text(let text) = databaseValue else { return nil }
        self.init(rawValue: text)
    }
}

extension OrganizationID: DatabaseConvertible {}
extension AccountID: DatabaseConvertible {}
extension IntegrationID: DatabaseConvertible {}
extension ConnectionID: DatabaseConvertible {}
extension PolicyID: DatabaseConvertible {}
extension ExecutionID: DatabaseConvertible {}
extension APIKeyID: DatabaseConvertible {}
extension ReplicaID: DatabaseConvertible {}
extension SessionRecordID: DatabaseConvertible {}
extension SessionStreamID: DatabaseConvertible {}
extension ToolEffect: DatabaseConvertible {}
extension PolicyAction: DatabaseConvertible {}
extension CallOutcome: DatabaseConvertible {}
extension ExecutionState: DatabaseConvertible {}
extension ToolAddress.Owner: DatabaseConvertible {}
extension Integration.Kind: DatabaseConvertible {}
extension Principal.Role: DatabaseConvertible {}
