import JSON
package import OpenAPI

/// Bounds of the catalog; those that name a key are configuration keys `roost.catalog.…`, the others are fixed.
///
/// How long one call of an API may take and how large its answer may be are not among them: those are bounds of the guarded client.
package struct CatalogLimits: Sendable {
    /// Principals whose view of their organization is kept; the least recently used goes. Key `max_views`.
    package var maxViews = 1_000
    /// Bytes of the names, descriptions and words of tools kept in memory for search, of all organizations; whole integrations go, the
    /// least recently used first. One that is larger than all of it is read for each search. Key `max_index_bytes`.
    package var maxIndexBytes = 256 << 20
    /// Integrations whose tools are read and prepared for search at once, of one organization.
    package var maxIndexReaders = 2
    /// Tools that one statement reads for search, if they are of several integrations.
    package var maxToolsPerIndexRead = 5_000
    /// Tools kept ready to be called. Key `max_ready_tools`.
    package var maxReadyTools = 1_000
    /// Bytes of the schemas behind them; a compiled schema takes a few times its text. Key `max_ready_schema_bytes`.
    package var maxReadySchemaBytes = 32 << 20
    /// Shared definitions that one tool may reach; beyond, they are unknown.
    package var maxDefinitionsPerTool = 2_000
    /// Bytes of those definitions.
    package var maxDefinitionBytesPerTool = 4 << 20
    /// Documents that are read at once; more are refused. Key `max_concurrent_reads`.
    package var maxConcurrentReads = 2
    /// How long fetching a document may take. Key `document_timeout`.
    package var documentTimeout: Duration = .seconds(60)
    /// Faults listed for arguments that do not fit.
    package var maxArgumentIssues = 20
    /// Characters of one description in rendered TypeScript.
    package var maxCommentCharacters = 240
    /// Bytes of the TypeScript definitions of one tool; the rest is `unknown`.
    package var maxTypeScriptBytes = 200_000
    /// The longest search query in words; the rest does not count.
    package var maxQueryWords = 16
    /// Bounds on reading documents.
    package var document = OpenAPILimits()
    /// Bounds on one request.
    package var request = RequestLimits()

    /// The defaults.
    package init() {}

    /// For stored schemas and bindings, which were bounded when they were written: a bound that is lowered later must not hide them.
    var json: JSONLimits { JSONLimits(maxDepth: 500, maxValues: 4_000_000) }

    /// For answers of APIs, whose length the guarded client bounds.
    var response: JSONLimits { JSONLimits(maxBytes: .max, maxDepth: 500) }
}
