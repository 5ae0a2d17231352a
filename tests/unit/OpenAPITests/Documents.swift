import JSON

@testable import OpenAPI

/// Short documents for tests.
enum Documents {
    /// A document with the given paths and components, both as JSON texts.
    static func text(version: String = "3.1.0", paths: String, components: String = "{}", more: String = "") -> String {
        """
        {"openapi": "\(version)", "info": {"title": "Test", "version": "1"}, "servers": [{"url": "https://api.test/v1"}],
         \(more) "paths": \(paths), "components": \(components)}
        """
    }

    /// What an ingest makes of it.
    static func ingest(
        version: String = "3.1.0", paths: String, components: String = "{}", more: String = "", url: String? = nil,
        limits: OpenAPILimits = OpenAPILimits()
    ) throws -> OpenAPISource {
        let text = Self.text(version: version, paths: paths, components: components, more: more)
        return try OpenAPIDocument(reading: Array(text.utf8), url: url, limits: limits).ingest(limits: limits)
    }

    /// The normalized form of one schema under the name `X`, and whatever it reaches.
    static func definition(_ schema: String, version: String = "3.0.3", others: String = "") throws -> JSONValue? {
        let source = try Self.ingest(
            version: version,
            paths: """
                {"/x": {"get": {"operationId": "x", "responses": {"200": {"description": "", "content":
                {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}}}
                """,
            components: #"{"schemas": {"X": \#(schema)\#(others.isEmpty ? "" : "," + others)}}"#)
        return try source.definitions.first { $0.name == "X" }?.schema.value()
    }
}
