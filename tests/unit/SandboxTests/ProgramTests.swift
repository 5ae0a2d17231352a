import JSON
import Model
import Sandbox
import Synchronization
import Testing

@Suite("Programs", .sharedSandbox, .timeLimit(.minutes(5)))
struct ProgramTests {
    @Test("return what they return, as JSON")
    func results() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let cases = [
                ("return 1 + 1", "2"),
                ("return 'ä😀'", #""ä😀""#),
                ("return { b: 1, a: [null, true, 1.5, 'x'] }", #"{"b":1,"a":[null,true,1.5,"x"]}"#),
                ("return", "undefined"),
                ("", "undefined"),
                ("1 + 1", "undefined"),
                ("return () => 1", "undefined"),
                ("return tools", "undefined"),
                ("return null", "null"),
                ("return new Date(0)", #""1970-01-01T00:00:00.000Z""#),
                ("return new Map([['a', 1], ['b', new Set([1, 2])]])", #"{"a":1,"b":[1,2]}"#),
                ("return new Map([[1, 'a']])", #"[[1,"a"]]"#),
                ("return new Uint8Array([1, 2])", "[1,2]"),
                ("return [NaN, undefined, Infinity]", "[null,null,null]"),
                (
                    "return { error: Object.assign(new TypeError('no'), { code: 7 }) }",
                    #"{"error":{"name":"TypeError","message":"no","code":7}}"#
                ),
                ("const a = { x: 1 }; return [a, a]", #"[{"x":1},{"x":1}]"#),
                (
                    "const a = {}; a.a = a; return a",
                    "TypeError: The result cannot be sent as JSON: JSON.stringify cannot serialize cyclic structures."
                ),
                ("return { a: 1n }", "TypeError: The result cannot be sent as JSON: JSON.stringify cannot serialize BigInt."),
                ("return typeof this", #""undefined""#),
                ("return await new Promise((resolve) => queueMicrotask(() => resolve('m')))", #""m""#),
                ("return await Promise.all([1, Promise.resolve(2)])", "[1,2]"),
                ("return eval('1 + 1') + new Function('return 7')()", "9"),
                (
                    "return [typeof WebAssembly, typeof SharedArrayBuffer, typeof process, typeof require, typeof WeakRef]",
                    #"["undefined","undefined","undefined","undefined","undefined"]"#
                ),
                ("throw 'text'", "Thrown: text"),
                ("throw { code: 7 }", #"Thrown: {"code":7}"#),
                ("null.x", "TypeError: null is not an object (evaluating 'null.x')"),
                (
                    "fetch('https://example.com')",
                    "Error: fetch is disabled: programs have no network. Call an API through tools.<integration>…; tools.search finds it."
                ),
                ("await import('fs')", "Error: Could not import the module 'fs'."),
            ]
            for (source, expected) in cases {
                let result = try await sandbox.result(of: source)
                #expect(result == expected, "\(source)")
            }
        }
    }

    @Test("start alike: nothing of one run is left for the next")
    func freshRealm() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let first = try await sandbox.result(of: "globalThis.left = 1; Array.prototype.left = 1; return left")
            #expect(first == "1")
            let second = try await sandbox.result(of: "return [typeof left, typeof [].left]")
            #expect(second == #"["undefined","undefined"]"#)
        }
    }

    @Test("emit values and log lines in order, and logs arrive while they run")
    func output() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let lines = Mutex<[SandboxLogLine]>([])
            let report = try await sandbox.run(
                SandboxFixture.program(
                    """
                    console.log('a', 1, { b: [2n, undefined, () => 1] }, [1, new Map([['k', 1]])]);
                    console.warn(new TypeError('bad'), null, undefined, Symbol('s'), new Date(0));
                    const circular: any = { inner: {} }; circular.inner.back = circular;
                    console.error(circular); console.info('info'); console.debug('debug'); console.table([1]); console.assert(1 > 2, 'no');
                    emit({ a: 1 }); emit('text'); emit(undefined);
                    await tools.check();
                    """)
            ) { _ in
                .value(JSONText(.number(JSONNumber(lines.withLock { $0.count }))))
            } onLog: { line in
                lines.withLock { $0.append(line) }
            }
            let expected = [
                SandboxLogLine(level: .log, text: #"a 1 {"b":["2n",null,null]} [1,{"k":1}]"#),
                SandboxLogLine(level: .warn, text: "TypeError: bad null undefined Symbol(s) 1970-01-01T00:00:00.000Z"),
                SandboxLogLine(level: .error, text: #"{"inner":{"back":"[circular]"}}"#),
                SandboxLogLine(level: .info, text: "info"), SandboxLogLine(level: .debug, text: "debug"),
                SandboxLogLine(level: .log, text: "[1]"), SandboxLogLine(level: .error, text: "no"),
            ]
            #expect(report.output.logs == expected)
            #expect(lines.withLock { $0 } == expected)
            #expect(report.output.emitted.map(\.string) == [#"{"a":1}"#, #""text""#, "null"])
        }
    }

    @Test("with the same seed and start time see the same time and chance")
    func determinism() async throws {
        let source = """
            const array = new Uint8Array(8);
            return [
                Math.random(), Math.random(), crypto.randomUUID(), crypto.getRandomValues(array), Date.now(), new Date(), Date(), performance.now(),
                new Intl.DateTimeFormat('en', { timeZone: 'UTC' }).format(), Date.UTC(2020, 0), new Date(2020, 1, 2), new Date('2021-01-01'),
            ]
            """
        try await SandboxFixture.withSandbox { sandbox in
            func run(seed: UInt64) async throws -> JSONValue {
                let report = try await sandbox.run(SandboxFixture.program(source, seed: seed)) { _ in .value(JSONText(.null)) }
                guard case .returned(let value?) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
                return try value.value()
            }
            let first = try await run(seed: 7)
            let again = try await run(seed: 7)
            #expect(again == first)
            let other = try await run(seed: 8)
            #expect(other[0] != first[0])
            #expect(other[4] == first[4])
            #expect(first[4]?.int == 1_700_000_000_000)
            #expect(first[5]?.string == "2023-11-14T22:13:20.000Z")
            #expect(first[7]?.int == 0)
            #expect(first[8]?.string == "11/14/2023")
            #expect(first[10]?.string == "2020-02-02T00:00:00.000Z")
            let uuid = try #require(first[2]?.string)
            #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
    }

    @Test("see time move by answers only")
    func time() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let still = try await sandbox.result(of: "const t = Date.now(); for (let i = 0; i < 1e6; i++); return Date.now() - t")
            #expect(still == "0")
            let slept = try await sandbox.result(
                of: """
                    const t = Date.now();
                    await new Promise((resolve) => setTimeout(resolve, 30));
                    return Date.now() - t >= 30 && performance.now() >= 30
                    """)
            #expect(slept == "true")
        }
    }

    @Test("have timers that fire in order, repeat and can be cleared")
    func timers() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let result = try await sandbox.result(
                of: """
                    const seen: unknown[] = [];
                    setTimeout((x) => seen.push(x), 20, 'c');
                    setTimeout(() => seen.push('a'), 10);
                    setTimeout(() => seen.push('b'), 10);
                    const never = setTimeout(() => seen.push('never'), 5);
                    clearTimeout(never); clearTimeout(never); clearTimeout(undefined);
                    await new Promise<void>((resolve) => {
                        let count = 0;
                        const timer = setInterval(() => { if (++count === 3) { clearInterval(timer); resolve(); } }, 10);
                    });
                    return seen;
                    """)
            #expect(result == #"["a","b","c"]"#)
            let late = try await sandbox.result(of: "setTimeout(() => { throw new Error('late') }, 1); await new Promise(() => {})")
            #expect(late == "Error: late")
        }
    }
}
