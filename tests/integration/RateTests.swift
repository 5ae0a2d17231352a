import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Rates of requests, over the real gateway.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RateTests {
    @Test("a key that asks more often than it may gets 429 with Retry-After on REST and MCP alike, and another key does not")
    func rates() async throws {
        try await RunningRoost.with(["ROOST_GATEWAY_KEY_RATE": "1", "ROOST_GATEWAY_RATE_BURST": "10s"]) { roost in
            var answer = try await roost.call(.GET, "/api/v1/policies", key: roost.agentKey)
            for _ in 0..<200 where answer.status == 200 {
                answer = try await roost.call(.GET, "/api/v1/policies", key: roost.agentKey)
            }
            #expect(answer.status == 429)
            #expect(answer.json["type"]?.string == "urn:roost:problem:too-many-requests")
            #expect(answer.headers.first(name: "Retry-After") == "1")
            // On a slow machine there may be room again.
            let initialize: JSONValue = ["jsonrpc": "2.0", "id": 1, "method": "initialize"]
            var message = try await roost.mcp(initialize)
            for _ in 0..<200 where message.status != 429 { message = try await roost.mcp(initialize) }
            #expect(message.status == 429)
            #expect(message.headers.first(name: "Retry-After") == "1")
            #expect(try await roost.call(.GET, "/api/v1/policies", key: roost.adminKey).status == 200)
        }
    }
}
