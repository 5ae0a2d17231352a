import Database
package import Model

/// API keys. Only a key's hash is stored; the key itself is shown once, by whoever made it.
package struct KeyRepository: Sendable {
    /// What a presented key turned out to be.
    package struct Found: Sendable, Hashable {
        package let holder: KeyHolder
        /// Whether the stored last use is old enough that ``KeyRepository/touch(_:)`` should be called; tells it without a write.
        package let isTouchDue: Bool
    }

    /// Whether a key works, worked once or was never stored.
    package enum Standing: Sendable, Hashable {
        case active, revoked, absent
    }

    let context: StoreContext

    /// Whose admin keys work, two at most: whether there is another than one.
    static let adminHolders: Statement = """
        SELECT DISTINCT k.account_id FROM api_keys k JOIN accounts a ON a.organization_id = k.organization_id AND a.id = k.account_id
        WHERE k.organization_id = $1 AND k.role = 'admin' AND k.revoked_at IS NULL AND a.disabled_at IS NULL LIMIT 2
        """

    /// Stores a key of an account; without an account, together with a new one of the key's name, or neither of them.
    package func create(
        in organization: OrganizationID, account: AccountID? = nil, role: Principal.Role, name: String, hash: SecretHash,
        id: APIKeyID = APIKeyID()
    ) async throws -> APIKey {
        try self.context.check(name, "the name", maxBytes: self.context.limits.maxNameBytes)
        return try await self.context.change(organization) { connection in
            try await self.context.ensureRoom(
                for: "keys", limit: self.context.limits.maxKeys, on: connection,
                "SELECT COUNT(*) FROM api_keys WHERE organization_id = $1 AND revoked_at IS NULL", organization)
            return try await Self.insert(id, account: account, role: role, name: name, hash: hash, in: organization, on: connection)
        }
    }

    /// Writes the row of a key, and of its account where it gets a new one, within a transaction that raises the organization's
    /// revision or makes the organization.
    static func insert(
        _ id: APIKeyID, account: AccountID?, role: Principal.Role, name: String, hash: SecretHash, in organization: OrganizationID,
        on connection: any DatabaseConnection
    ) async throws -> APIKey {
        let holder: AccountID
        if let account {
            holder = account
        } else {
            holder = try await AccountRepository.insert(AccountID(), name: name, in: organization, on: connection).id
        }
        let key = try await connection.first(
            """
            INSERT INTO api_keys (organization_id, id, account_id, role, name, key_hash, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, {now}) RETURNING \(APIKey.columns)
            """, organization, id, holder, role, name, hash, as: APIKey.init)
        guard let key else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
        return key
    }

    /// Stores a key of the installation. Crosses organizations. Two made at once may both find the last room under the bound.
    package func createInstallationKey(name: String, hash: SecretHash, id: APIKeyID = APIKeyID()) async throws -> InstallationKey {
        try self.context.check(name, "the name", maxBytes: self.context.limits.maxNameBytes)
        return try await self.context.refusing {
            try await self.context.database.transaction(in: .installation) { connection in
                let count: Int? = try await connection.first(
                    "SELECT COUNT(*) FROM installation_keys WHERE revoked_at IS NULL", as: { try $0.single() })
                guard (count ?? 0) < self.context.limits.maxKeys else {
                    throw StoreError(code: .limitReached, message: "the installation has as many keys as it may have; revoke some first")
                }
                let key = try await connection.first(
                    """
                    INSERT INTO installation_keys (id, name, key_hash, created_at) VALUES ($1, $2, $3, {now})
                    RETURNING \(InstallationKey.columns)
                    """, id, name, hash, as: InstallationKey.init)
                guard let key else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
                return key
            }
        }
    }

    /// Whose key it is; nil for one that does not exist, was revoked, or is of a disabled account. Crosses organizations: the key is what names one.
    package func find(hash: SecretHash) async throws -> Found? {
        guard let row = try await self.row(of: hash) else { return nil }
        var reader = row.reader()
        let organization: OrganizationID? = try reader.next()
        let id: APIKeyID = try reader.next()
        let account: AccountID? = try reader.next()
        let role: Principal.Role? = try reader.next()
        let isActive: Bool = try reader.next()
        let isTouchDue: Bool = try reader.next()
        guard isActive else { return nil }
        guard let organization else { return Found(holder: .installation(id), isTouchDue: isTouchDue) }
        guard let account, let role else { throw StoreError(code: .corrupted, message: "a key has no account or role") }
        let principal = Principal(organization: organization, account: account, role: role, method: .apiKey(id))
        return Found(holder: .principal(principal), isTouchDue: isTouchDue)
    }

    /// What became of a key, an organization's or the installation's. Crosses organizations and returns nothing of theirs.
    package func standing(hash: SecretHash) async throws -> Standing {
        guard let row = try await self.row(of: hash) else { return .absent }
        return row.values[4] == true.databaseValue ? .active : .revoked
    }

    private func row(of hash: SecretHash) async throws -> DatabaseRow? {
        try await self.context.ask(.findKey, hash, self.context.limits.touchInterval.microseconds).first
    }

    /// Whether a key still works, for what was begun with it and goes on: it was not revoked, nor its account disabled.
    package func isActive(_ key: APIKeyID, in organization: OrganizationID) async throws -> Bool {
        let rows = try await self.context.connection(organization).query(
            """
            SELECT k.id FROM api_keys k JOIN accounts a ON a.organization_id = k.organization_id AND a.id = k.account_id
            WHERE k.organization_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND a.disabled_at IS NULL
            """, organization, key)
        return !rows.isEmpty
    }

    /// Notes that a key was used, at most once per ``StoreLimits/touchInterval``.
    package func touch(_ holder: KeyHolder) async throws {
        let interval = self.context.limits.touchInterval.microseconds
        switch holder {
        case .installation(let key):
            try await self.context.installation.execute(
                """
                UPDATE installation_keys SET last_used_at = {now}
                WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < {now} - $2)
                """, key, interval)
        case .principal(let principal):
            guard case .apiKey(let key) = principal.method else { return }
            try await self.context.connection(principal.organization).execute(
                """
                UPDATE api_keys SET last_used_at = {now}
                WHERE organization_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < {now} - $3)
                """, principal.organization, key, interval)
        }
    }

    /// The organization's keys, revoked ones too, oldest first.
    package func list(in organization: OrganizationID, _ page: PageRequest = .first) async throws -> Page<APIKey> {
        let keyset = try Keyset(page, list: "keys", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            "SELECT \(APIKey.columns) FROM api_keys WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            organization, keyset.ascending, keyset.fetchCount, as: APIKey.init)
        return keyset.page(items) { [$0.id.rawValue] }
    }

    /// The installation's keys, revoked ones too, oldest first.
    package func listInstallationKeys(_ page: PageRequest = .first) async throws -> Page<InstallationKey> {
        let keyset = try Keyset(page, list: "installation-keys", limits: self.context.limits)
        let items = try await self.context.installation.all(
            "SELECT \(InstallationKey.columns) FROM installation_keys WHERE id > $1 ORDER BY id LIMIT $2",
            keyset.ascending, keyset.fetchCount, as: InstallationKey.init)
        return keyset.page(items) { [$0.id.rawValue] }
    }

    /// Ends a key for good and returns it; revoking twice keeps the first time.
    ///
    /// Throws `inUse` for the last admin key that works: without one nobody could make another.
    package func revoke(_ key: APIKeyID, in organization: OrganizationID) async throws -> APIKey {
        try await self.context.change(organization) { connection in
            let admins: [APIKeyID] = try await connection.all(
                """
                SELECT k.id FROM api_keys k JOIN accounts a ON a.organization_id = k.organization_id AND a.id = k.account_id
                WHERE k.organization_id = $1 AND k.role = 'admin' AND k.revoked_at IS NULL AND a.disabled_at IS NULL LIMIT 2
                """, organization, as: { try $0.single() })
            guard admins != [key] else {
                throw StoreError(code: .inUse, message: "this is the organization's last admin key; make another one first")
            }
            let revoked = try await connection.first(
                """
                UPDATE api_keys SET revoked_at = COALESCE(revoked_at, {now}) WHERE organization_id = $1 AND id = $2
                RETURNING \(APIKey.columns)
                """, organization, key, as: APIKey.init)
            guard let revoked else { throw StoreError(code: .notFound, message: "there is no such key") }
            return revoked
        }
    }

    /// Ends a key of the installation for good.
    package func revokeInstallationKey(_ key: APIKeyID) async throws {
        let changed = try await self.context.installation.execute(
            "UPDATE installation_keys SET revoked_at = COALESCE(revoked_at, {now}) WHERE id = $1", key)
        guard changed == 1 else { throw StoreError(code: .notFound, message: "there is no such key") }
    }
}
