import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// The real services on a real PostgreSQL.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(5))) struct PostgreSQLTests {
    /// Roost on an empty database of a server of its own, its services in the role for which the wall between organizations stands.
    private static func with<Result: Sendable>(
        _ more: [String: String] = [:], _ body: (RunningRoost, TestPostgres) async throws -> Result
    ) async throws -> Result {
        try await TestPostgres.withServer { server in
            let name = try await server.makeDatabase()
            let environment = [
                "ROOST_DATABASE_URL": server.socketURL(database: name, user: "roost_service"),
                "ROOST_DATABASE_OWNER_URL": server.socketURL(database: name, user: "roost"),
            ]
            return try await RunningRoost.with(environment.merging(more) { $1 }) { try await body($0, server) }
        }
    }

    @Test("programs call a real API, over MCP and REST, and sessions outlive the session-service")
    func mainJob() async throws {
        try await NotesAPI.with { notes in
            try await Self.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost, _ in
                try await notes.register(with: roost)
                let allow: JSONValue = ["pattern": "notes.*.*.notes.create", "action": "allow"]
                #expect(try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: allow).status == 201)
                let session = try await roost.openSession()
                let program = """
                    const made = await tools.notes.org.main.notes.create({ body: { text: "kept" } });
                    const policies = await tools.roost.org.main.policies.list({});
                    return { text: made.data.text, policies: policies.data.items.length };
                    """
                let first = try await roost.execute(program, session: session)
                #expect(first["structuredContent"]?["result"] == ["text": "kept", "policies": 1], "\(first)")
                let run = try await roost.call(.POST, "/api/v1/executions", key: roost.agentKey, body: ["code": .string(program)])
                #expect(run.json["outcome"]?["structuredContent"]?["result"] == ["text": "kept", "policies": 1], "\(run.json)")
                let listed = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
                #expect(listed.json["items"]?.array?.count == 2)

                let before = try #require(try roost.services()["session-service"])
                kill(before, SIGKILL)
                _ = try await eventually(within: .seconds(10)) { kill(before, 0) != 0 ? true : nil }
                let second = try await roost.execute("return 2", session: session, id: 3)
                #expect(second["structuredContent"]?["result"]?.int == 2)
            }
        }
    }

    @Test("while the database is away requests are answered 503 with Retry-After; when it is back everything goes on by itself")
    func away() async throws {
        try await Self.with { roost, server in
            let session = try await roost.openSession()
            let services = try roost.services()
            try await server.kill()
            let refused = try await eventually(within: .seconds(30)) {
                let answer = try await roost.call(.GET, "/api/v1/policies", key: roost.adminKey)
                return answer.status == 503 ? answer : nil
            }
            #expect(refused.headers.first(name: "Retry-After") != nil)
            let run = try await roost.call(.POST, "/api/v1/executions", key: roost.agentKey, body: ["code": "return 1"])
            #expect(run.status == 503)
            #expect(try await roost.call(.GET, "/healthz").status == 200)
            try await server.restart()
            _ = try await eventually(within: .seconds(40)) {
                let answer = try await roost.call(.GET, "/api/v1/policies", key: roost.adminKey)
                return answer.status == 200 ? true : nil
            }
            let result = try await eventually(within: .seconds(40)) {
                let call: JSONValue = [
                    "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": ["name": "execute", "arguments": ["code": "return 3"]],
                ]
                let answer = try await roost.mcp(call, session: session)
                return answer.json["result"]?["structuredContent"]?["result"]?.int
            }
            #expect(result == 3)
            #expect(try roost.services() == services, "no process was restarted for it")
        }
    }

    @Test("services that would stand above the wall between organizations do not start")
    func owner() async throws {
        try await TestPostgres.withServer { server in
            let name = try await server.makeDatabase()
            let url = server.socketURL(database: name, user: "roost")
            let failure = await #expect(throws: (any Error).self) {
                try await RunningRoost.with(["ROOST_DATABASE_URL": url, "ROOST_DATABASE_OWNER_URL": url]) { _ in }
            }
            #expect(failure != nil)
        }
    }
}
