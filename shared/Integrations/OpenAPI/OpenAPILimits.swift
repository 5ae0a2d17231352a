import JSON

/// Bounds on reading a document; each is a configuration key `roost.openapi.…`.
///
/// The defaults let the largest known documents of this kind through (16 MB and 2,700 operations) with room, and stop those written to
/// do harm: the work and the result are bounded by these numbers however the document refers to itself.
package struct OpenAPILimits: Sendable, Hashable {
    /// The longest document. Key `max_document_bytes`.
    package var maxDocumentBytes = 32 << 20
    /// How deep it may nest, aliases expanded. Key `max_depth`.
    package var maxDepth = 128
    /// How many values it may hold, aliases expanded. Key `max_values`.
    package var maxValues = 4_000_000
    /// Key `max_operations`.
    package var maxOperations = 20_000
    /// Shared schemas reached from operations. Key `max_definitions`.
    package var maxDefinitions = 20_000
    /// Schema nodes written for all tools together, which bounds how often one shared part is written out. Key `max_schema_nodes`.
    package var maxSchemaNodes = 8_000_000
    /// Bytes of all tools' schemas and bindings together. Key `max_schema_bytes`.
    package var maxSchemaBytes = 128 << 20
    /// Parameters of one operation; the rest is left out and listed. Key `max_parameters`.
    package var maxParameters = 256
    /// How long a chain of references to references may be. Key `max_reference_hops`.
    package var maxReferenceHops = 32
    /// Ways to sign in that are offered. Key `max_auth_methods`.
    package var maxAuthMethods = 32
    /// Faults that are listed; the rest is counted. Key `max_faults`.
    package var maxFaults = 100
    /// Where a tool's description is cut, in characters. Key `max_description_characters`.
    package var maxDescriptionCharacters = 1_000
    /// Where a tool's or definition's name is cut, in characters. Key `max_name_characters`.
    package var maxNameCharacters = 120

    /// The defaults.
    package init() {}

    /// The same bounds in the form that the JSON reader takes.
    var json: JSONLimits { JSONLimits(maxBytes: self.maxDocumentBytes, maxDepth: self.maxDepth, maxValues: self.maxValues) }
}
