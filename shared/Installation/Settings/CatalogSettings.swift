package import Catalog
import Egress
import OpenAPI
package import Service

/// What is kept of integrations, and how large their documents may be.
///
/// Configuration keys: the bounds below, `roost.catalog.…` for what is kept in memory and `roost.openapi.…` for one document.
package struct CatalogSettings: Sendable {
    package let limits: CatalogLimits

    package init(_ reader: inout SettingsReader, egress: EgressSettings) {
        var limits = CatalogLimits()
        limits.maxConcurrentReads = reader.integer(
            "roost.catalog.max_concurrent_reads", default: limits.maxConcurrentReads, in: 1...64,
            "API documents read at once; what comes beyond is refused.")
        limits.documentTimeout = reader.duration(
            "roost.catalog.document_timeout", default: limits.documentTimeout, "How long fetching an API document may take.")
        limits.maxViews = reader.integer(
            "roost.catalog.max_views", default: limits.maxViews, in: 1...1_000_000,
            "Principals whose view of their integrations is kept in memory.")
        limits.maxIndexBytes = reader.byteCount(
            "roost.catalog.max_index_bytes", default: limits.maxIndexBytes, "Names, descriptions and words of tools kept for search.")
        limits.maxReadyTools = reader.integer(
            "roost.catalog.max_ready_tools", default: limits.maxReadyTools, in: 1...1_000_000, "Tools kept ready to be called.")
        limits.maxReadySchemaBytes = reader.byteCount(
            "roost.catalog.max_ready_schema_bytes", default: limits.maxReadySchemaBytes, "The schemas behind them.")
        limits.document = Self.document(&reader)
        // A request is checked before anybody is asked to approve it; what the client would refuse is refused then.
        limits.request.maxBodyBytes = egress.limits.maxRequestBytes
        limits.request.maxURLBytes = egress.limits.maxURLBytes
        self.limits = limits
    }

    private static func document(_ reader: inout SettingsReader) -> OpenAPILimits {
        var limits = OpenAPILimits()
        limits.maxDocumentBytes = reader.byteCount(
            "roost.openapi.max_document_bytes", default: limits.maxDocumentBytes, in: 1024...512 << 20, "The largest API document.")
        limits.maxValues = reader.integer(
            "roost.openapi.max_values", default: limits.maxValues, in: 1000...100_000_000,
            "Values in one document, aliases and shared path items written out.")
        limits.maxOperations = reader.integer(
            "roost.openapi.max_operations", default: limits.maxOperations, in: 1...50_000, "Operations of one document.")
        limits.maxDefinitions = reader.integer(
            "roost.openapi.max_definitions", default: limits.maxDefinitions, in: 1...50_000, "Shared schemas that its operations use.")
        limits.maxSchemaNodes = reader.integer(
            "roost.openapi.max_schema_nodes", default: limits.maxSchemaNodes, in: 1000...1_000_000_000,
            "Parts of the schemas written for all its tools together.")
        limits.maxSchemaBytes = reader.byteCount(
            "roost.openapi.max_schema_bytes", default: limits.maxSchemaBytes, in: 1024...4 << 30,
            "Schemas and bindings written for all its tools together.")
        return limits
    }
}
