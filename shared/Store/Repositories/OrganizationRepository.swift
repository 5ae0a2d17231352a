import Database
package import Model

/// Tenants and their revision numbers.
///
/// Everything here stands above organizations: who may create and list them is the installation key's holder, and a revision says
/// nothing but that something changed.
package struct OrganizationRepository: Sendable {
    let context: StoreContext

    /// Makes an organization; refuses a slug that is taken with `alreadyExists`.
    ///
    /// - Parameter adminKey: The hash of its first admin key, which comes into being with it: an organization without one takes a slug
    ///   and can be used by nobody.
    package func create(
        id: OrganizationID = OrganizationID(), name: String, slug: String, adminKey: SecretHash? = nil
    ) async throws -> Organization {
        try self.context.check(name, "the name", maxBytes: self.context.limits.maxNameBytes)
        try self.context.check(slug, "the slug", maxBytes: self.context.limits.maxNameBytes)
        return try await self.context.refusing {
            try await self.context.database.transaction(in: .organization(id)) { connection in
                let rows = try await connection.query(
                    """
                    INSERT INTO organizations (organization_id, name, slug, created_at) VALUES ($1, $2, $3, {now})
                    RETURNING \(Organization.columns)
                    """, id, name, slug)
                try await connection.execute("INSERT INTO organization_revisions (organization_id, revision) VALUES ($1, 1)", id)
                guard let row = rows.first else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
                if let adminKey {
                    _ = try await KeyRepository.insert(
                        APIKeyID(), account: nil, role: .admin, name: "First admin key", hash: adminKey, in: id, on: connection)
                }
                return try Organization(row)
            }
        }
    }

    /// The organization itself, or nil.
    package func find(_ organization: OrganizationID) async throws -> Organization? {
        try await self.context.connection(organization).first(
            "SELECT \(Organization.columns) FROM organizations WHERE organization_id = $1", organization, as: Organization.init)
    }

    /// The organization with a slug. Crosses organizations.
    package func find(slug: String) async throws -> Organization? {
        guard let id: OrganizationID = try await self.context.ask(.findOrganization, slug).first?.single() else { return nil }
        return try await self.find(id)
    }

    /// All organizations of the installation, oldest first. Crosses organizations.
    ///
    /// Asks for their ids and then each one for its name: rare, at most ``StoreLimits/maxPageSize`` short statements, and there is no
    /// statement that reads what several organizations are called.
    package func list(_ page: PageRequest = .first) async throws -> Page<Organization> {
        let keyset = try Keyset(page, list: "organizations", limits: self.context.limits)
        let page = keyset.page(
            try await self.context.ask(.listOrganizations, keyset.ascending, keyset.fetchCount).map { try $0.single(OrganizationID.self) }
        ) { [$0.rawValue] }
        var organizations: [Organization] = []
        for id in page.items {
            if let organization = try await self.find(id) { organizations.append(organization) }
        }
        return Page(items: organizations, next: page.next)
    }

    /// The organization's revision: raised in the transaction of every change to its policies, connections, integrations, keys or
    /// members. Nil when there is no such organization.
    package func revision(of organization: OrganizationID) async throws -> Int64? {
        try await self.revisions(of: [organization])[organization]
    }

    /// The revisions of up to some thousands of organizations in one cheap statement; those that do not exist are left out.
    package func revisions(of organizations: [OrganizationID]) async throws -> [OrganizationID: Int64] {
        var revisions: [OrganizationID: Int64] = [:]
        for start in stride(from: 0, to: organizations.count, by: Self.revisionBatch) {
            let batch = organizations[start..<min(start + Self.revisionBatch, organizations.count)]
            let rows = try await self.context.installation.query(
                Self.revisionStatement(count: batch.count), values: batch.map(\.databaseValue))
            for row in rows {
                var row = row.reader()
                revisions[try row.next()] = try row.next()
            }
        }
        return revisions
    }

    /// The organizations whose revisions rise, as they do; nil where one must ask. Crosses organizations, ids only.
    package func changes() -> StoreChanges<OrganizationID>? { StoreChanges(.revisions, of: self.context.database) }

    private static let revisionBatch = 500

    private static func revisionStatement(count: Int) -> Statement {
        if count == 1 { return "SELECT organization_id, revision FROM organization_revisions WHERE organization_id = $1" }
        let places = (1...count).map { "$\($0)" }.joined(separator: ", ")
        return Statement(generated: "SELECT organization_id, revision FROM organization_revisions WHERE organization_id IN (\(places))")
    }
}
