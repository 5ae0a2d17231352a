import JSON
import Model
import Policies
import RoostAPI
import Store

/// Policies of the caller's organization: what happens to calls of the tools that a pattern names.
enum PolicyRoutes {
    static let all: [Route] = [
        Route(.policiesCreate) { call in
            var fields = try call.fields()
            let pattern = fields.string("pattern", maxCharacters: 512)
            let action: PolicyAction? = fields.choice("action")
            if !pattern.isEmpty {
                do throws(PolicyError) { _ = try PolicyPattern(pattern) } catch { fields.fault("pattern", error.message) }
            }
            try fields.finish()
            let policy = try await call.store.policies.create(
                in: call.principal().organization, pattern: pattern, action: action ?? .block)
            return .created(policy.json, at: "/policies/\(policy.id)")
        },
        Route(.policiesList) { call in
            let page = try await call.store.policies.list(in: call.principal().organization, call.page())
            return .page(page.items.map(\.json), nextCursor: page.next)
        },
        Route(.policiesShow) { call in
            guard let policy = try await call.store.policies.find(call.id("policy", of: "policy"), in: call.principal().organization) else {
                throw Problem.notFound("policy")
            }
            return .ok(policy.json)
        },
        Route(.policiesUpdate) { call in
            var fields = try call.fields()
            let action: PolicyAction? = fields.choice("action")
            try fields.finish()
            return .ok(
                try await call.store.policies.update(
                    call.id("policy", of: "policy"), action: action ?? .block, in: call.principal().organization
                ).json)
        },
        Route(.policiesRemove) { call in
            try await call.store.policies.remove(call.id("policy", of: "policy"), in: call.principal().organization)
            return .noContent
        },
    ]
}

extension Policy {
    fileprivate var json: JSONValue {
        [
            "id": .string(self.id.rawValue), "pattern": .string(self.pattern), "action": .string(self.action.rawValue),
            "created_at": .string("\(self.createdAt)"),
        ]
    }
}
