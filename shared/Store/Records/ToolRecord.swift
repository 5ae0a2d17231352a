import Database
package import JSON
package import Model

/// A tool as an ingest hands it in, with everything that belongs to it.
package struct ToolDraft: Sendable {
    /// Unique within the integration; may hold dots.
    package var name: String
    package var description: String
    package var effect: ToolEffect
    /// What the plugin needs to make the call, compact and in its own form.
    package var binding: JSONText
    package var inputSchema: JSONText?
    package var outputSchema: JSONText?

    package init(
        name: String, description: String, effect: ToolEffect, binding: JSONText, inputSchema: JSONText? = nil,
        outputSchema: JSONText? = nil
    ) {
        self.name = name
        self.description = description
        self.effect = effect
        self.binding = binding
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
    }
}

/// All tools of one integration and the schema definitions that they share.
package struct ToolSet: Sendable {
    package var tools: [ToolDraft]
    /// By name; schemas refer to them.
    package var definitions: [(name: String, schema: JSONText)]

    package init(tools: [ToolDraft] = [], definitions: [(name: String, schema: JSONText)] = []) {
        self.tools = tools
        self.definitions = definitions
    }
}

/// A tool as lists and search show it: neither schemas nor binding are loaded.
package struct ToolSummary: Sendable, Hashable {
    package let integration: IntegrationID
    package let integrationSlug: String
    package let name: String
    package let description: String
    package let effect: ToolEffect
}

extension ToolSummary {
    /// Over `integrations i` and `tools t`.
    static let columns: Statement = "i.id, i.slug, t.name, t.description, t.effect"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            integration: try row.next(), integrationSlug: try row.next(), name: try row.next(), description: try row.next(),
            effect: try row.next())
    }
}

/// A tool as a search index takes it.
package struct ToolSearchRow: Sendable, Hashable {
    package let integration: IntegrationID
    package let name: String
    package let description: String
    package let effect: ToolEffect
}

extension ToolSearchRow {
    static let columns: Statement = "integration_id, name, description, effect"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(integration: try row.next(), name: try row.next(), description: try row.next(), effect: try row.next())
    }
}

/// A tool ready to be called.
package struct ToolRecord: Sendable, Hashable {
    package let integration: IntegrationID
    package let integrationSlug: String
    package let name: String
    package let description: String
    package let effect: ToolEffect
    package let binding: JSONText
}

extension ToolRecord {
    /// Over `integrations i` and `tools t`.
    static let columns: Statement = "\(ToolSummary.columns), t.binding"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            integration: try row.next(), integrationSlug: try row.next(), name: try row.next(), description: try row.next(),
            effect: try row.next(), binding: try row.next())
    }
}

/// What a tool takes and gives, as JSON Schemas that may refer to the integration's definitions.
package struct ToolSchemas: Sendable, Hashable {
    package let input: JSONText?
    package let output: JSONText?
}
