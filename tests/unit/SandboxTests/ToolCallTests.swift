import JSON
import Sandbox
import Synchronization
import Testing

@Suite("Tool calls", .sharedSandbox, .timeLimit(.minutes(5)))
struct ToolCallTests {
    private func calls(of source: String) async throws -> (paths: [String], arguments: [String?], result: String) {
        let seen = Mutex<[SandboxCall]>([])
        return try await SandboxFixture.withSandbox { sandbox in
            let report = try await sandbox.run(SandboxFixture.program(source)) { call in
                seen.withLock { $0.append(call) }
                return .value(JSONText(.number(JSONNumber(Int(call.id)))))
            }
            let calls = seen.withLock { $0 }.sorted { $0.id < $1.id }
            let result =
                switch report.outcome {
                case .returned(let value): value?.string ?? "undefined"
                case .threw(let thrown): "\(thrown.name): \(thrown.message)"
                }
            return (calls.map(\.path), calls.map { $0.argument?.string }, result)
        }
    }

    @Test("carry the path, however it is written, and the first argument only")
    func pathsAndArguments() async throws {
        let (paths, arguments, result) = try await self.calls(
            of: """
                const { github } = tools; const name = 'issues';
                return [
                    await tools.a.b.c({ x: 1 }, 'second'),
                    await tools['a.b'].c(),
                    await tools['my-api'].org['main'].get_thing(undefined),
                    await github.org.main[name].create([1, 'ä', null, new Date(0)]),
                    await tools.call(1), await tools[1](2), await tools['']('root'),
                ]
                """)
        #expect(paths == ["a.b.c", "a.b.c", "my-api.org.main.get_thing", "github.org.main.issues.create", "call", "1"])
        #expect(arguments == [#"{"x":1}"#, nil, nil, #"[1,"ä",null,"1970-01-01T00:00:00.000Z"]"#, "1", "2"])
        #expect(result.hasPrefix("TypeError: tools is not a tool itself: the path is missing"), "\(result)")
    }

    @Test("go through a proxy that is not a promise, cannot be listed and cannot be changed")
    func proxy() async throws {
        let cases = [
            (
                "return [typeof tools, typeof tools.a.then, typeof tools[Symbol.iterator], JSON.stringify({ tools }), tools.a === tools.a]",
                #"["function","undefined","undefined","{}",true]"#
            ),
            ("const t = await tools; return t === tools", "true"),
            ("return Object.keys(tools)", #"TypeError: tools cannot be listed: find tools with tools.search({ query: "…" })"#),
            (
                "for (const name in tools.a) console.log(name)",
                #"TypeError: tools cannot be listed: find tools with tools.search({ query: "…" })"#
            ),
            ("(tools as any).a = 1", "TypeError: tools cannot be changed"),
            ("delete (tools as any).a", "TypeError: tools cannot be changed"),
            ("(globalThis as any).tools = 1", "TypeError: Attempted to assign to readonly property."),
            ("new (tools as any).a()", "TypeError: function is not a constructor (evaluating 'new tools.a()')"),
            ("Object.freeze(tools.a)", "TypeError: tools cannot be changed"),
            ("await (tools as any)()", #"TypeError: tools is not a tool itself: the path is missing, as in tools.search({ query: "…" })"#),
            ("await tools['a'.repeat(1025)]()", "TypeError: the path of a tool has at most 1024 characters"),
            (
                "const a: any = {}; a.a = a; await tools.x.y(a)",
                "TypeError: The argument of tools.x.y cannot be sent as JSON: JSON.stringify cannot serialize cyclic structures."
            ),
            (
                "await tools.x.y({ id: 1n })",
                "TypeError: The argument of tools.x.y cannot be sent as JSON: JSON.stringify cannot serialize BigInt."
            ),
            ("'a' in tools; return String(typeof tools.a)", #""function""#),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, expected) in cases {
                let result = try await sandbox.result(of: source)
                #expect(result == expected, "\(source)")
            }
        }
    }

    @Test("are rejected with the host's error, whose stack names the line of the call")
    func rejection() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let source = """
                interface Issue { id: number }

                async function create(issue: Issue) {
                    return await tools.github.create(issue);
                }
                try { await create({ id: 1 }) } catch (error) { console.log(error instanceof Error, error.name, error.message) }
                await create({ id: 2 });
                """
            let report = try await sandbox.run(SandboxFixture.program(source)) { call in
                .throwing(name: "ApprovalDeclined", message: "Nobody agreed to \(call.path).")
            }
            guard case .threw(let thrown) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
            #expect(report.output.logs.map(\.text) == ["true ApprovalDeclined Nobody agreed to github.create."])
            #expect(thrown.name == "ApprovalDeclined")
            #expect(thrown.message == "Nobody agreed to github.create.")
            #expect(thrown.line == 4)
            #expect(thrown.stack.hasPrefix("    at create (code.ts:4:"))
            #expect(!thrown.stack.contains("prelude"))
        }
    }

