import HTTPTypes
import Identity
import JSON
import Model

/// The tools that the caller's programs can call.
extension Operation {
    static let toolOperations: [Operation] = [.toolsList, .toolsShow]

    /// `GET /tools`.
    package static let toolsList = Operation(
        "tools.list", .get, "/tools", "Lists the tools that the caller's programs can call; blocked ones are not there.",
        permission: .read,
        parameters: [.limit, .cursor, .init("integration", in: .query, "Only the tools of the integration with this slug.")],
        success: .init(.ok, "A page of tools.", schema: Schemas.page(of: ToolPieces.schema))
    )

    /// `GET /tools/{address}`.
    package static let toolsShow = Operation(
        "tools.show", .get, "/tools/{address}", "Shows a tool with its TypeScript types.", permission: .read,
        parameters: [.init("address", in: .path, "The tool's address, such as `github.org.main.issues.create`.")],
        success: .init(.ok, "The tool.", schema: ToolPieces.detail)
    )
}

/// What the operations on tools share.
private enum ToolPieces {
    static let properties: JSONObject = [
        "address": Schemas.string, "name": Schemas.string, "description": Schemas.string, "integration": Schemas.string,
        "effect": Schemas.words(ToolEffect.allCases.map(\.rawValue)), "action": Schemas.words(PolicyAction.allCases.map(\.rawValue)),
    ]
    static let schema = Schemas.object(properties)
    static let detail: JSONValue = {
        var all = properties
        for name in ["input_typescript", "output_typescript", "typescript_definitions"] { all[name] = Schemas.string }
        // Any JSON Schema, `true` included.
        for name in ["input_schema", "output_schema"] { all[name] = true }
        return Schemas.object(all)
    }()
}
