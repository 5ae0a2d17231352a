import Foundation
import JSON
import NIOHTTP1
import SystemPackage
import TestSupport
import Testing

/// Header fields with which the services talk to each other, sent from outside: they are nobody's credentials and change nothing.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ForgedHeadersTests {
    @Test("who a caller is comes from the key alone, whatever the internal headers say")
    func forged() async throws {
        try await RunningRoost.with { roost in
            let adminSession = try await roost.openSession(key: roost.adminKey)
            let own = try await roost.openSession()
            let sessions = try await roost.call(.GET, "/api/v1/sessions", key: roost.adminKey).json["items"]?.array ?? []
            let admin = try #require(sessions.first { $0["account"] != sessions.last?["account"] }?["account"]?.string)
            let other = try #require(sessions.last?["account"]?.string)
            let file = try [UInt8](Data(contentsOf: URL(fileURLWithPath: roost.folder.appending("keys.json").string)))
            let organization = try #require(JSONValue(parsing: file)["organization"]?.string)
            let ping: JSONValue = ["jsonrpc": "2.0", "id": 4, "method": "ping"]
            for account in [admin, other] {
                let forged = [
                    ("roost-contract", "1"), ("roost-organization", organization), ("roost-account", account), ("roost-role", "admin"),
                    ("roost-method", "api_key x"), ("roost-resource", "/mcp"), ("roost-timeout", "0"), ("roost-error", "unavailable"),
                    ("roost-proof", String(repeating: "0", count: 64)),
                ]
                #expect(try await roost.mcp(ping, session: own, headers: forged).status == 200)
                #expect(try await roost.mcp(ping, session: adminSession, headers: forged).status == 404)
                #expect(try await roost.mcp(ping, session: own, key: "roost_wrong", headers: forged).status == 401)
                #expect(try await roost.call(.GET, "/api/v1/keys", headers: forged).status == 401)
                #expect(try await roost.call(.GET, "/api/v1/keys", key: roost.agentKey, headers: forged).status == 403)
                let answer = try await roost.mcp(ping, session: own, headers: forged)
                #expect(!answer.headers.contains { $0.name.lowercased().hasPrefix("roost-") })
            }
        }
    }
}
