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

    /// Whether somebody may act as the account; false for one that does not exist.
    package func isActive(_ account: AccountID, in organization: OrganizationID) async throws -> Bool {
        let rows = try await self.context.connection(organization).query(
            "SELECT id FROM accounts WHERE organization_id = $1 AND id = $2 AND disabled_at IS NULL", organization, account)
        return !rows.isEmpty
    }

    /// Lets nobody act as an account any more, with whatever key or token, and ends its open sessions with what runs in them. Its keys are
    /// not revoked: after ``enable(_:in:)`` they work again. Disabling twice keeps the first time.
    ///
    /// Throws `inUse` for the account that has the last admin key that works: without one nobody could enable it again.
    package func disable(_ account: AccountID, in organization: OrganizationID) async throws -> Account {
        try await self.context.change(organization) { connection in
            let holders: [AccountID] = try await connection.all(
                KeyRepository.adminHolders, organization, as: { try $0.single() })
            guard holders != [account] else {
                throw StoreError(
                    code: .inUse, message: "this account has the organization's last admin key; make one for another account first")
            }
            let disabled = try await connection.first(
                """
                UPDATE accounts SET disabled_at = COALESCE(disabled_at, {now}) WHERE organization_id = $1 AND id = $2
                RETURNING \(Account.columns)
                """, organization, account, as: Account.init)
            guard let disabled else { throw Self.notFound }
            let owners: [ReplicaID?] = try await connection.all(
                """
                UPDATE sessions SET state = 'closed', last_activity_at = {now}
                WHERE organization_id = $1 AND account_id = $2 AND state = 'open' RETURNING owner_replica
                """, organization, account, as: { try $0.single(ReplicaID?.self) })
            for owner in Set(owners.compactMap { $0 }) {
                try await self.context.database.announce(owner.rawValue, on: .closings, over: connection)
            }
            return disabled
        }
    }

    /// Lets its holder act as a disabled account again.
    package func enable(_ account: AccountID, in organization: OrganizationID) async throws -> Account {
        try await self.context.change(organization) { connection in
            let enabled = try await connection.first(
                """
                UPDATE accounts SET disabled_at = NULL WHERE organization_id = $1 AND id = $2 RETURNING \(Account.columns)
                """, organization, account, as: Account.init)
            guard let enabled else { throw Self.notFound }
            return enabled
        }
    }

    private static let notFound = StoreError(code: .notFound, message: "there is no such account")

    private func check(name: String, issuer: String?, subject: String?) throws(StoreError) {
        let maxBytes = self.context.limits.maxNameBytes
        try self.context.check(name, "the name", maxBytes: maxBytes)
        try self.context.check(issuer, "the issuer", maxBytes: maxBytes)
        try self.context.check(subject, "the subject", maxBytes: maxBytes)
    }
}
