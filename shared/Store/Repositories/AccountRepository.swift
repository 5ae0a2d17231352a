import Database
package import Model

/// Who acts within an organization.
package struct AccountRepository: Sendable {
    let context: StoreContext

    /// Makes an account. One with an issuer and subject is unique in its organization.
    package func create(
        in organization: OrganizationID, id: AccountID = AccountID(), name: String, issuer: String? = nil, subject: String? = nil
    ) async throws -> Account {
        try self.check(name: name, issuer: issuer, subject: subject)
        return try await self.context.change(organization) { connection in
            try await Self.insert(id, name: name, issuer: issuer, subject: subject, in: organization, on: connection)
        }
    }

    /// Writes the row of an account within a transaction that raises the organization's revision or makes the organization.
    static func insert(
        _ id: AccountID, name: String, issuer: String? = nil, subject: String? = nil, in organization: OrganizationID,
        on connection: any DatabaseConnection
    ) async throws -> Account {
        let account = try await connection.first(
            """
            INSERT INTO accounts (organization_id, id, name, issuer, subject, created_at) VALUES ($1, $2, $3, $4, $5, {now})
            RETURNING \(Account.columns)
            """, organization, id, name, issuer, subject, as: Account.init)
        guard let account else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
        return account
    }

    /// One account of the organization, or nil.
    package func find(_ account: AccountID, in organization: OrganizationID) async throws -> Account? {
        try await self.context.connection(organization).first(
            "SELECT \(Account.columns) FROM accounts WHERE organization_id = $1 AND id = $2", organization, account, as: Account.init)
    }

    /// The account that an issuer's subject has in the organization, or nil.
    package func find(issuer: String, subject: String, in organization: OrganizationID) async throws -> Account? {
        try await self.context.connection(organization).first(
            "SELECT \(Account.columns) FROM accounts WHERE organization_id = $1 AND issuer = $2 AND subject = $3",
            organization, issuer, subject, as: Account.init)
    }

    /// The account of an issuer's subject, made at its first sign-in. Two sign-ins at once get the same one.
    package func findOrCreate(issuer: String, subject: String, name: String, in organization: OrganizationID) async throws -> Account {
        if let account = try await self.find(issuer: issuer, subject: subject, in: organization) { return account }
        do {
            return try await self.create(in: organization, name: name, issuer: issuer, subject: subject)
        } catch let error as StoreError where error.code == .alreadyExists {
            guard let account = try await self.find(issuer: issuer, subject: subject, in: organization) else { throw error }
            return account
        }
    }

    /// The organization's accounts, oldest first.
    package func list(in organization: OrganizationID, _ page: PageRequest = .first) async throws -> Page<Account> {
        let keyset = try Keyset(page, list: "accounts", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            "SELECT \(Account.columns) FROM accounts WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            organization, keyset.ascending, keyset.fetchCount, as: Account.init)
        return keyset.page(items) { [$0.id.rawValue] }
    }

    private func check(name: String, issuer: String?, subject: String?) throws(StoreError) {
        let maxBytes = self.context.limits.maxNameBytes
        try self.context.check(name, "the name", maxBytes: maxBytes)
        try self.context.check(issuer, "the issuer", maxBytes: maxBytes)
        try self.context.check(subject, "the subject", maxBytes: maxBytes)
    }
}
