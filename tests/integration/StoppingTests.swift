import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// What an admin stops over REST binds the real services: what starts within a second, what is open within five.
@Suite(.serialized, .timeLimit(.minutes(3))) struct StoppingTests {
    @Test("a frozen integration refuses the next call of a running program, and answers again when it is unfrozen")
    func frozen() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                try await notes.register(with: roost)
                let session = try await roost.openSession()
                let program = "const r = await tools.notes.org.main.notes.list({}); return r.error?.code ?? 'fine';"
                func outcome() async throws -> String? {
                    try await roost.execute(program, session: session)["structuredContent"]?["result"]?.string
                }
                #expect(try await outcome() == "fine")
                let calling = "for (;;) { const r = await tools.notes.org.main.notes.list({}); if (!r.ok) return r.error.code; }"
                async let stopped = roost.execute(calling, session: roost.openSession())
                _ = try await roost.execution(in: "running")
                let frozen = try await roost.call(.POST, "/api/v1/integrations/notes/freeze", key: roost.adminKey)
                #expect(frozen.status == 200)
                #expect(frozen.json["frozen_at"]?.string != nil)
                #expect(try await stopped["structuredContent"]?["result"]?.string == "integration_frozen")
                #expect(try await outcome() == "integration_frozen")
                let thawed = try await roost.call(.POST, "/api/v1/integrations/notes/unfreeze", key: roost.adminKey)
                #expect(thawed.json["frozen_at"] == .null)
                _ = try await eventually(within: .seconds(3)) { try await outcome() == "fine" ? true : nil }
                // Roost's own API is every organization's and cannot be frozen by one.
                #expect(try await roost.call(.POST, "/api/v1/integrations/roost/freeze", key: roost.adminKey).status == 404)
            }
        }
    }

    @Test("a disabled account's key is refused within a second, and its session and running call end within five")
    func disabled() async throws {
        try await RunningRoost.with { roost in
            let made = try await roost.call(.POST, "/api/v1/keys", key: roost.adminKey, body: ["name": "leaving", "role": "agent"])
            let key = try #require(made.json["key"]?.string)
            let account = try #require(made.json["record"]?["account"]?.string)
            let session = try await roost.openSession(key: key)
            async let pending = roost.mcp(ClientGoneTests.execute(ClientGoneTests.sleeping(seconds: 25), id: 9), session: session, key: key)
            _ = try await roost.execution(in: "running", key: roost.adminKey)

            let path = "/api/v1/accounts/\(account)"
            let disabled = try await roost.call(.POST, path + "/disable", key: roost.adminKey)
            let moment = ContinuousClock.now
            #expect(disabled.status == 200)
            #expect(disabled.json["disabled_at"]?.string != nil)
            _ = try await eventually(within: .seconds(3)) {
                try await roost.call(.GET, "/api/v1/policies", key: key).status == 401 ? true : nil
            }
            let answer = try await pending.json
            #expect(ContinuousClock.now - moment < .seconds(5))
            let codes = [answer["error"]?["data"]?["code"], answer["result"]?["structuredContent"]?["error"]?["code"]].compactMap {
                $0?.string
            }
            #expect(codes == ["execution_interrupted"] || codes == ["credentials_revoked"], "\(answer.text())")

            #expect(try await roost.call(.POST, path + "/enable", key: roost.adminKey).json["disabled_at"] == .null)
            _ = try await eventually(within: .seconds(3)) {
                try await roost.call(.GET, "/api/v1/policies", key: key).status == 200 ? true : nil
            }
            let closed = try await roost.mcp(["jsonrpc": "2.0", "id": 3, "method": "ping"], session: session, key: key)
            #expect(closed.status == 404, "the session stays closed")
            let listed = try await roost.call(.GET, "/api/v1/accounts?limit=200", key: roost.adminKey)
            #expect(listed.json["items"]?.array?.contains { $0["id"]?.string == account } == true)
            // The admin's own account has the last admin key.
            let own = try #require(
                try await roost.call(.GET, "/api/v1/keys", key: roost.adminKey).json["items"]?.array?.first {
                    $0["role"]?.string == "admin"
                })
            let refused = try await roost.call(.POST, "/api/v1/accounts/\(own["account"]?.string ?? "")/disable", key: roost.adminKey)
            #expect(refused.status == 409)
        }
    }
}
