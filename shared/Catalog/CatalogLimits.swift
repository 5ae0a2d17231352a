import JSON
package import OpenAPI

/// Bounds of the catalog; each is a configuration key `roost.catalog.…`.
package struct CatalogLimits: Sendable {
    /// Principals whose view of their organization is kept; the least recently used goes. Key `max_views`.
    package var maxViews = 1_000
    /// Tools kept in memory for search, of all organizations; whole integrations go, the least recently used first. Key `max_indexed_tools`.
    package var maxIndexedTools = 200_000
    /// Tools kept ready to be called. Key `max_ready_tools`.
    package var maxReadyTools = 1_000
    /// Bytes of the schemas behind them; a compiled schema takes a few times its text. Key `max_ready_schema_bytes`.
    package var maxReadySchemaBytes = 32 << 20
    /// Shared definitions that one tool may reach; beyond, they are unknown. Key `max_definitions_per_tool`.
    package var maxDefinitionsPerTool = 2_000
    /// Bytes of those definitions. Key `max_definition_bytes_per_tool`.
    package var maxDefinitionBytesPerTool = 4 << 20
    /// Documents that are read at once; more are refused. Key `max_concurrent_reads`.
    package var maxConcurrentReads = 2
    /// How long fetching a document may take. Key `document_timeout`.
    package var documentTimeout: Duration = .seconds(60)
    /// How long a call of an API may take. Key `call_timeout`.
    package var callTimeout: Duration = .seconds(60)
    /// The largest answer of an API. Key `max_response_bytes`.
    package var maxResponseBytes = 32 << 20
    /// Faults listed for arguments that do not fit. Key `max_argument_issues`.
    package var maxArgumentIssues = 20
    /// Characters of one description in rendered TypeScript. Key `max_comment_characters`.
    package var maxCommentCharacters = 240
    /// Bytes of the TypeScript definitions of one tool; the rest is `unknown`. Key `max_type_script_bytes`.
    package var maxTypeScriptBytes = 200_000
    /// The longest search query in words; the rest does not count. Key `max_query_words`.
    package var maxQueryWords = 16
    /// Bounds on reading documents.
    package var document = OpenAPILimits()
    /// Bounds on one request.
    package var request = RequestLimits()

    /// The defaults.
    package init() {}

    /// For stored schemas and bindings, which were bounded when they were written.
    var json: JSONLimits { JSONLimits(maxBytes: self.document.maxSchemaBytes, maxDepth: 500) }

    /// For answers of APIs.
    var response: JSONLimits { JSONLimits(maxBytes: self.maxResponseBytes + 64, maxDepth: 500) }
}
