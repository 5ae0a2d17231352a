import Database
import JSON
import Model

/// Writes all tools of one integration, many rows to a statement.
struct ToolWriter {
    let organization: OrganizationID
    let integration: IntegrationID

    /// Rows per statement. 200 rows of six columns stay far below both databases' bounds on parameters (32,766 and 65,535), and more
    /// rows gain little: at 200 a statement's own cost is a few percent of its rows'.
    private static let batch = 200

    /// Refuses a set that breaks a bound, before anything is written.
    static func check(_ set: ToolSet, limits: StoreLimits) throws(StoreError) {
        func refuse(_ message: String) -> StoreError { StoreError(code: .invalidValue, message: message) }
        guard set.tools.count <= limits.maxToolsPerIntegration else {
            throw StoreError(code: .limitReached, message: "the integration has more than \(limits.maxToolsPerIntegration) tools")
        }
        guard set.definitions.count <= limits.maxDefinitionsPerIntegration else {
            throw StoreError(
                code: .limitReached, message: "the integration has more than \(limits.maxDefinitionsPerIntegration) schema definitions")
        }
        for tool in set.tools {
            guard tool.name.utf8.count <= limits.maxNameBytes else {
                throw refuse("a tool's name is longer than \(limits.maxNameBytes) bytes")
            }
            guard tool.description.utf8.count <= limits.maxTextBytes else {
                throw refuse("a tool's description is longer than \(limits.maxTextBytes) bytes")
            }
            let sizes = [tool.binding.bytes.count, tool.inputSchema?.bytes.count ?? 0, tool.outputSchema?.bytes.count ?? 0]
            guard sizes.allSatisfy({ $0 <= limits.maxJSONBytes }) else {
                throw refuse("a tool's schema or binding is longer than \(limits.maxJSONBytes) bytes")
            }
        }
        for definition in set.definitions {
            guard definition.name.utf8.count <= limits.maxNameBytes, definition.schema.bytes.count <= limits.maxJSONBytes else {
                throw refuse("a schema definition or its name is too long")
            }
        }
    }

    /// Replaces whatever the integration has, counts its tools and raises its revision. Call it within a transaction.
    func replace(with set: ToolSet, on connection: any DatabaseConnection) async throws {
        try await connection.execute(
            "DELETE FROM tool_schemas WHERE organization_id = $1 AND integration_id = $2", self.organization, self.integration)
        try await connection.execute(
            "DELETE FROM tools WHERE organization_id = $1 AND integration_id = $2", self.organization, self.integration)
        try await connection.execute(
            "DELETE FROM schema_definitions WHERE organization_id = $1 AND integration_id = $2", self.organization, self.integration)
        try await self.insert(
            set.tools, "INSERT INTO tools (organization_id, integration_id, name, effect, description, binding) VALUES ", on: connection
        ) { [$0.name.databaseValue, $0.effect.databaseValue, $0.description.databaseValue, $0.binding.databaseValue] }
        try await self.insert(
            set.tools.filter { $0.inputSchema != nil || $0.outputSchema != nil },
            "INSERT INTO tool_schemas (organization_id, integration_id, tool, input, output) VALUES ", on: connection
        ) { [$0.name.databaseValue, $0.inputSchema.databaseValue, $0.outputSchema.databaseValue] }
        try await self.insert(
            set.definitions, "INSERT INTO schema_definitions (organization_id, integration_id, name, definition) VALUES ", on: connection
        ) { [$0.name.databaseValue, $0.schema.databaseValue] }
        try await connection.execute(
            """
            UPDATE integrations SET tool_count = $3, revision = revision + 1, updated_at = {now}
            WHERE organization_id = $1 AND id = $2
            """, self.organization, self.integration, set.tools.count)
    }

    /// Inserts rows whose first two columns are the organization and the integration.
    private func insert<Row>(
        _ rows: [Row], _ head: String, on connection: any DatabaseConnection, columns: (Row) -> [DatabaseValue]
    ) async throws {
        for start in stride(from: 0, to: rows.count, by: Self.batch) {
            var values = [self.organization.databaseValue, self.integration.databaseValue]
            var places: [String] = []
            for row in rows[start..<min(start + Self.batch, rows.count)] {
                let row = columns(row)
                places.append("($1, $2, " + row.indices.map { "$\(values.count + $0 + 1)" }.joined(separator: ", ") + ")")
                values += row
            }
            try await connection.execute(Statement(generated: head + places.joined(separator: ", ")), values: values)
        }
    }
}
