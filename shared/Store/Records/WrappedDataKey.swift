import Database
package import Model

/// An organization's key for its secrets, encrypted under one of the installation's vault keys. Only the vault unwraps it.
package struct WrappedDataKey: Sendable, Hashable {
    /// Whether it may seal.
    package enum State: String, Sendable, Hashable, DatabaseConvertible {
        /// The newest, which seals; at most one of an organization.
        case active
        /// One that opens what it sealed, until that has been sealed anew. Never active again.
        case retired
    }

    /// Counts up from one within the organization.
    package let version: Int
    /// The vault key that wraps it.
    package let vaultKeyID: String
    package let wrapped: [UInt8]
    package let state: State
    /// Nil before it is stored.
    package let createdAt: Timestamp?

    /// A key that is about to be stored.
    package init(version: Int, vaultKeyID: String, wrapped: [UInt8]) {
        self.init(version: version, vaultKeyID: vaultKeyID, wrapped: wrapped, state: .active, createdAt: nil)
    }

    private init(version: Int, vaultKeyID: String, wrapped: [UInt8], state: State, createdAt: Timestamp?) {
        self.version = version
        self.vaultKeyID = vaultKeyID
        self.wrapped = wrapped
        self.state = state
        self.createdAt = createdAt
    }
}

extension WrappedDataKey {
    static let columns: Statement = "version, vault_key_id, wrapped, state, created_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            version: try row.next(), vaultKeyID: try row.next(), wrapped: try row.next(), state: try row.next(), createdAt: try row.next())
    }
}
