import Catalog
import JSON
import Model
import RoostAPI
import Store

/// Connections: credentials on an integration. Their values come in here and never go out.
enum ConnectionRoutes {
    static let all: [Route] = [
        Route(.connectionsAdd) { call in
            let principal = try call.principal()
            var fields = try call.fields()
            let name = fields.string("name", maxCharacters: 63)
            let method = fields.string("method", maxCharacters: 200)
            let values = fields.strings("values")
            let owner: ToolAddress.Owner? = fields.choice("owner", default: .organization)
            let baseURL = fields.optionalString("base_url", maxCharacters: 2048)
            try fields.finish()
            let integration = try await call.integration().integration
            let record = try await call.catalog.editor.addConnection(
                NewConnection(
                    integration: integration.id, owner: owner ?? .organization, account: principal.account, name: name, method: method,
                    credentials: values.mapValues(Secret.init(_:)), baseURL: baseURL),
                in: principal.organization)
            return .created(record.json)
        },
        Route(.connectionsList) { call in
            let principal = try call.principal()
            // Other people's own connections are nobody's business but an admin's.
            let page = try await call.store.connections.list(
                in: principal.organization, visibleTo: call.visibleAccount(), call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.connectionsRemove) { call in
            try await call.catalog.editor.removeConnection(call.id("connection", of: "connection"), in: call.principal().organization)
            return .noContent
        },
    ]
}

extension ConnectionRecord {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.connection.id.rawValue), "integration": .string(self.integrationSlug),
            "owner": .string(self.connection.owner.rawValue), "name": .string(self.connection.name),
            "method": .string(self.connection.method), "base_url": .text(self.baseURL),
            "created_at": .string("\(self.connection.createdAt)"),
        ]
    }
}
