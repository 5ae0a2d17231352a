import JSON
import Sandbox
import Testing

/// Programs that replace what the prelude stands on: its calls, results, logs and errors must be what they are without that.
@Suite("Poisoned intrinsics", .sharedSandbox, .timeLimit(.minutes(5)))
struct PoisonTests {
    private static let poisons = [
        "JSON.stringify = () => 'hacked'; JSON.parse = throwing; globalThis.JSON = undefined",
        "globalThis.Promise = undefined; globalThis.Error = undefined; globalThis.TypeError = undefined; globalThis.Object = undefined",
        "Promise.prototype.then = throwing; Promise.prototype.catch = throwing; Promise.prototype.finally = throwing",
        "Promise.prototype.then = () => {}",
        "Promise.prototype.constructor = throwing",
        "Object.defineProperty(Promise, Symbol.species, { get: throwing }); Promise.resolve = throwing; Promise.reject = throwing",
        "for (const key of ['get', 'set']) Object.prototype[key] = throwing",
        "for (const key of ['value', 'writable', 'enumerable', 'configurable']) Object.prototype[key] = false",
        "for (const key of ['apply', 'construct', 'has', 'isExtensible', 'getPrototypeOf']) Object.prototype[key] = throwing",
        "Object.defineProperty(Error, Symbol.hasInstance, { value: () => false })",
        "Object.defineProperty(Error, Symbol.hasInstance, { value: throwing }); Object.defineProperty(Date, Symbol.hasInstance, { value: throwing })",
        "Function.prototype.call = throwing; Function.prototype.apply = throwing; Function.prototype.bind = throwing",
        "Object.defineProperty(Array.prototype, 0, { set: throwing, get: throwing, configurable: true })",
        "Array.prototype[Symbol.iterator] = throwing; String.prototype[Symbol.iterator] = throwing; Array.prototype.toJSON = undefined",
        "Error.captureStackTrace = throwing; Error.prepareStackTrace = throwing; Error.prototype.toString = throwing",
        "for (const key of Reflect.ownKeys(Object)) if (key !== 'prototype') try { Object[key] = throwing } catch {}",
        "for (const key of Reflect.ownKeys(Reflect)) try { Reflect[key] = throwing } catch {}",
        "for (const key of Reflect.ownKeys(Math)) try { Math[key] = throwing } catch {}",
        """
        const types = [Array, String, Map, Set, Function, Number, RegExp, Date, BigInt, Symbol, Uint8Array], { ownKeys } = Reflect;
        const { defineProperty } = Object;
        for (let i = 0; i < types.length; i++) {
            const keys = ownKeys(types[i].prototype);
            for (let j = 0; j < keys.length; j++) {
                if (keys[j] === 'constructor' || keys[j] === 'toJSON') continue;
                try { defineProperty(types[i].prototype, keys[j], { get: throwing, set: throwing, configurable: true }) } catch {}
            }
        }
        """,
    ]

    /// What every program does after it has poisoned something; it uses no intrinsic itself.
    private static let deeds = """
        const answer = await tools.echo({ safe: [1, 'two'] });
        console.log('log', answer); emit(answer);
        let caught = 'nothing';
        try { await tools.fail() } catch (error) { caught = error.name + ': ' + error.message }
        await new Promise2((resolve) => setTimeout(resolve, 1));
        queueMicrotask(() => {});
        return { answer, caught };
        """

    private func outcome(of source: String, in sandbox: SandboxHost) async throws -> SandboxRunReport {
        try await sandbox.run(SandboxFixture.program(source)) { call in
            call.path == "fail" ? .throwing(name: "NotFound", message: "there is none") : .value(call.argument ?? JSONText(.null))
        }
    }

