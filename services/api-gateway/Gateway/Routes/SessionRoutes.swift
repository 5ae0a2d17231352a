import JSON
import Model
import RoostAPI
import Store

/// MCP sessions: an admin sees the organization's and closes any of them. Everybody else sees their own here and ends one as its client,
/// by `DELETE /mcp` with the session's id, which only its client has.
enum SessionRoutes {
    static let all: [Route] = [
        Route(.sessionsList) { call in
            let page = try await call.store.sessions.list(in: call.principal().organization, account: call.visibleAccount(), call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.sessionsClose) { call in
            let session: SessionRecordID = try call.id("session", of: "session")
            try await call.services.closeSession(session, for: call.principal(), trace: call.trace)
            return .noContent
        },
    ]
}

extension SessionRecord {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.id.rawValue), "account": .string(self.principal.account.rawValue), "resource": .string(self.resource),
            "protocol_version": .string(self.protocolVersion), "client": (try? self.clientInfo?.value()) ?? .null,
            "created_at": .string("\(self.createdAt)"), "last_activity_at": .string("\(self.lastActivityAt)"),
        ]
    }
}
