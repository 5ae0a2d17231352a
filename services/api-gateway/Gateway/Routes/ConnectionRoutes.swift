import Catalog
import JSON
import Model
import RoostAPI
import Store
import Vault

/// Connections: credentials on an integration. Their values come in here and never go out.
enum ConnectionRoutes {
    static let all: [Route] = [
        Route(.connectionsAdd) { call in
            let principal = try call.principal()
            var fields = try call.fields()
            let name = fields.string("name", maxCharacters: 63)
            let method = fields.string("method", maxCharacters: 200)
            let values = fields.strings("values")
            let references = Self.references(&fields)
            let owner: ToolAddress.Owner? = fields.choice("owner", default: .organization)
            let baseURL = fields.optionalString("base_url", maxCharacters: 2048)
            try fields.finish()
            let integration = try await call.integration().integration
            let record = try await call.catalog.editor.addConnection(
                NewConnection(
                    integration: integration.id, owner: owner ?? .organization, account: principal.account, name: name, method: method,
                    credentials: values.mapValues(Secret.init(_:)), references: references, baseURL: baseURL),
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

    /// The member `references`: by variable, a secret that the installation provides.
    private static func references(_ fields: inout BodyFields) -> [String: SecretReference] {
        var references: [String: SecretReference] = [:]
        for (name, text) in fields.strings("references").sorted(by: { $0.key < $1.key }) {
            guard let reference = SecretReference(text) else {
                fields.fault("references", name, "must be env:NAME or file:PATH")
                continue
            }
            references[name] = reference
        }
        return references
    }
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