    @Test("reach neither calls nor logs nor results")
    func results() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            for poison in [""] + Self.poisons {
                let source = "const Promise2 = Promise; const throwing = () => { throw 'poisoned' };\n\(poison);\n\(Self.deeds)"
                let report = try await self.outcome(of: source, in: sandbox)
                guard case .returned(let value?) = report.outcome else {
                    Issue.record("\(poison): \(report.outcome)")
                    continue
                }
                #expect(value.string == #"{"answer":{"safe":[1,"two"]},"caught":"NotFound: there is none"}"#, "\(poison)")
                #expect(report.output.logs.map(\.text) == [#"log {"safe":[1,"two"]}"#], "\(poison)")
                #expect(report.output.emitted.map(\.string) == [#"{"safe":[1,"two"]}"#], "\(poison)")
            }
        }
    }

    @Test("reach no error on its way out")
    func errors() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            // The last one breaks every `await` that the program itself writes, as the language wants it.
            for poison in [""] + Self.poisons + ["Object.defineProperty(Promise.prototype, 'constructor', { get: throwing })"] {
                let source =
                    "const Failure = TypeError; const throwing = () => { throw 'poisoned' };\n;\(poison);\nthrow new Failure('shape')"
                let report = try await self.outcome(of: source, in: sandbox)
                guard case .threw(let thrown) = report.outcome else {
                    Issue.record("\(poison): \(report.outcome)")
                    continue
                }
                #expect(thrown.name == "TypeError" && thrown.message == "shape", "\(poison): \(thrown)")
                let line = 3 + poison.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().count
                #expect(thrown.line == line, "\(poison): \(thrown)")
            }
        }
    }

    @Test("of the error itself cost the part that throws, not the rest")
    func ownErrors() async throws {
        let cases = [
            ("class Odd extends Error { get name() { throw 1 } } throw new Odd('m')", "Error: m"),
            ("throw Object.defineProperty(new RangeError('m'), 'message', { get() { throw 1 } })", "RangeError: "),
            ("throw Object.defineProperty(new RangeError('m'), 'stack', { get() { throw 1 } })", "RangeError: m"),
            ("throw Object.assign(new RangeError('m'), { name: Symbol('s'), message: { toString: () => 'text' } })", "Symbol(s): text"),
            ("throw new Proxy(new RangeError('m'), { getPrototypeOf() { throw 1 } })", "Thrown: "),
            ("throw { toJSON() { throw 1 } }", "Thrown: [object that cannot be shown]"),
            ("throw undefined", "Thrown: undefined"),
            ("throw Object.assign(new Error('m'), { name: 'n'.repeat(1000) })", String(repeating: "n", count: 256) + ": m"),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, expected) in cases {
                let result = try await sandbox.result(of: source)
                #expect(result.hasPrefix(expected), "\(source): \(result)")
            }
            let long = try await sandbox.run("throw new Error('ä'.repeat(1e6))")
            guard case .threw(let thrown) = long.outcome else { throw SandboxError(.violation, "\(long.outcome)") }
            #expect(thrown.message.utf16.count == 32_768)
        }
    }

    @Test("show no way to the function that writes frames")
    func noWayOut() async throws {
        // Everything that can be reached from the global object, from the tools, and from the frames below a callback.
        let source = """
            const seen = new Set<unknown>(), queue: unknown[] = [globalThis, tools, tools.a, console, (function () {}).constructor];
            const callers: string[] = (globalThis as any).callers = [];
            const probe = new Function(
                'try { const c = arguments.callee.caller; if (c) callers.push(String(c).slice(0, 60)) } catch {} return "x"') as any;
            console.log({ toJSON: probe }); console.log(Object.assign(new Error(), { message: { toString: probe } })); emit({ toJSON: probe });
            await tools.echo({ toJSON: probe });
            setTimeout(probe, 0); queueMicrotask(probe);
            await new Promise<void>((resolve) => setTimeout(resolve, 0));
            while (queue.length > 0) {
                const value = queue.pop();
                if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
                seen.add(value);
                try { queue.push(Object.getPrototypeOf(value)) } catch {}
                let keys: (string | symbol)[] = [];
                try { keys = Reflect.ownKeys(value) } catch {}
                for (const key of keys) {
                    const property = Object.getOwnPropertyDescriptor(value, key);
                    if (property) queue.push(property.value, property.get, property.set);
                }
            }
            const senders = [...seen].filter((value) => typeof value === 'function' && value !== tools && (value as Function).name === 'send');
            return { many: seen.size > 500, senders: senders.length, callers };
            """
        try await SandboxFixture.withSandbox { sandbox in
            let result = try await sandbox.result(of: source)
            #expect(result == #"{"many":true,"senders":0,"callers":[]}"#)
        }
    }

    @Test("and a full stack lose no call and forge none")
    func fullStack() async throws {
        // Calls and timers are made in the last frames that the stack has room for, with frames of many sizes, so that each step of the
        // prelude is once the one for which there is no room.
        let source = """
            let refused = 0, answered = 0;
            for (let phase = 0; phase < 60; phase++) {
                const calls: Promise<unknown>[] = [];
                const locals = Array.from({ length: phase % 30 }, (_, i) => `let l${i} = n + ${i};`).join('');
                const dive = new Function('act', `const dive = (n) => { ${locals} try { dive(n + 1) } catch {} act(n) }; dive(0)`);
                let acts = 0;
                dive((n: number) => {
                    if (++acts > 12) return;
                    try { calls.push(tools.echo(n)) } catch { refused++ }
                    try { setTimeout(() => { answered++ }, 0) } catch { refused++ }
                });
                for (const result of await Promise.allSettled(calls)) if (result.status === 'fulfilled') answered++; else refused++;
                await new Promise<void>((resolve) => setTimeout(resolve, 0));
            }
            return [refused > 0, answered > 0, await tools.echo('after')];
            """
        try await SandboxFixture.withSandbox { sandbox in
            let result = try await sandbox.result(of: source) { $0.cpuTime = .seconds(60) }
            #expect(result == #"[true,true,"after"]"#)
        }
    }
}
