import JSON
import Sandbox
import Testing

/// What programs try that want more than they may have. Serialized: most of them take all the processor time there is.
@Suite("Attacks", .serialized, .sharedSandbox, .timeLimit(.minutes(5)))
struct AttackTests {
    /// Runs a program that must be ended, and checks that the sandbox still works afterwards.
    private func failure(
        of source: String, _ change: (inout SandboxLimits) -> Void = { _ in },
        answers: @Sendable @escaping (SandboxCall) async -> SandboxReply = { .value($0.argument ?? JSONText(.null)) }
    ) async throws -> SandboxError {
        try await SandboxFixture.withSandbox { sandbox in
            let error = await #expect(throws: SandboxError.self) {
                try await sandbox.run(SandboxFixture.program(source, change), onCall: answers)
            }
            let after = try await sandbox.result(of: "return 'fine'")
            #expect(after == #""fine""#)
            return try #require(error)
        }
    }

    @Test("an endless loop ends at the processor time limit")
    func endlessLoop() async throws {
        let error = try await self.failure(of: "console.log('before'); for (;;) {}") { $0.cpuTime = .milliseconds(500) }
        #expect(error.code == .cpuLimit)
        #expect(error.hasStarted)
        #expect(error.output.logs.map(\.text) == ["before"])
        #expect(error.output.cpuTime > .milliseconds(100) && error.output.cpuTime < .seconds(2))
    }

    @Test("an endless chain of microtasks ends at the wall limit")
    func endlessMicrotasks() async throws {
        let error = try await self.failure(of: "(async () => { for (;;) await null })(); for (;;) await null") {
            $0.cpuTime = .seconds(60)
            $0.wallTime = .seconds(1)
        }
        #expect(error.code == .wallLimit)
        #expect(error.output.elapsed >= .seconds(1) && error.output.elapsed < .seconds(30))
    }

    @Test("a regular expression that backtracks without end ends at the processor time limit")
    func catastrophicRegex() async throws {
        let error = try await self.failure(of: "return /^(a+)+$/.test('a'.repeat(40) + '!')") { $0.cpuTime = .seconds(1) }
        #expect(error.code == .cpuLimit)
        // Long before the engine would give up by itself, with a wrong answer.
        #expect(error.output.cpuTime < .seconds(4))
    }

    @Test(
        "a program that fills memory ends at its limit, and may see an error first",
        arguments: [
            "const a = []; for (;;) a.push(new Array(1e6))",
            "const a = []; for (;;) a.push({ x: a.length, y: 'k' + a.length })",
            "let s = 'abcdefgh'; for (;;) s += s",
            "const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1))",
            "const m = new Map(); for (let i = 0; ; i++) m.set(i, 'v' + i)",
            "const a = []; for (;;) { try { for (;;) a.push(new Array(1e6).fill(7)) } catch {} }",
            "return 'x'.repeat(1e9)",
            "return new Uint8Array(1e9).fill(1).length",
            "let n = 2n; for (;;) n = n * n",
            "return JSON.parse('[' + '[],'.repeat(4e6) + '1]')",
            "let f = () => 0; for (;;) { const g = f; const big = new Array(1000).fill(0); f = () => g() + big.length }",
            "return 'a'.padEnd(2 ** 29).split('')",
        ])
    func memoryBomb(source: String) async throws {
        try await SandboxFixture.withSandbox { sandbox in
            do {
                let report = try await sandbox.run(source) { limits in
                    limits.memory = 64 << 20
                    limits.cpuTime = .seconds(20)
                }
                guard case .threw(let thrown) = report.outcome else { throw SandboxError(.violation, "\(report.outcome)") }
                #expect(thrown.name == "RangeError")
                #expect(report.output.peakMemory < 200 << 20)
            } catch let error as SandboxError {
                #expect(error.code == .memoryLimit || error.code == .cpuLimit, "\(error)")
                #expect(error.output.peakMemory < 200 << 20)
            }
            let after = try await sandbox.result(of: "return 'fine'")
            #expect(after == #""fine""#)
        }
    }

    @Test("deep recursion is an error that the program can catch")
    func deepRecursion() async throws {
        let cases = [
            ("const f = (n: number): number => f(n + 1) + 1; try { f(0) } catch (e) { return String(e) }", ["RangeError"]),
            ("try { JSON.parse('['.repeat(1e6)) } catch (e) { return e.name }", ["SyntaxError", "RangeError"]),
            ("try { eval('('.repeat(1e5) + '1' + ')'.repeat(1e5)) } catch (e) { return e.name }", ["SyntaxError", "RangeError"]),
            ("try { new RegExp('('.repeat(1e5) + ')'.repeat(1e5)) } catch (e) { return e.name }", ["SyntaxError", "RangeError"]),
            (
                "let a: any = []; for (let i = 0; i < 1e5; i++) a = [a]; try { return String(a) } catch (e) { return e.name }",
                ["RangeError"]
            ),
            ("const o: any = {}; o.toString = () => `${o}`; try { return `${o}` } catch (e) { return e.name }", ["RangeError"]),
            ("const p: any = new Proxy({}, {}); Object.setPrototypeOf(p, p); return p.x", ["TypeError", "RangeError"]),
            ("let a: any = []; for (let i = 0; i < 1e5; i++) a = [a]; return a", ["TypeError: The result cannot be sent", "RangeError"]),
            ("let a: any = []; for (let i = 0; i < 1e5; i++) a = [a]; console.log(a); return 'shown'", ["shown"]),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, expected) in cases {
                let result = try await sandbox.result(of: source) { limits in
                    limits.cpuTime = .seconds(60)
                    limits.wallTime = .seconds(240)
                }
                let text = result.drop { $0 == "\"" }
                #expect(expected.contains { text.hasPrefix($0) }, "\(source): \(result.prefix(200))")
            }
        }
    }

    @Test("a result nested deeper than JSON is read is refused, not passed on")
    func deepResult() async throws {
        let error = try await self.failure(of: "let a: any = 1; for (let i = 0; i < 500; i++) a = [a]; return a")
        #expect(error.code == .outputLimit)
    }

    @Test("a promise that can never settle is found at once")
    func neverSettles() async throws {
        let error = try await self.failure(of: "console.log('waiting'); await new Promise(() => {})")
        #expect(error.code == .neverSettles)
        #expect(error.output.logs.count == 1)
        #expect(error.output.elapsed < .seconds(25))
    }

    @Test(
        "a flood of output is cut off",
        arguments: [
            "for (;;) console.log('x'.repeat(60000))",
            "for (;;) console.log('')",
            "for (;;) emit('x'.repeat(1e5))",
            "for (;;) emit(1)",
            "emit('x'.repeat(4e5)); emit('x'.repeat(4e5)); return 'x'.repeat(6e5)",
            "return 'x'.repeat(17 << 20)",
            "emit('x'.repeat(25 << 20))",
            "await tools.big('x'.repeat(17 << 20))",
        ])
    func flood(source: String) async throws {
        let error = try await self.failure(of: source) { limits in
            limits.cpuTime = .seconds(30)
            limits.maxOutputBytes = 1 << 20
            limits.maxLogBytes = 512 << 10
            limits.maxOutputItems = 2000
        }
        #expect(error.code == .outputLimit, "\(error)")
        #expect(error.output.emitted.reduce(0) { $0 + $1.bytes.count } <= 1 << 20)
        #expect(error.output.logs.reduce(0) { $0 + $1.text.utf8.count } <= 512 << 10)
    }

    @Test("too many calls, open at once or altogether, and too many timers end the run")
    func tooManyQuestions() async throws {
        let atOnce = try await self.failure(of: "for (let i = 0; i < 100; i++) tools.a(i); await tools.b()") {
            $0.maxConcurrentCalls = 50
        } answers: { _ in
            try? await Task.sleep(for: .seconds(60))
            return .value(JSONText(.null))
        }
        #expect(atOnce.code == .callLimit)
        let altogether = try await self.failure(of: "for (;;) await tools.a(1)") { $0.maxCalls = 10 }
        #expect(altogether.code == .callLimit)
        #expect(altogether.output.callCount == 10)
        let timers = try await self.failure(of: "for (let i = 0; i < 300; i++) setTimeout(() => {}, 1e6); await new Promise(() => {})")
        #expect(timers.code == .callLimit)
    }

    @Test("a program that asks without end and never listens is ended")
    func deafProgram() async throws {
        let calls = try await self.failure(of: "for (;;) tools.a('x')") { $0.cpuTime = .seconds(30) }
        #expect(calls.code == .callLimit)
        let timers = try await self.failure(of: "for (;;) setTimeout(() => {}, 0)") { $0.cpuTime = .seconds(30) }
        #expect(timers.code == .callLimit)
        // A reply that does not fit into the socket, to a program that does not read it.
        let large = JSONText(.string(String(repeating: "x", count: 5_000_000)))
        let deaf = try await self.failure(of: "tools.a().then(() => {}); console.log('l'); for (;;) {}") {
            $0.cpuTime = .milliseconds(500)
        } answers: { _ in
            .value(large)
        }
        #expect(deaf.code == .cpuLimit)
        #expect(deaf.output.logs.count == 1)
    }

    @Test("a text that closes its function runs nothing outside of it")
    func closingTheFunction() async throws {
        let error = try await self.failure(of: "} console.log('out'); async function f() {")
        #expect(error.code == .syntaxError)
        #expect(!error.hasStarted)
        try await SandboxFixture.withSandbox { sandbox in
            // These are expressions still; what they leave is no program.
            for source in ["}), (function () { return 7", "})(), (() => { console.log('out')"] {
                guard case .threw(let thrown) = try await sandbox.run(source).outcome else {
                    Issue.record("\(source) ran")
                    continue
                }
                #expect(thrown.name == "TypeError", "\(source): \(thrown)")
            }
        }
    }

    @Test("a text on which the TypeScript service dies is refused, and others go on")
    func translatorBomb() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            let depth = 120_000
            let bomb = String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
            async let others = (0..<20).asyncMap { try await sandbox.result(of: "return \($0)") }
            let error = await #expect(throws: SandboxError.self) { try await sandbox.run("return \(bomb)") }
            #expect(error?.code == .syntaxError, "\(String(describing: error))")
            let results = try await others
            #expect(results == (0..<20).map { "\($0)" })
        }
    }
}

extension Range<Int> {
    /// One after the other.
    fileprivate func asyncMap<Result: Sendable>(_ transform: (Int) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
