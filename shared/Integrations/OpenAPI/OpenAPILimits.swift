import JSON

/// Bounds on reading a document; those that name a key are configuration keys `roost.openapi.…`, the others are fixed.
///
/// The defaults let the largest known documents of this kind through (16 MB and 2,700 operations) with room, and stop those written to
/// do harm: the work and the result are bounded by these numbers however the document refers to itself.
package struct OpenAPILimits: Sendable, Hashable {
    /// The longest document. Key `max_document_bytes`.
    package var maxDocumentBytes = 32 << 20
    /// How deep it may nest, aliases expanded. Fixed, because reading recurses and the stack is what it is.
    package var maxDepth = 128
    /// How many values it may hold, aliases and shared path items expanded. Key `max_values`.
    package var maxValues = 4_000_000
    /// The operations of one document. Key `max_operations`.
    package var maxOperations = 20_000
    /// Shared schemas reached from operations. Key `max_definitions`.
    package var maxDefinitions = 20_000
    /// Parts of schemas written for all tools together, values of enumerations included, which bounds how often one shared part is
    /// written out. Key `max_schema_nodes`.
    package var maxSchemaNodes = 8_000_000
    /// Bytes of all tools' schemas and bindings together. Key `max_schema_bytes`.
    package var maxSchemaBytes = 128 << 20
    /// Parameters of one operation; the rest is left out and listed.
    package var maxParameters = 256
    /// The longest path; operations of longer ones are left out and listed. No URL of that length could be called.
    package var maxPathBytes = 8_192
    /// The longest reference; a longer one leads nowhere.
    package var maxReferenceBytes = 2_048
    /// How long a chain of references to references may be.
    package var maxReferenceHops = 32
    /// Media types of one body or response that are looked at.
    package var maxMediaTypes = 100
    /// Ways to sign in that are offered.
    package var maxAuthMethods = 32
    /// Security schemes that are read, and combinations of them that are looked at for ways to sign in.
    package var maxSecuritySchemes = 256
    /// Faults that are listed; the rest is counted.
    package var maxFaults = 100
    /// Where a tool's description is cut, in characters.
    package var maxDescriptionCharacters = 1_000
    /// Where a tool's or definition's name is cut, in characters.
    package var maxNameCharacters = 120

    /// The defaults.
    package init() {}

    /// The same bounds in the form that the JSON reader takes.
    var json: JSONLimits { JSONLimits(maxBytes: self.maxDocumentBytes, maxDepth: self.maxDepth, maxValues: self.maxValues) }
}
