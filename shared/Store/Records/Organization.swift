import Database
package import Model

/// A tenant.
package struct Organization: Sendable, Hashable {
    package let id: OrganizationID
    package let name: String
    /// Unique in the installation.
    package let slug: String
    package let createdAt: Timestamp
}

extension Organization {
    static let columns: Statement = "organization_id, name, slug, created_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(id: try row.next(), name: try row.next(), slug: try row.next(), createdAt: try row.next())
    }
}

/// Who acts within an organization.
package struct Account: Sendable, Hashable {
    package let id: AccountID
    package let name: String
    /// The token issuer that vouches for it, with ``subject``; nil for an account that only has keys.
    package let issuer: String?
    package let subject: String?
    /// Since when nobody may act as this account; nil while its holder may.
    package let disabledAt: Timestamp?
    package let createdAt: Timestamp
}

extension Account {
    static let columns: Statement = "id, name, issuer, subject, disabled_at, created_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            id: try row.next(), name: try row.next(), issuer: try row.next(), subject: try row.next(), disabledAt: try row.next(),
            createdAt: try row.next())
    }
}
