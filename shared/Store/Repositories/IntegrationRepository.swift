import Database
import JSON
package import Model

/// Configured sources. Adding, refreshing and removing one is a single transaction with its document, tools and schemas, so that no
/// reader ever sees half of it.
package struct IntegrationRepository: Sendable {
    let context: StoreContext

    /// Adds an integration with everything that an ingest found.
    package func add(_ draft: IntegrationDraft, tools: ToolSet, in organization: OrganizationID) async throws -> IntegrationRecord {
        try self.check(draft)
        try ToolWriter.check(tools, limits: self.context.limits)
        return try await self.context.change(organization) { connection in
            try await self.context.ensureRoom(
                for: "integrations", limit: self.context.limits.maxIntegrations, on: connection,
                "SELECT COUNT(*) FROM integrations WHERE organization_id = $1", organization)
            let document = try await self.store(draft.document, in: organization, on: connection)
            try await connection.execute(
                """
                INSERT INTO integrations (
                    organization_id, id, slug, kind, name, description, config, base_url, document_url, document_hash, tool_count, revision,
                    created_at, updated_at, record_version)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, {now}, {now}, $11)
                """, organization, draft.id, draft.slug, draft.kind, draft.name, draft.description, draft.config, draft.baseURL,
                draft.documentURL, document, self.context.versions.integration)
            return try await self.replaceTools(of: draft.id, with: tools, in: organization, on: connection)
        }
    }

    /// Replaces an integration's description, document, tools and schemas by what a new ingest found; its id, slug, kind and
    /// connections stay.
    package func refresh(_ draft: IntegrationDraft, tools: ToolSet, in organization: OrganizationID) async throws -> IntegrationRecord {
        try self.check(draft)
        try ToolWriter.check(tools, limits: self.context.limits)
        return try await self.context.change(organization) { connection in
            let document = try await self.store(draft.document, in: organization, on: connection)
            let changed = try await connection.execute(
                """
                UPDATE integrations
                SET name = $3, description = $4, config = $5, base_url = $6, document_url = $7, document_hash = $8, updated_at = {now},
                    record_version = $9
                WHERE organization_id = $1 AND id = $2
                """, organization, draft.id, draft.name, draft.description, draft.config, draft.baseURL, draft.documentURL, document,
                self.context.versions.integration)
            guard changed == 1 else { throw Self.notFound }
            _ = try await BlobRepository(context: self.context).removeUnreferenced(in: organization, on: connection)
            return try await self.replaceTools(of: draft.id, with: tools, in: organization, on: connection)
        }
    }

    /// The organization's integrations, oldest first.
    package func list(in organization: OrganizationID, _ page: PageRequest = .first) async throws -> Page<Integration> {
        let keyset = try Keyset(page, list: "integrations", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            "SELECT \(Integration.columns) FROM integrations WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            organization, keyset.ascending, keyset.fetchCount
        ) { row in
            var row = row.reader()
            return try Integration(&row)
        }
        return keyset.page(items) { [$0.id.rawValue] }
    }

    /// Every integration of the organization with what its plugin needs, by slug. At most ``StoreLimits/maxIntegrations``.
    package func all(in organization: OrganizationID) async throws -> [IntegrationRecord] {
        try await self.context.connection(organization).all(
            "SELECT \(IntegrationRecord.columns) FROM integrations WHERE organization_id = $1 ORDER BY slug LIMIT $2",
            organization, self.context.limits.maxIntegrations, as: IntegrationRecord.init)
    }

    /// One integration of the organization, or nil.
    package func find(_ integration: IntegrationID, in organization: OrganizationID) async throws -> IntegrationRecord? {
        try await Self.find(integration, in: organization, on: self.context.connection(organization))
    }

    /// The organization's integration with a slug, or nil.
    package func find(slug: String, in organization: OrganizationID) async throws -> IntegrationRecord? {
        try await self.context.connection(organization).first(
            "SELECT \(IntegrationRecord.columns) FROM integrations WHERE organization_id = $1 AND slug = $2", organization, slug,
            as: IntegrationRecord.init)
    }

    /// Removes an integration with its tools, schemas, connections, their sealed secrets, and its document if nothing else uses it.
    package func remove(_ integration: IntegrationID, in organization: OrganizationID) async throws {
        try await self.context.change(organization) { connection in
            try await connection.execute(
                """
                DELETE FROM sealed_secrets WHERE organization_id = $1 AND owner_id IN (
                    SELECT id FROM connections WHERE organization_id = $1 AND integration_id = $2)
                """, organization, integration)
            try await connection.execute(
                "DELETE FROM connections WHERE organization_id = $1 AND integration_id = $2", organization, integration)
            let removed = try await connection.execute(
                "DELETE FROM integrations WHERE organization_id = $1 AND id = $2", organization, integration)
            guard removed == 1 else { throw Self.notFound }
            _ = try await BlobRepository(context: self.context).removeUnreferenced(in: organization, on: connection)
        }
    }

    /// Lets no call of an integration's tools begin, in any process, until ``unfreeze(_:in:)``; what is under way goes on. Freezing twice
    /// keeps the first time.
    package func freeze(_ integration: IntegrationID, in organization: OrganizationID) async throws -> IntegrationRecord {
        try await self.context.change(organization) { connection in
            try await connection.execute(
                "UPDATE integrations SET frozen_at = COALESCE(frozen_at, {now}) WHERE organization_id = $1 AND id = $2", organization,
                integration)
            guard let record = try await Self.find(integration, in: organization, on: connection) else { throw Self.notFound }
            return record
        }
    }

    /// Lets the calls of a frozen integration's tools begin again.
    package func unfreeze(_ integration: IntegrationID, in organization: OrganizationID) async throws -> IntegrationRecord {
        try await self.context.change(organization) { connection in
            try await connection.execute(
                "UPDATE integrations SET frozen_at = NULL WHERE organization_id = $1 AND id = $2", organization, integration)
            guard let record = try await Self.find(integration, in: organization, on: connection) else { throw Self.notFound }
            return record
        }
    }

    static let notFound = StoreError(code: .notFound, message: "there is no such integration")

    static func find(
        _ integration: IntegrationID, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws -> IntegrationRecord? {
        try await connection.first(
            "SELECT \(IntegrationRecord.columns) FROM integrations WHERE organization_id = $1 AND id = $2", organization, integration,
            as: IntegrationRecord.init)
    }

    private func store(
        _ document: [UInt8]?, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws -> BlobHash? {
        guard let document else { return nil }
        return try await BlobRepository(context: self.context).put(document, in: organization, on: connection)
    }

    private func replaceTools(
        of integration: IntegrationID, with tools: ToolSet, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws -> IntegrationRecord {
        try await ToolWriter(organization: organization, integration: integration).replace(with: tools, on: connection)
        guard let record = try await Self.find(integration, in: organization, on: connection) else { throw Self.notFound }
        return record
    }

    private func check(_ draft: IntegrationDraft) throws(StoreError) {
        let limits = self.context.limits
        try self.context.check(draft.slug, "the slug", maxBytes: limits.maxNameBytes)
        try self.context.check(draft.name, "the name", maxBytes: limits.maxNameBytes)
        try self.context.check(draft.description, "the description", maxBytes: limits.maxTextBytes)
        try self.context.check(draft.baseURL, "the base URL", maxBytes: limits.maxTextBytes)
        try self.context.check(draft.documentURL, "the document's URL", maxBytes: limits.maxTextBytes)
        guard draft.config.bytes.count <= limits.maxJSONBytes else {
            throw StoreError(code: .invalidValue, message: "the configuration is longer than \(limits.maxJSONBytes) bytes")
        }
    }
}
