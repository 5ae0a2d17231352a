import Database
package import Model

/// What happens to calls, by pattern.
package struct PolicyRepository: Sendable {
    let context: StoreContext

    /// Adds a rule. The pattern is checked by `Policies`, not here.
    package func create(
        in organization: OrganizationID, pattern: String, action: PolicyAction, id: PolicyID = PolicyID()
    ) async throws -> Policy {
        try self.context.check(pattern, "the pattern", maxBytes: self.context.limits.maxNameBytes)
        return try await self.context.change(organization) { connection in
            try await self.context.ensureRoom(
                for: "policies", limit: self.context.limits.maxPolicies, on: connection,
                "SELECT COUNT(*) FROM policies WHERE organization_id = $1", organization)
            let policy = try await connection.first(
                """
                INSERT INTO policies (organization_id, id, pattern, action, created_at) VALUES ($1, $2, $3, $4, {now})
                RETURNING \(Policy.columns)
                """, organization, id, pattern, action, as: Policy.init)
            guard let policy else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
            return policy
        }
    }

    /// Every rule of the organization, oldest first: what decisions are made from. At most ``StoreLimits/maxPolicies``.
    package func all(in organization: OrganizationID) async throws -> [Policy] {
        try await self.context.connection(organization).all(
            "SELECT \(Policy.columns) FROM policies WHERE organization_id = $1 ORDER BY id LIMIT $2",
            organization, self.context.limits.maxPolicies, as: Policy.init)
    }

    /// The organization's rules, oldest first.
    package func list(in organization: OrganizationID, _ page: PageRequest = .first) async throws -> Page<Policy> {
        let keyset = try Keyset(page, list: "policies", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            "SELECT \(Policy.columns) FROM policies WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            organization, keyset.ascending, keyset.fetchCount, as: Policy.init)
        return keyset.page(items) { [$0.id.rawValue] }
    }

    /// One rule of the organization, or nil.
    package func find(_ policy: PolicyID, in organization: OrganizationID) async throws -> Policy? {
        try await self.context.connection(organization).first(
            "SELECT \(Policy.columns) FROM policies WHERE organization_id = $1 AND id = $2", organization, policy, as: Policy.init)
    }

    /// Changes what a rule does.
    package func update(_ policy: PolicyID, action: PolicyAction, in organization: OrganizationID) async throws -> Policy {
        try await self.context.change(organization) { connection in
            let updated = try await connection.first(
                "UPDATE policies SET action = $3 WHERE organization_id = $1 AND id = $2 RETURNING \(Policy.columns)",
                organization, policy, action, as: Policy.init)
            guard let updated else { throw StoreError(code: .notFound, message: "there is no such policy") }
            return updated
        }
    }

    /// Removes a rule.
    package func remove(_ policy: PolicyID, in organization: OrganizationID) async throws {
        try await self.context.change(organization) { connection in
            let removed = try await connection.execute("DELETE FROM policies WHERE organization_id = $1 AND id = $2", organization, policy)
            guard removed == 1 else { throw StoreError(code: .notFound, message: "there is no such policy") }
        }
    }
}

extension Policy {
    static let columns: Statement = "id, pattern, action, created_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(id: try row.next(), pattern: try row.next(), action: try row.next(), createdAt: try row.next())
    }
}
