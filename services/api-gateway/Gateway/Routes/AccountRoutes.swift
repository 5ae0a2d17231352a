import JSON
import Model
import RoostAPI
import Store

/// Accounts of the caller's organization.
enum AccountRoutes {
    static let all: [Route] = [
        Route(.accountsList) { call in
            let page = try await call.store.accounts.list(in: call.principal().organization, call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.accountsDisable) { call in
            .ok(try await call.store.accounts.disable(call.id("account", of: "account"), in: call.principal().organization).json)
        },
        Route(.accountsEnable) { call in
            .ok(try await call.store.accounts.enable(call.id("account", of: "account"), in: call.principal().organization).json)
        },
    ]
}

extension Account {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.id.rawValue), "name": .string(self.name), "issuer": .text(self.issuer), "subject": .text(self.subject),
            "disabled_at": .time(self.disabledAt), "created_at": .string("\(self.createdAt)"),
        ]
    }
}
