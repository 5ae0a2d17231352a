import Database
package import JSON
package import Model

/// Tools of an organization's integrations. Lists and search load neither schemas nor bindings.
package struct ToolRepository: Sendable {
    let context: StoreContext

    /// Replaces all tools and definitions of an integration in one transaction.
    package func replace(_ tools: ToolSet, of integration: IntegrationID, in organization: OrganizationID) async throws {
        try ToolWriter.check(tools, limits: self.context.limits)
        try await self.context.change(organization) { connection in
            guard try await IntegrationRepository.find(integration, in: organization, on: connection) != nil else {
                throw IntegrationRepository.notFound
            }
            try await ToolWriter(organization: organization, integration: integration).replace(with: tools, on: connection)
        }
    }

    /// The organization's tools by integration slug and name; of one integration when given.
    package func list(
        in organization: OrganizationID, integration: IntegrationID? = nil, _ page: PageRequest = .first
    ) async throws -> Page<ToolSummary> {
        let keyset = try Keyset(page, list: "tools", keyCount: 2, limits: self.context.limits)
        let after = keyset.after ?? ["", ""]
        // Starts at the cursor's integration by the slug index and skips within that one by name; no row before it is read.
        let items = try await self.context.connection(organization).all(
            """
            SELECT \(ToolSummary.columns) FROM integrations i
            JOIN tools t ON t.organization_id = i.organization_id AND t.integration_id = i.id
            WHERE i.organization_id = $1 AND i.slug >= $2 AND (i.slug > $2 OR t.name > $3) AND (CAST($4 AS TEXT) IS NULL OR i.id = $4)
            ORDER BY i.slug, t.name LIMIT $5
            """, organization, after[0], after[1], integration, keyset.fetchCount, as: ToolSummary.init)
        return keyset.page(items) { [$0.integrationSlug, $0.name] }
    }

    /// How many tools the organization has.
    package func count(in organization: OrganizationID) async throws -> Int {
        try await self.context.connection(organization).first(
            "SELECT CAST(COALESCE(SUM(tool_count), 0) AS BIGINT) FROM integrations WHERE organization_id = $1", organization
        ) { try $0.single() } ?? 0
    }

    /// Every tool of some of the organization's integrations, for building a search index: one statement, all rows, by integration and
    /// name.
    package func searchRows(of integrations: [IntegrationID], in organization: OrganizationID) async throws -> [ToolSearchRow] {
        let connection = self.context.connection(organization)
        if integrations.count == 1 {
            return try await connection.all(
                """
                SELECT \(ToolSearchRow.columns) FROM tools WHERE organization_id = $1 AND integration_id = $2
                ORDER BY integration_id, name
                """, organization, integrations[0], as: ToolSearchRow.init)
        }
        guard !integrations.isEmpty else { return [] }
        let places = integrations.indices.map { "$\($0 + 2)" }.joined(separator: ", ")
        let statement = Statement(
            generated: """
                SELECT \(ToolSearchRow.columns.text) FROM tools WHERE organization_id = $1 AND integration_id IN (\(places))
                ORDER BY integration_id, name
                """)
        return try await connection.query(statement, values: [organization.databaseValue] + integrations.map(\.databaseValue))
            .map(ToolSearchRow.init)
    }

    /// Every tool of an integration with its binding, by name: what a refresh compares with.
    package func all(of integration: IntegrationID, in organization: OrganizationID) async throws -> [ToolRecord] {
        try await self.context.connection(organization).all(
            """
            SELECT \(ToolRecord.columns) FROM integrations i
            JOIN tools t ON t.organization_id = i.organization_id AND t.integration_id = i.id
            WHERE i.organization_id = $1 AND i.id = $2 ORDER BY t.name
            """, organization, integration, as: ToolRecord.init)
    }

    /// One tool with its binding, or nil.
    package func find(_ tool: String, integrationSlug: String, in organization: OrganizationID) async throws -> ToolRecord? {
        try await self.context.connection(organization).first(
            """
            SELECT \(ToolRecord.columns) FROM integrations i
            JOIN tools t ON t.organization_id = i.organization_id AND t.integration_id = i.id
            WHERE i.organization_id = $1 AND i.slug = $2 AND t.name = $3
            """, organization, integrationSlug, tool, as: ToolRecord.init)
    }

    /// What a tool takes and gives; nil when there is no such tool.
    package func schemas(of tool: String, integration: IntegrationID, in organization: OrganizationID) async throws -> ToolSchemas? {
        try await self.context.connection(organization).first(
            """
            SELECT s.input, s.output FROM tools t
            LEFT JOIN tool_schemas s
                ON s.organization_id = t.organization_id AND s.integration_id = t.integration_id AND s.tool = t.name
            WHERE t.organization_id = $1 AND t.integration_id = $2 AND t.name = $3
            """, organization, integration, tool
        ) { row in
            var row = row.reader()
            return ToolSchemas(input: try row.next(), output: try row.next())
        }
    }

    /// The named schema definitions of an integration; names that do not exist are left out.
    package func definitions(
        _ names: [String], integration: IntegrationID, in organization: OrganizationID
    ) async throws -> [String: JSONText] {
        var definitions: [String: JSONText] = [:]
        let connection = self.context.connection(organization)
        for start in stride(from: 0, to: names.count, by: Self.definitionBatch) {
            let batch = names[start..<min(start + Self.definitionBatch, names.count)]
            let places = (0..<batch.count).map { "$\($0 + 3)" }.joined(separator: ", ")
            let statement = Statement(
                generated: """
                    SELECT name, definition FROM schema_definitions
                    WHERE organization_id = $1 AND integration_id = $2 AND name IN (\(places))
                    """)
            let values = [organization.databaseValue, integration.databaseValue] + batch.map(\.databaseValue)
            for row in try await connection.query(statement, values: values) {
                var row = row.reader()
                definitions[try row.next()] = try row.next()
            }
        }
        return definitions
    }

    private static let definitionBatch = 500
}
