import Glibc
import Testing

@testable import Sandbox

@Suite("TypeScript", .sharedSandbox, .timeLimit(.minutes(5)))
struct TypeScriptTests {
    @Test("is accepted with everything that esbuild knows, and keeps its meaning")
    func syntax() async throws {
        let cases = [
            ("enum Color { Red, Green = 'g' } return [Color.Red, Color.Green, Color[0]]", #"[0,"g","Red"]"#),
            ("const enum E { A = 5 } return E.A", "5"),
            ("namespace N { export const x = 3 } return N.x", "syntax"),
            ("const config = { a: 1 } satisfies Record<string, number>; return config.a as number", "1"),
            (
                "function id<T extends object>(value?: T, ...rest: T[]): T | undefined { return value } return id<{ a: number }>({ a: 1 })",
                #"{"a":1}"#
            ),
            ("const f = <T,>(x: T): T => x; return f<number>(2)", "2"),
            ("const f = (n: any) => n; return f<number>(3)", "3"),
            (
                "class P { constructor(private readonly x: number, public y?: string) {} get sum(): number { return this.x + 1 } } return new P(1).sum",
                "2"
            ),
            (
                "abstract class A { abstract run(): void; declare name: string; static #n = 4; static get n() { return A.#n } } return A.n",
                "4"
            ),
            ("type A = { [key: string]: number }; interface B extends A { x: 1 } let n!: number; return (n ?? 5)!", "5"),
            ("function assert(x: unknown): asserts x is string {} assert(1); return 6", "6"),
            ("let r = 1 as any\n;[1].map((x: number): number => x)\nreturn r", "1"),
            ("return <number>7", "7"),
            ("import type { X } from 'x'", "syntax"),
            ("const t = (a: number)\n  : number => a\nreturn t(8)", "8"),
            ("function over(a: string): string; function over(a: number): number; function over(a: any) { return a } return over(9)", "9"),
            ("return 1 < 2 && 3 > (2)", "true"),
            ("return /\\p{L}/v.test('ä') // the end", "true"),
            ("label: for (const x of [1, 2]) { for (;;) continue label } return 10", "10"),
            ("return `a${`b${1}`}`", #""ab1""#),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, expected) in cases {
                do {
                    let result = try await sandbox.result(of: source)
                    #expect(result == expected, "\(source)")
                } catch let error as SandboxError {
                    #expect(error.code == .syntaxError && expected == "syntax", "\(source): \(error)")
                }
            }
        }
    }

    @Test("that is none is refused with line and column in the author's text")
    func syntaxErrors() async throws {
        let cases: [(String, Int, Int, String)] = [
            ("const a = 1;\nconst b = ;", 2, 11, #"Unexpected ";""#),
            ("const = 1", 1, 7, #"Expected identifier but found "=""#),
            ("let s = “hi”;", 1, 9, #"Unexpected "“". Use straight quotes: " or '"#),
            ("const ä = 'ü', x = ‘y’", 1, 20, #"Unexpected "‘". Use straight quotes: " or '"#),
            ("if (true) {", 1, 12, #"The program ends too early, or has a closing bracket too many (Unexpected ")")."#),
            ("const a = 1\n}\n", 3, 1, #"The program ends too early, or has a closing bracket too many (Expected ")" but found "}")."#),
            ("await 1;\n\nimport x from 'y'", 3, 8, #"Unexpected "x""#),
            ("a\0b", 1, 2, "A NUL character"),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, line, column, message) in cases {
                let error = await #expect(throws: SandboxError.self) { try await sandbox.run(source) }
                #expect(error?.code == .syntaxError, "\(source)")
                #expect(error?.position == SandboxError.Position(line: line, column: column), "\(source)")
                #expect(error?.message == message, "\(source)")
                #expect(error?.hasStarted == false)
            }
            let long = await #expect(throws: SandboxError.self) { try await sandbox.run("//" + String(repeating: "x", count: 300_000)) }
            #expect(long?.code == .syntaxError)
        }
    }

    @Test("throws with positions in the author's text, not in the translation")
    func positions() async throws {
        let cases: [(String, Int?, Int?)] = [
            ("null.x", 1, 1),
            ("enum A { B }\n\n\nthrow new Error('here')", 4, 7),
            ("interface I { a: number }\nconst f = (i: I): number => {\n    return (i as any).b.c;\n};\nf({ a: 1 })", 3, 25),
            ("const x: any = 1; x()", 1, 20),
            ("throw 'text'", nil, nil),
            ("class C { constructor(private a: number) {}\n  go(): void { undefinedFunction(); } }\nnew C(1).go()", 2, 16),
        ]
        try await SandboxFixture.withSandbox { sandbox in
            for (source, line, column) in cases {
                guard case .threw(let thrown) = try await sandbox.run(source).outcome else {
                    Issue.record("\(source) did not throw")
                    continue
                }
                #expect(thrown.line == line, "\(source): \(thrown)")
                #expect(thrown.column.map { abs($0 - (column ?? 0)) <= 6 } ?? (column == nil), "\(source): \(thrown)")
            }
        }
    }

    @Test("that only the engine finds wrong is refused with its line")
    func engineSyntaxErrors() async throws {
        try await SandboxFixture.withSandbox { sandbox in
            for source in ["enum A { B }\n\nreturn [A.B, /(/]", "let a = 1\n\nconst f = () => { /[b-a]/.test('x') }\n f()"] {
                guard case .threw(let thrown) = try await sandbox.run(source).outcome else {
                    Issue.record("\(source) ran")
                    continue
                }
                #expect(thrown.name == "SyntaxError" && thrown.message.hasPrefix("Invalid regular expression"), "\(thrown)")
                #expect(thrown.line == 3, "\(source): \(thrown)")
            }
        }
    }

    @Test("is translated once for the same text")
    func cache() async throws {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            let source = "return 11 as number"
            let first = try await sandbox.result(of: source)
            // Whoever asked it now would wait for the whole time-out.
            let esbuild = try #require(await sandbox.translator.current.value(waitingAtMost: .seconds(60)))
            #expect(kill(esbuild.process.id, SIGSTOP) == 0)
            let began = ContinuousClock.now
            let second = try await sandbox.result(of: source)
            #expect(first == "11" && second == "11")
            #expect(began.duration(to: .now) < SandboxFixture.configuration.translationTimeout)
        }
    }

    @Test("says so when there is no translator")
    func missingTranslator() async throws {
        var configuration = SandboxFixture.configuration
        configuration.esbuildPath = "/nonexistent/esbuild"
        configuration.startTimeout = .milliseconds(500)
        try await SandboxFixture.withSandbox(configuration) { sandbox in
            let error = await #expect(throws: SandboxError.self) { try await sandbox.run("return 1") }
            #expect(error?.code == .unavailable)
            #expect(error?.isRetryable == true)
        }
    }
}
