import JSON
import Model
import OpenAPI

/// A tool with its binding read and its input schema compiled: what is needed to call it, apart from the connection.
struct ReadyTool: Sendable {
    let description: String
    let binding: OperationBinding
    /// Nil where the schema is too large to be compiled; then the request itself is the only check.
    private let validator: JSONSchema?
    private let maxIssues: Int

    init(description: String, binding: OperationBinding, input: SchemaClosure, limits: CatalogLimits) {
        self.description = description
        self.binding = binding
        // A pattern or keyword that cannot be used must not make the tool unusable: the API checks again.
        self.validator = try? JSONSchema(compiling: input.document, faultPolicy: .ignore)
        self.maxIssues = limits.maxArgumentIssues
    }

    /// Brings arguments into their one form and checks them against the schema.
    ///
    /// - Throws: `invalid_tool_arguments` with the list of what is wrong.
    func canonicalArguments(_ given: JSONObject) throws(ToolError) -> JSONObject {
        let arguments = self.binding.canonicalArguments(given)
        guard let violations = self.validator?.validate(.object(arguments)), !violations.isEmpty else { return arguments }
        let issues = violations.prefix(self.maxIssues).map { violation in
            JSONValue.object(["path": .string(violation.instancePath.description), "message": .string(violation.message)])
        }
        let words = violations.prefix(3).map(\.description).joined(separator: "; ")
        let more = violations.count > 3 ? "; and \(violations.count - 3) more" : ""
        throw ToolError(
            code: "invalid_tool_arguments",
            message: "The arguments do not fit the tool: \(words)\(more). tools.describe.tool gives its types.",
            details: JSONText(["issues": .array(issues)]), retryable: false)
    }
}
