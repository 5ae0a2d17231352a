import HTTPTypes
import Identity
import JSON
import Model

/// MCP sessions: an admin sees the organization's and closes any of them. Everybody else sees their own here and ends one as its client,
/// by `DELETE /mcp` with the session's id, which only its client has.
extension Operation {
    static let sessionOperations: [Operation] = [.sessionsList, .sessionsClose]

    /// `GET /sessions`.
    package static let sessionsList = Operation(
        "sessions.list", .get, "/sessions", "Lists open MCP sessions.", permission: .read, parameters: [.limit, .cursor],
        success: .init(.ok, "A page of sessions.", schema: Schemas.page(of: SessionPieces.schema))
    )

    /// `DELETE /sessions/{session}`.
    package static let sessionsClose = Operation(
        "sessions.close", .delete, "/sessions/{session}", "Closes an MCP session; its client has to open a new one.",
        permission: .administer, parameters: [.init("session", in: .path, "The session's id as listed.")],
        success: .init(.noContent, "It is closed.")
    )
}

/// What the operations on sessions share.
private enum SessionPieces {
    static let schema = Schemas.object([
        "id": Schemas.string, "account": Schemas.string, "resource": Schemas.string, "protocol_version": Schemas.string,
        "client": ["type": ["object", "null"]], "created_at": Schemas.time, "last_activity_at": Schemas.time,
    ])
}
