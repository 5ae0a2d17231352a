import ExecutionStack
import JSON
import Model
import Synchronization
import TestSupport
import Testing

/// What a program can rely on, through the whole stack with the real sandbox.
@Suite(.timeLimit(.minutes(1))) struct ProgramTests {
    @Test("Positions of errors are those of the text that was sent, whatever stood around the program")
    func positions() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            for (code, line, column) in [
                ("const a = 1;\nthrow new Error('x')", 2, 11),
                ("throw new Error('x')", 1, 11),
                ("async () => { throw new Error('x') }", 1, 25),
                ("// why\nasync (): Promise<number> => {\n  throw new Error('x')\n}", 3, 13),
                ("Text.\n\n```ts\nexport default async function main() {\n  throw new Error('x');\n}\n```\nMore.", 5, 13),
                ("interface A {\n  b: string\n}\nconst a: A = { b: 'x' };\nthrow new Error(a.b)", 5, 11),
            ] {
                let failure = try #require(try await stack.execute(code).failure)
                #expect(failure.line == line, "\(code)")
                #expect(failure.column == column, "\(code)")
            }
            for (code, line) in [("const a = 1;\nconst b = = 2", 2), ("```ts\nreturn “smart”\n```", 2), ("() => {\n  let let = 1 +\n}", 2)]
            {
                let failure = try #require(try await stack.execute(code).failure)
                #expect(failure.code == "syntax_error", "\(code)")
                #expect(failure.line == line, "\(code)")
            }
        }
    }

    @Test("A program of every accepted form gives its value")
    func forms() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            for code in [
                "return 42", "async () => 42", "() => { return 42 }", "function main(): number { return 42 }",
                "export default async () => { return 42 }", "```typescript\nreturn 42 as number\n```", "(async () => { return 42 })();",
                "enum A { B = 42 }\nreturn A.B", "const answer = <T,>(x: T): T => x;\nreturn answer<number>(42)",
            ] {
                #expect(try await fixture.result(of: code, stack) == 42, "\(code)")
            }
            #expect(try await fixture.result(of: "42", stack) == .null, "a bare expression is a statement")
        }
    }

    @Test("Fifty calls at once are all answered, in the order of the promises")
    func parallelCalls() async throws {
        try await StackFixture.with { fixture in
            fixture.catalogs.add("api.org.main.echo") { arguments, _ in .success(data: JSONText(.object(arguments)), http: nil) }
            let code = """
                const calls = Array.from({ length: 50 }, (_, index) => tools.api.org.main.echo({ index }));
                return (await Promise.all(calls)).map((reply) => reply.data.index);
                """
            let stack = try await fixture.request()
            #expect(try await fixture.result(of: code, stack) == .array((0..<50).map(JSONValue.int)))
        }
    }

    @Test("An answer of ten megabytes reaches the program whole, and a result of that size completes, cut")
    func tenMegabytes() async throws {
        try await StackFixture.with { fixture in
            let text = JSONText(.string(String(repeating: "x", count: 10 << 20)))
            fixture.catalogs.add("api.org.main.get") { _, _ in .success(data: text, http: nil) }
            let stack = try await fixture.request()
            #expect(try await fixture.result(of: "return (await tools.api.org.main.get({})).data.length", stack) == .int(10 << 20))
            let reply = try await stack.execute("return (await tools.api.org.main.get({})).data")
            #expect(reply.state == .completed)
            let result = try reply.structuredContent.value()["result"]
            #expect(result?["truncated"] == true)
            #expect(result?["byteCount"] == .int((10 << 20) + 2))
            #expect(reply.toolResult.bytes.count < 100_000)
        }
    }

    @Test("Nothing is kept from one program to the next, and a poisoned realm harms nobody")
    func freshRealm() async throws {
        try await StackFixture.with { fixture in
            let stack = try await fixture.request()
            _ = try await stack.execute("globalThis.kept = 1; Object.prototype.then = 1; JSON.stringify = () => 'no'")
            #expect(try await fixture.result(of: "return [typeof globalThis.kept, JSON.stringify(1)]", stack) == ["undefined", "1"])
        }
    }

    @Test("A call that is still open when the run is over is cancelled")
    func abandonedCall() async throws {
        try await StackFixture.with { fixture in
            let wasCancelled = Mutex(false)
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            fixture.catalogs.add("api.org.main.slow") { _, _ in
                start.finish()
                do {
                    try await Task.sleep(for: .seconds(3600))
                } catch {
                    wasCancelled.withLock { $0 = true }
                }
                return .success(data: JSONText(1), http: nil)
            }
            fixture.catalogs.add("api.org.main.begun") { _, _ in
                for await _ in started {}
                return .success(data: JSONText(1), http: nil)
            }
            // The program ends when the call is certainly under way; one that had not begun would not begin at all.
            let code = "tools.api.org.main.slow({}); await tools.api.org.main.begun({}); return 1"
            let stack = try await fixture.request()
            #expect(try await fixture.result(of: code, stack) == 1)
            #expect(wasCancelled.withLock { $0 })
        }
    }
}
