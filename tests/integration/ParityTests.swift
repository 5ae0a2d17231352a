import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// The two ways into the stack, over the real services: the same programs through REST and through an MCP session.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ParityTests {
    private static let programs = [
        "return { a: 1, b: [true, null, 'x'] }", "return 'text'", "", "throw new TypeError('no')", "const x: number = ;",
        "return tools.search({ limit: -1 })",
        "return await tools.search({ query: 'list policies' })",
        "return await tools.describe.tool({ path: 'roost.org.main.policies.list' })",
        "return await tools.describe.tool({ path: 'nothing.org.main.at.all' })", "return await tools.nothing.org.main.at.all({})",
        "return (await tools.roost.org.main.policies.list({ limit: 'many' })).error",
        "return (await tools.roost.org.main.policies.list({})).data",
        "return await tools.roost.org.main.policies.create({ body: { pattern: '*', action: 'allow' } })",
        "console.log('one'); console.warn({ two: 2 }); return 1",
        "emit({ shown: true }); return null", "return await tools.roost.sources.list({})", "await new Promise(() => {})",
        "return 'x'.repeat(100000)",
        "return new Date().getTime() > 0", "enum Color { Red = 3 } return Color.Red satisfies number", "return fetch('http://example.com')",
    ]

    @Test("the same programs give the same answers, and agents see the same tools", arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
    func same(revision: String) async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession(revision: revision)
            for (index, program) in Self.programs.enumerated() where !program.isEmpty {
                let rest = try await roost.call(.POST, "/api/v1/executions", key: roost.agentKey, body: ["code": .string(program)])
                let mcp = try await roost.execute(program, session: session, id: index + 10)
                let outcome = try #require(rest.json["outcome"], "\(program): \(rest.status)")
                #expect(Self.comparable(outcome["content"]) == Self.comparable(mcp["content"]), "\(program)")
                #expect(outcome["isError"] == mcp["isError"], "\(program)")
                if revision != "2025-03-26" {
                    #expect(Self.comparable(outcome["structuredContent"]) == Self.comparable(mcp["structuredContent"]), "\(program)")
                }
            }
            let listed = try await roost.mcp(["jsonrpc": "2.0", "id": 5, "method": "tools/list"], session: session).json["result"]?["tools"]
            let shown = try await roost.call(.GET, "/api/v1/agent/tools", key: roost.agentKey).json["tools"]
            #expect(listed?.array?.count == shown?.array?.count)
            for field in ["name", "description", "inputSchema"] {
                #expect(listed?[0]?[field] == shown?[0]?[field], "\(field)")
            }
        }
    }

    /// Without what differs by nature: ids, times, and the headers that carry them.
    private static func comparable(_ value: JSONValue?) -> String {
        (value?.text() ?? "none")
            .replacing(/exe_[0-9a-f-]{36}/, with: "exe")
            .replacing(/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/, with: "date")
    }
}
