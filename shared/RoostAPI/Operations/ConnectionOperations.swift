import HTTPTypes
import Identity
import JSON
import Model

/// Connections: credentials on an integration. Their values can be written and used, never read.
extension Operation {
    static let connectionOperations: [Operation] = [.connectionsAdd, .connectionsList, .connectionsRemove]

    /// `POST /integrations/{integration}/connections`.
    package static let connectionsAdd = Operation(
        "connections.add", .post, "/integrations/{integration}/connections",
        "Adds a connection to an integration; its values can be used from now on, and never be read.", permission: .administer,
        parameters: [.init("integration", in: .path, "The integration's slug.")],
        body: Schemas.object(
            [
                "name": Schemas.string, "method": Schemas.string,
                "values": ["type": "object", "additionalProperties": Schemas.string],
                "references": ["type": "object", "additionalProperties": Schemas.string], "owner": ConnectionPieces.owner,
                "base_url": Schemas.string,
            ], optional: ["values", "references", "owner", "base_url"]),
        success: .init(.created, "The connection.", schema: ConnectionPieces.schema)
    )

    /// `GET /connections`.
    package static let connectionsList = Operation(
        "connections.list", .get, "/connections", "Lists the organization's connections and the caller's own, without values.",
        permission: .read, parameters: [.limit, .cursor],
        success: .init(.ok, "A page of connections.", schema: Schemas.page(of: ConnectionPieces.schema))
    )

    /// `DELETE /connections/{connection}`.
    package static let connectionsRemove = Operation(
        "connections.remove", .delete, "/connections/{connection}", "Removes a connection with its values.", permission: .administer,
        parameters: [.init("connection", in: .path, "The connection's id.")], success: .init(.noContent, "It is gone.")
    )
}

/// What the operations on connections share.
private enum ConnectionPieces {
    static let owner = Schemas.words(ToolAddress.Owner.allCases.map(\.rawValue))
    static let schema = Schemas.object([
        "id": Schemas.string, "integration": Schemas.string, "owner": owner, "name": Schemas.string, "method": Schemas.string,
        "base_url": Schemas.nullableString, "created_at": Schemas.time,
    ])
}
