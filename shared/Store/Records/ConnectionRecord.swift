import Database
package import Model

/// A connection as it is added.
package struct ConnectionDraft: Sendable {
    package var id: ConnectionID
    package var integration: IntegrationID
    package var owner: ToolAddress.Owner
    /// The person it belongs to; nil exactly when ``owner`` is the organization.
    package var account: AccountID?
    /// Unique per integration and owner.
    package var name: String
    package var method: String
    /// Where calls go instead of the integration's base URL.
    package var baseURL: String?

    package init(
        id: ConnectionID = ConnectionID(), integration: IntegrationID, owner: ToolAddress.Owner, account: AccountID?, name: String,
        method: String, baseURL: String? = nil
    ) {
        self.id = id
        self.integration = integration
        self.owner = owner
        self.account = account
        self.name = name
        self.method = method
        self.baseURL = baseURL
    }
}

/// A stored connection, without its credentials.
package struct ConnectionRecord: Sendable, Hashable {
    package let connection: Connection
    package let integrationSlug: String
    package let baseURL: String?
}

extension ConnectionRecord {
    /// Over `connections c` and `integrations i`.
    static let columns: Statement = "c.id, c.integration_id, c.owner, c.account_id, c.name, c.method, c.created_at, i.slug, c.base_url"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        let connection = Connection(
            id: try row.next(), integration: try row.next(), owner: try row.next(), account: try row.next(), name: try row.next(),
            method: try row.next(), createdAt: try row.next())
        self.init(connection: connection, integrationSlug: try row.next(), baseURL: try row.next())
    }
}

/// One credential, encrypted. Only the vault opens it.
package struct SealedSecret: Sendable, Hashable {
    /// Which of the owner's credentials it is: `token`, `password`, …
    package let name: String
    package let sealed: [UInt8]
    /// Which key sealed it.
    package let keyVersion: Int

    package init(name: String, sealed: [UInt8], keyVersion: Int) {
        self.name = name
        self.sealed = sealed
        self.keyVersion = keyVersion
    }
}

/// One credential, encrypted, with the row that it belongs to.
package struct PlacedSecret: Sendable, Hashable {
    /// The id of the connection.
    package let owner: String
    package let secret: SealedSecret
}
