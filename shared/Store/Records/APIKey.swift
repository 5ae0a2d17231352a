import Database
package import Model

/// One API key of an organization, without the key, which nobody can read again.
package struct APIKey: Sendable, Hashable {
    package let id: APIKeyID
    package let account: AccountID
    package let role: Principal.Role
    package let name: String
    package let createdAt: Timestamp
    /// When it stopped working; nil while it works.
    package let revokedAt: Timestamp?
    /// Exact to ``StoreLimits/touchInterval``; nil before the first use.
    package let lastUsedAt: Timestamp?
}

extension APIKey {
    static let columns: Statement = "id, account_id, role, name, created_at, revoked_at, last_used_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            id: try row.next(), account: try row.next(), role: try row.next(), name: try row.next(), createdAt: try row.next(),
            revokedAt: try row.next(), lastUsedAt: try row.next())
    }
}

/// One key of the installation: it creates and lists organizations and does nothing else.
package struct InstallationKey: Sendable, Hashable {
    package let id: APIKeyID
    package let name: String
    package let createdAt: Timestamp
    package let revokedAt: Timestamp?
    package let lastUsedAt: Timestamp?
}

extension InstallationKey {
    static let columns: Statement = "id, name, created_at, revoked_at, last_used_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            id: try row.next(), name: try row.next(), createdAt: try row.next(), revokedAt: try row.next(), lastUsedAt: try row.next())
    }
}

/// Whose a presented key is.
package enum KeyHolder: Sendable, Hashable {
    /// An organization's agent or admin key.
    case principal(Principal)
    /// The installation's.
    case installation(APIKeyID)
}
