import Foundation
import HTTPTypes
import Identity
import JSON
import NIOHTTP1
import RoostAPI
import TestSupport
import Testing

/// Who may do what, over the real gateway, walked over every operation that there is.
@Suite(.serialized, .timeLimit(.minutes(3))) struct AuthorizationTests {
    /// A path with something in the place of its parameters.
    private func path(_ operation: RoostAPI.Operation) -> String {
        RoostAPI.Operation.pathPrefix + operation.path.replacing(/\{[a-z]+\}/, with: "nothing")
    }

    @Test("an agent's key, no key, a wrong key and the installation's key are refused on every operation that is not theirs")
    func everyOperation() async throws {
        try await RunningRoost.with { roost in
            for operation in RoostAPI.Operation.all {
                let method = HTTPMethod(rawValue: operation.method.rawValue)
                let body: JSONValue? = operation.body == nil ? nil : [:]
                let path = self.path(operation)
                for wrong in [nil, "roost_wrong"] {
                    let answer = try await roost.call(method, path, key: wrong, body: body)
                    #expect(answer.status == 401, "\(operation.operationID)")
                    #expect(answer.headers.first(name: "WWW-Authenticate")?.hasPrefix("Bearer") == true)
                }
                let agent = try await roost.call(method, path, key: roost.agentKey, body: body)
                let isAgents = [Permission.read, .run, .cancelOwn].contains(operation.permission)
                #expect((agent.status == 403) == !isAgents, "\(operation.operationID) answers an agent \(agent.status)")
                if operation.permission != .installOrganizations {
                    let installation = try await roost.call(method, path, key: roost.installationKey, body: body)
                    #expect(installation.status == 403, "\(operation.operationID) answers the installation \(installation.status)")
                }
            }
        }
    }

    @Test("a program that acts for an admin can change nothing and read no key")
    func fromInside() async throws {
        try await RunningRoost.with { roost in
            _ = try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: ["pattern": "roost.*.*.*", "action": "allow"])
            _ = try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: ["pattern": "roost.*", "action": "allow"])
            let program = """
                const results: Record<string, unknown> = {};
                results.policy = await tools.roost.org.main.policies.create({ body: { pattern: "*", action: "allow" } });
                results.keys = await tools.roost.org.main.keys.list({});
                results.key = await tools.roost.org.main.keys.create({ body: { name: "x", role: "admin" } });
                results.run = await tools.roost.org.main.executions.run({ body: { code: "return 1" } });
                results.read = await tools.roost.org.main.policies.list({});
                return results;
                """
            let results = try await eventually(within: .seconds(2)) {
                let answer = try await roost.call(.POST, "/api/v1/executions", key: roost.adminKey, body: ["code": .string(program)])
                let result = answer.json["outcome"]?["structuredContent"]?["result"]
                // Until the policies bind, the calls end at the approval instead of at the API.
                return result?["key"]?["error"]?["code"]?.string == "approval_required" ? nil : result
            }
            for name in ["policy", "keys", "key", "run"] {
                #expect(results[name]?["ok"] == false, "\(name)")
                #expect(results[name]?["error"]?["status"]?.int == 403, "\(name): \(results[name]?.text() ?? "nothing")")
            }
            #expect(results["read"]?["ok"] == true)
        }
    }

    @Test("two organizations see nothing of each other")
    func organizations() async throws {
        try await RunningRoost.with { roost in
            let made = try await roost.call(
                .POST, "/api/v1/organizations", key: roost.installationKey, body: ["slug": "other", "name": "Other"])
            #expect(made.status == 201)
            let other = try #require(made.json["admin_key"]?.string)
            let policy = try await roost.call(
                .POST, "/api/v1/policies", key: roost.adminKey, body: ["pattern": "a.org.c.d", "action": "block"])
            let id = try #require(policy.json["id"]?.string)
            #expect(try await roost.call(.GET, "/api/v1/policies/\(id)", key: other).status == 404)
            #expect(try await roost.call(.DELETE, "/api/v1/policies/\(id)", key: other).status == 404)
            #expect(try await roost.call(.GET, "/api/v1/policies", key: other).json["items"] == [])
            #expect(try await roost.call(.GET, "/api/v1/policies/\(id)", key: roost.adminKey).status == 200)
        }
    }
}
