import Engine
import ExecutionStack
import JSON
import Model
import Sandbox
import Store
import TestSupport
import Testing

/// The same programs, once through the services of a request and once through those of a session: what an agent sees must be the same.
@Suite(.timeLimit(.minutes(1))) struct ParityTests {
    /// Programs and what is expected of them, so that two equal mistakes do not pass for parity.
    private static let programs: [(code: String, expected: String)] = [
        ("return 1 + 1", "2"),
        ("const greet = (name: string): string => `hi ${name}`; return greet('you')", "hi you"),
        ("Here:\n```ts\nasync function main(): Promise<number[]> { return [1, 2] }\n```", "[\n  1,\n  2\n]"),
        ("console.warn('careful', { a: 1 }); return null", "(no result)\n\nLogs:\n[warn] careful {\"a\":1}"),
        ("emit('shown'); return false", "false"),
        ("return (await tools.api.org.main.echo({ a: 1 })).data", "{\n  \"a\": 1\n}"),
        ("return (await tools['tools.api.org.main.echo']({})).ok", "true"),
        ("return (await tools.api.org.main.nope({})).error.code", "tool_not_found"),
        ("return (await tools.api.org.main.hidden({})).error.code", "tool_not_found"),
        ("return (await tools.api.org.main.strict({})).error.message", "`id` is missing"),
        ("return (await tools.api.org.main.write({})).error.code", "approval_required"),
        ("return (await tools.api.org.main.write({})).error.details", "\"action\": \"allow\""),
        ("return (await tools.search({ query: 'echo' })).items.map((tool) => tool.path)", "api.org.main.echo"),
        ("return (await tools.describe.tool({ path: 'api.org.main.hidden' })).error.code", "tool_not_found"),
        ("await tools.search({ limit: 'many' })", "Error: TypeError: tools.search: `limit` must be an integer from 1 to 100"),
        ("await tools.api.org.main.broken({})", "Error: Error: internal tool error"),
        ("\nthrow new RangeError('too far')", "Error: RangeError: too far (line 2"),
        ("const x: = 1", "Error: SyntaxError:"),
        ("await new Promise(() => {})", "Error:"),
        ("for (;;) {}", "Error:"),
    ]

    @Test("A request and a session see the same tools and the same outcome of every program")
    func parity() async throws {
        try await StackFixture.with({ $0.sandbox.cpuTime = .milliseconds(300) }) { fixture in
            Self.addTools(to: fixture.catalogs)
            _ = try await fixture.store.policies.create(in: fixture.tenant.organization.id, pattern: "api.*.*.hidden", action: .block)
            let request = try await fixture.request()
            let session = try await fixture.session()
            #expect(try await request.agentTools() == session.agentTools())
            for (code, expected) in Self.programs {
                let first = try await request.call("execute", arguments: ["code": .string(code)])
                let second = try await session.call("execute", arguments: ["code": .string(code)])
                #expect(Self.comparable(first) == Self.comparable(second), "\(code)")
                for reply in [first, second] {
                    let stored = try await request.execution(reply.execution)
                    #expect(stored.outcome == reply.toolResult, "\(code)")
                    #expect(stored.record.state == reply.state, "\(code)")
                    #expect(stored.record.errorCode == reply.failure?.code, "\(code)")
                }
                guard case .text(let text)? = first.content.first else {
                    Issue.record("no text for \(code)")
                    continue
                }
                #expect(text.contains(expected), "\(code)")
            }
        }
    }

    @Test(
        "A request and a session refuse the same calls with the same words",
        arguments: [
            ("execute", nil), ("execute", [:]), ("execute", ["code": 1]), ("execute", ["code": "return 1", "mode": "x"]),
            ("execute", ["code": ""]), ("execute", ["code": "\0"]), ("run", ["code": "return 1"]),
        ] as [(String, JSONValue?)])
    func refusals(tool: String, arguments: JSONValue?) async throws {
        try await StackFixture.with { fixture in
            var errors: [ExecutionStackError?] = []
            for stack in [try await fixture.request(), try await fixture.session()] {
                errors.append(await #expect(throws: ExecutionStackError.self) { try await stack.call(tool, arguments: arguments) })
            }
            #expect(errors[0]?.code == errors[1]?.code)
            #expect(errors[0]?.message == errors[1]?.message)
        }
    }

    @Test("A request and a session stop a program that takes longer than its caller waits in the same way")
    func timeLimit() async throws {
        try await StackFixture.with { fixture in
            var replies: [ExecutionReply] = []
            for stack in [try await fixture.request(), try await fixture.session()] {
                let code = "await new Promise((resolve) => setTimeout(resolve, 20_000))"
                replies.append(try await stack.call("execute", arguments: ["code": .string(code)], within: .seconds(1)))
            }
            #expect(replies[0].failure?.code == "call_timeout")
            #expect(Self.comparable(replies[0]) == Self.comparable(replies[1]))
            for reply in replies {
                let stored = try await fixture.request().execution(reply.execution).record
                #expect(stored.state == .failed)
                #expect(stored.errorCode == "call_timeout")
            }
        }
    }

    private static func addTools(to catalogs: FakeCatalogs) {
        struct Broken: Error {}
        catalogs.add("api.org.main.echo") { arguments, _ in .success(data: JSONText(.object(arguments)), http: nil) }
        catalogs.add("api.org.main.hidden") { _, _ in .success(data: JSONText(1), http: nil) }
        catalogs.add("api.org.main.strict", required: ["id"]) { _, _ in .success(data: JSONText(1), http: nil) }
        catalogs.add("api.org.main.write", .write) { _, _ in .success(data: JSONText(1), http: nil) }
        catalogs.add("api.org.main.broken") { _, _ in throw Broken() }
    }

    /// A reply without what differs from run to run by design: the execution's id, and the number of an internal error.
    private static func comparable(_ reply: ExecutionReply) -> String {
        reply.toolResult.string
            .replacing(reply.execution.rawValue, with: "exe_…")
            .replacing(/internal tool error [0-9a-f]{8}/, with: "internal tool error …")
    }
}
