import Database
package import Model

/// Credentials' places on integrations. The credentials themselves go in sealed and come out only through ``SecretRepository``.
package struct ConnectionRepository: Sendable {
    let context: StoreContext

    /// Adds a connection and its sealed credentials in one transaction. The caller makes the id beforehand, because the seal is bound
    /// to it. Throws `retiredKey` when the organization has got a new data key since they were sealed.
    package func add(
        _ draft: ConnectionDraft, secrets: [SealedSecret], in organization: OrganizationID
    ) async throws -> ConnectionRecord {
        try self.context.check(draft.name, "the name", maxBytes: self.context.limits.maxNameBytes)
        try self.context.check(draft.method, "the method", maxBytes: self.context.limits.maxNameBytes)
        try self.context.check(draft.baseURL, "the base URL", maxBytes: self.context.limits.maxTextBytes)
        try SecretRepository.check(secrets, limits: self.context.limits)
        return try await self.context.change(organization) { connection in
            try await self.context.ensureRoom(
                for: "connections", limit: self.context.limits.maxConnections, on: connection,
                "SELECT COUNT(*) FROM connections WHERE organization_id = $1", organization)
            try await connection.execute(
                """
                INSERT INTO connections (organization_id, id, integration_id, owner, account_id, name, method, base_url, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now})
                """, organization, draft.id, draft.integration, draft.owner, draft.account, draft.name, draft.method, draft.baseURL)
            try await SecretRepository.insert(secrets, owner: draft.id, in: organization, on: connection)
            guard let record = try await Self.find(draft.id, in: organization, on: connection) else {
                throw StoreError(code: .corrupted, message: "an inserted row was not found")
            }
            return record
        }
    }

    /// The organization's connections, oldest first: all of them, or those that `account` can use, its own and the organization's.
    package func list(
        in organization: OrganizationID, visibleTo account: AccountID? = nil, _ page: PageRequest = .first
    ) async throws -> Page<ConnectionRecord> {
        let keyset = try Keyset(page, list: "connections", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            """
            SELECT \(ConnectionRecord.columns) FROM connections c
            JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
            WHERE c.organization_id = $1 AND c.id > $2 AND (CAST($3 AS TEXT) IS NULL OR c.owner = 'org' OR c.account_id = $3)
            ORDER BY c.id LIMIT $4
            """, organization, keyset.ascending, account, keyset.fetchCount, as: ConnectionRecord.init)
        return keyset.page(items) { [$0.connection.id.rawValue] }
    }

    /// Every connection that a person's programs may use: the organization's and their own, by integration slug, owner and name. At
    /// most ``StoreLimits/maxConnections``.
    package func usable(by account: AccountID, in organization: OrganizationID) async throws -> [ConnectionRecord] {
        try await self.context.connection(organization).all(
            """
            SELECT \(ConnectionRecord.columns) FROM connections c
            JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
            WHERE c.organization_id = $1 AND (c.owner = 'org' OR c.account_id = $2)
            ORDER BY i.slug, c.owner, c.name LIMIT $3
            """, organization, account, self.context.limits.maxConnections, as: ConnectionRecord.init)
    }

    /// One connection of the organization, or nil.
    package func find(_ connection: ConnectionID, in organization: OrganizationID) async throws -> ConnectionRecord? {
        try await Self.find(connection, in: organization, on: self.context.connection(organization))
    }

    /// The connection that a tool address names when `account` calls, or nil: the organization's, or that person's own.
    package func find(
        integrationSlug: String, owner: ToolAddress.Owner, name: String, account: AccountID, in organization: OrganizationID
    ) async throws -> ConnectionRecord? {
        try await self.context.connection(organization).first(
            """
            SELECT \(ConnectionRecord.columns) FROM integrations i
            JOIN connections c ON c.organization_id = i.organization_id AND c.integration_id = i.id
            WHERE i.organization_id = $1 AND i.slug = $2 AND c.owner = $3 AND c.name = $4 AND (c.owner = 'org' OR c.account_id = $5)
            """, organization, integrationSlug, owner, name, account, as: ConnectionRecord.init)
    }

    /// Removes a connection with its sealed credentials.
    package func remove(_ id: ConnectionID, in organization: OrganizationID) async throws {
        try await self.context.change(organization) { connection in
            try await connection.execute("DELETE FROM sealed_secrets WHERE organization_id = $1 AND owner_id = $2", organization, id)
            let removed = try await connection.execute("DELETE FROM connections WHERE organization_id = $1 AND id = $2", organization, id)
            guard removed == 1 else { throw StoreError(code: .notFound, message: "there is no such connection") }
        }
    }

    private static func find(
        _ id: ConnectionID, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws -> ConnectionRecord? {
        try await connection.first(
            """
            SELECT \(ConnectionRecord.columns) FROM connections c
            JOIN integrations i ON i.organization_id = c.organization_id AND i.id = c.integration_id
            WHERE c.organization_id = $1 AND c.id = $2
            """, organization, id, as: ConnectionRecord.init)
    }
}
