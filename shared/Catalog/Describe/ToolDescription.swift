import JSON

/// A tool as a program's author needs to know it.
package struct ToolDescription: Sendable {
    /// The address, without `tools.`.
    package let path: String
    /// The tool's name within its integration.
    package let name: String
    package let description: String
    /// The type of the one object that the tool takes.
    package let inputTypeScript: String
    /// The type of what a call gives, successful or not.
    package let outputTypeScript: String
    /// The declarations that the two use, by name; the first three are in every description.
    package let typeScriptDefinitions: [(name: String, declaration: String)]
}

extension ToolDescription {
    /// Renders both schemas over one set of definitions.
    init(path: String, name: String, description: String, input: SchemaClosure, output: SchemaClosure, limits: CatalogLimits) {
        var definitions = input.definitions
        for (name, schema) in output.definitions { definitions.set(schema, forKey: name) }
        var renderer = TypeScriptRenderer(definitions: definitions, maxCommentCharacters: limits.maxCommentCharacters)
        self.path = path
        self.name = name
        self.description = description
        // What a schema says in place may be long too; then the type is not worth reading.
        func bounded(_ type: String) -> String { type.utf8.count <= limits.maxTypeScriptBytes ? type : "unknown" }
        self.inputTypeScript = bounded(renderer.type(input.schema))
        let data = bounded(renderer.type(output.schema))
        self.outputTypeScript = "{ ok: true; data: \(data); http?: ToolHttpMeta } | { ok: false; error: ToolError }"
        self.typeScriptDefinitions = Self.always + renderer.declarations(maxBytes: limits.maxTypeScriptBytes)
    }

    private static let always: [(name: String, declaration: String)] = [
        (
            "ToolError",
            """
            type ToolError = {
              code: string;
              message: string;
              status?: number;
              details?: unknown;
              retryable?: boolean;
              /** Seconds. */
              retryAfter?: number;
            };
            """
        ),
        (
            "ToolHttpMeta",
            """
            type ToolHttpMeta = {
              status: number;
              headers: Record<string, string>;
            };
            """
        ),
        (
            "ToolFile",
            """
            type ToolFile = {
              _tag: "ToolFile";
              name?: string;
              mimeType: string;
              encoding: "base64";
              data: string;
              byteLength: number;
            };
            """
        ),
    ]
}
