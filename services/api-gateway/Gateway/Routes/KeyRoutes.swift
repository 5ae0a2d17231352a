import Identity
import JSON
import Model
import RoostAPI
import Store

/// API keys of the caller's organization. Nobody can read a key again; agents and executions can read nothing about keys at all.
enum KeyRoutes {
    static let all: [Route] = [
        Route(.keysCreate) { call in
            let principal = try call.principal()
            var fields = try call.fields()
            let name = fields.string("name", maxCharacters: 200)
            let role: Principal.Role? = fields.choice("role")
            try fields.finish()
            let key = APIKeyText()
            let record = try await call.store.keys.create(
                in: principal.organization, role: role ?? .agent, name: name, hash: key.hash)
            return .created(["key": .string(key.secret.reveal()), "record": record.json])
        },
        Route(.keysList) { call in
            let page = try await call.store.keys.list(in: call.principal().organization, call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.keysRevoke) { call in
            .ok(try await call.store.keys.revoke(call.id("key", of: "key"), in: call.principal().organization).json)
        },
    ]
}

extension APIKey {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.id.rawValue), "account": .string(self.account.rawValue), "role": .string(self.role.rawValue),
            "name": .string(self.name), "created_at": .string("\(self.createdAt)"), "revoked_at": .time(self.revokedAt),
            "last_used_at": .time(self.lastUsedAt),
        ]
    }
}

extension JSONValue {
    /// A time, or null.
    static func time(_ time: Timestamp?) -> JSONValue { time.map { .string("\($0)") } ?? .null }

    /// A text, or null.
    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
