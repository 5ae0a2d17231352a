import Foundation
import JSON
import NIOHTTP1
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The main job, as somebody who follows the README does it: the real binaries, the official Python client, a real API.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MainJobTests {
    /// Runs programs with the official MCP client in its default mode.
    private func client(_ roost: RunningRoost, _ programs: [String]) async throws -> JSONValue {
        let outcome = try await Program.run(
            Program.python, [Program.root.appending("tests/clients/run_program.py").string, roost.mcpURL, roost.agentKey] + programs)
        try #require(outcome.status.isSuccess, "\(outcome.errors)")
        return try JSONValue(parsing: outcome.output)
    }

    @Test("an unmodified MCP client lists tools, and its typed program searches, describes and reads Roost's own API")
    func ownAPI() async throws {
        try await RunningRoost.with { roost in
            let answer = try await self.client(
                roost,
                [
                    """
                    interface Found { items: { path: string }[] }
                    const found: Found = await tools.search({ query: "list policies" });
                    const shape = await tools.describe.tool({ path: found.items[0].path });
                    const policies = await tools.roost.org.main.policies.list({});
                    return { path: shape.path, types: shape.inputTypeScript as string, ok: policies.ok, items: policies.data.items };
                    """
                ])
            #expect(answer["protocolVersion"]?.string == "2025-11-25")
            #expect(answer["tools"] == ["execute"])
            let result = answer["results"]?[0]?["structured"]?["result"]
            #expect(result?["path"]?.string == "roost.org.main.policies.list")
            #expect(result?["types"]?.string?.contains("cursor?: string") == true)
            #expect(result?["ok"] == true)
            #expect(result?["items"] == [])
        }
    }

    @Test("an API is registered over REST, its POST is allowed by a policy, and a program makes a GET and that POST")
    func realAPI() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                try await notes.register(with: roost)
                let program = """
                    interface Note { id: number; text: string }
                    const before = (await tools.notes.org.main.notes.list({})).data as Note[];
                    const made = await tools.notes.org.main.notes.create({ body: { text: "Written by an agent" } });
                    return { before: before.length, ok: made.ok, code: made.error?.code, made: made.data };
                    """
                let refused = try await self.client(roost, [program])["results"]?[0]?["structured"]?["result"]
                #expect(refused?["code"]?.string == "approval_required")
                let policy = try await roost.call(
                    .POST, "/api/v1/policies", key: roost.adminKey, body: ["pattern": "notes.*.*.notes.create", "action": "allow"])
                #expect(policy.status == 201)
                // A policy binds every process within a second: the program that runs into the refusal longer than that is wrong.
                let allowed = try await eventually(within: .seconds(1.5)) {
                    let result = try await self.client(roost, [program])["results"]?[0]?["structured"]?["result"]
                    return result?["ok"] == true ? result : nil
                }
                #expect(allowed["made"]?["text"]?.string == "Written by an agent")
                #expect(allowed["before"]?.int == 2)
            }
        }
    }

    @Test("an upstream answer of 10 MB reaches the program whole; a 10 MB result completes, cut, with its full size")
    func largeBodies() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(RunningRoost.patience.merging(["ROOST_EGRESS_ALLOW": notes.address]) { $1 }) { roost in
                try await notes.register(with: roost)
                let session = try await roost.openSession()
                // What a first run costs for good (code pages, caches, pools) is not the body's.
                _ = try await roost.execute("return (await tools.notes.org.main.notes.list({})).ok", session: session, id: 8)
                let before = try roost.residentBytes()
                let whole = try await roost.execute(
                    "return (await tools.notes.org.main.notes.big({ bytes: 10000000 })).data.length", session: session)
                #expect(whole["structuredContent"]?["result"]?.int == 9_999_998)
                let cut = try await roost.execute(
                    "return (await tools.notes.org.main.notes.big({ bytes: 10000000 })).data", session: session, id: 3)
                #expect(cut["isError"] == false)
                #expect(cut["structuredContent"]?["status"]?.string == "completed")
                #expect(cut["structuredContent"]?["result"]?["truncated"] == true)
                #expect(cut["structuredContent"]?["result"]?["byteCount"]?.int == 10_000_000)
                let text = try #require(cut["content"]?[0]?["text"]?.string)
                #expect(text.unicodeScalars.count < 31_000)
                #expect(text.contains("10000000") || text.contains("10,000,000") || text.contains("9999998") || text.contains("9,999,998"))
                let after = try roost.residentBytes()
                for (name, bytes) in after {
                    #expect(bytes - (before[name] ?? 0) <= 30_000_000, "\(name) grew by \(bytes - (before[name] ?? 0)) bytes")
                }
            }
        }
    }
}

extension NotesAPI {
    /// Registers the API as the integration `notes` with the connection `main`.
    func register(with roost: RunningRoost) async throws {
        let integration = try await roost.call(
            .POST, "/api/v1/integrations", key: roost.adminKey, body: ["slug": "notes", "url": .string("\(self.url)/openapi.json")])
        try #require(integration.status == 201, "\(String(decoding: integration.bytes, as: UTF8.self))")
        let connection = try await roost.call(
            .POST, "/api/v1/integrations/notes/connections", key: roost.adminKey,
            body: ["name": "main", "method": "token", "values": ["token": .string(self.token)]])
        try #require(connection.status == 201, "\(String(decoding: connection.bytes, as: UTF8.self))")
    }
}

extension RunningRoost {
    /// Resident memory of each service.
    func residentBytes() throws -> [String: Int] {
        try self.services().mapValues { try Self.residentBytes(of: $0) }
    }
}

/// Asks again until there is an answer, at most for the given time and once more after it.
func eventually<Value>(within limit: Duration, _ ask: () async throws -> Value?) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        let isLast = ContinuousClock.now >= deadline
        if let value = try await ask() { return value }
        try #require(!isLast, "there was no answer within \(limit)")
        await Task.yield()
    }
}