    @Test("run at the same time, twenty of them")
    func parallel() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let barrier = Mutex<[CheckedContinuation<Void, Never>]>([])
            let report = try await sandbox.run(
                SandboxFixture.program("return await Promise.all(Array.from({ length: 20 }, (_, i) => tools.wait(i)))")
            ) { call in
                // Nobody is answered before all have asked.
                await withCheckedContinuation { continuation in
                    let all = barrier.withLock { waiting -> [CheckedContinuation<Void, Never>] in
                        waiting.append(continuation)
                        return waiting.count == 20 ? waiting : []
                    }
                    for waiting in all { waiting.resume() }
                }
                return .value(call.argument ?? JSONText(.null))
            }
            guard case .returned(let value) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
            #expect(value?.string == "[\((0..<20).map(String.init).joined(separator: ","))]")
            #expect(report.output.callCount == 20)
            #expect(report.output.abandonedCallCount == 0)
        }
    }

    @Test("that a program does not await are cancelled when it ends, and counted")
    func abandoned() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let cancelled = Mutex(0)
            let report = try await sandbox.run(SandboxFixture.program("tools.a(1); tools.b(2); return await tools.c(3)")) { call in
                if call.path == "c" { return .value(JSONText(.bool(true))) }
                try? await Task.sleep(for: .seconds(60))
                if Task.isCancelled { cancelled.withLock { $0 += 1 } }
                return .value(JSONText(.null))
            }
            #expect(report.output.callCount == 3)
            #expect(report.output.abandonedCallCount == 2)
            #expect(cancelled.withLock { $0 } == 2)
        }
    }

    @Test("do not count against the wall limit while they are open")
    func waitingIsFree() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let report = try await sandbox.run(
                SandboxFixture.program("const t = Date.now(); await tools.slow(); return Date.now() - t >= 5500") {
                    $0.wallTime = .seconds(5)
                }
            ) { _ in
                try? await Task.sleep(for: .milliseconds(5500))
                return .value(JSONText(.null))
            }
            guard case .returned(let value) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
            #expect(value?.string == "true")
            let error = await #expect(throws: SandboxError.self) {
                try await sandbox.run(SandboxFixture.program("await tools.slow()") { $0.absoluteTime = .milliseconds(500) }) { _ in
                    try? await Task.sleep(for: .seconds(60))
                    return .value(JSONText(.null))
                }
            }
            #expect(error?.code == .wallLimit)
            let asleep = await #expect(throws: SandboxError.self) {
                try await sandbox.run("await new Promise((resolve) => setTimeout(resolve, 60000))") { $0.wallTime = .milliseconds(500) }
            }
            #expect(asleep?.code == .wallLimit)
        }
    }

    @Test("carry 10 MB in and megabytes out, whole")
    func largeValues() async throws {
        let rows = (0..<100_000).map { #"{"id":\#($0),"name":"row number \#($0)","tags":["a","b"],"open":true,"score":1.5}"# }
        let text = "[" + rows.joined(separator: ",") + "]"
        let body = try JSONText(validating: text)
        try await SandboxFixture.withSandbox { sandbox in
            let report = try await sandbox.run(
                SandboxFixture.program(
                    "const { ok, data } = await tools.list(); console.log(ok, data.length, data.at(-1).name); return data.slice(-9000)")
            ) { _ in .spliced(SplicedJSON(prefix: Array(#"{"ok":true,"data":"#.utf8), body: body, suffix: Array("}".utf8))) }
            #expect(report.output.logs.map(\.text) == ["true 100000 row number 99999"])
            guard case .returned(let value?) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
            #expect(value.string == "[" + rows.suffix(9000).joined(separator: ",") + "]")
            let string = try await sandbox.run("return 'x'.repeat(2 << 20)")
            guard case .returned(let large?) = string.outcome else { throw SandboxError(.violation, "\(string.outcome)") }
            #expect(large.bytes.count == (2 << 20) + 2)
            let argument = try await sandbox.result(of: "return (await tools.echo('ä'.repeat(1 << 20))).length")
            #expect(argument == "\(1 << 20)")
        }
    }

    @Test("whose answer is too long or no JSON are rejected, and the program goes on")
    func badReplies() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let source = "try { await tools.x() } catch (error) { return error.name + ': ' + error.message }"
            let long = try await sandbox.run(SandboxFixture.program(source) { $0.maxReplyBytes = 1024 }) { _ in
                .value(JSONText(.string(String(repeating: "x", count: 2000))))
            }
            guard case .returned(let first?) = long.outcome else { throw SandboxError(.violation, "\(long.outcome)") }
            #expect(first.string == #""RangeError: The tool answered with 2002 bytes, more than the limit of 1 KiB. Ask it for less.""#)
            let broken = try await sandbox.run(SandboxFixture.program(source)) { _ in
                .spliced(SplicedJSON(prefix: [], body: JSONText(.null), suffix: Array("]".utf8)))
            }
            guard case .returned(let second?) = broken.outcome else { throw SandboxError(.violation, "\(broken.outcome)") }
            #expect(second.string == #""SyntaxError: the answer of the tool is not valid JSON""#)
        }
    }
}
