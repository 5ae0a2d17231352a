import ExecutionStack
import JSON
import Model
import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct AgentToolTests {
    @Test("The description names the integrations that have a visible tool, sorted, at most fifty")
    func inventory() async throws {
        try await StackFixture.with { fixture in
            #expect(try await fixture.request().agentTools()[0].description.hasSuffix("No integration is connected yet."))
            for index in 0..<60 {
                let slug = "api\(index < 10 ? "0" : "")\(index)"
                fixture.catalogs.add("\(slug).org.main.get") { _, _ in .success(data: JSONText(1), http: nil) }
            }
            _ = try await fixture.store.policies.create(in: fixture.tenant.organization.id, pattern: "api00.*", action: .block)
            let stack = try await fixture.request()
            // The policy binds within a second, not at once.
            try await eventually { try await stack.agentTools()[0].description.hasSuffix("\n… 9 more") }
            let tool = try #require(try await stack.agentTools().first)
            #expect(tool.name == "execute")
            #expect(tool.description.split(separator: "\n").suffix(51).first == "- api01 (API01)")
            #expect(tool.annotations.isDestructive == nil)
        }
    }

    @Test("Structured content fits the output schema, and the arguments' schema refuses what is refused")
    func schemas() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            let tool = try #require(try await stack.agentTools().first)
            let output = try JSONSchema(compiling: try tool.outputSchema.value())
            for code in ["return 1", "return 'x'.repeat(100_000)", "throw new Error('no')", "emit(1); console.log(2)", "syntax error"] {
                let reply = try await stack.execute(code)
                #expect(output.validate(try reply.structuredContent.value()).isEmpty)
            }
            let input = try JSONSchema(compiling: try tool.inputSchema.value())
            #expect(input.validate(["code": "return 1"]).isEmpty)
            for arguments in [[:], ["code": 1], ["code": ""], ["code": "x", "y": 1]] as [JSONValue] {
                #expect(!input.validate(arguments).isEmpty)
            }
        }
    }
}
