import Engine
import Testing

@Suite struct RecoveredProgramTests {
    @Test(
        "Statements run as they were written",
        arguments: [
            "",
            "  \n",
            "return 1 + 1",
            "1 + 1",
            "const x: number = 1;\nreturn x as unknown;",
            "async function main() { return 1 }\nreturn main();",
            "function main() { return 1 }\nmain()",
            "const main = async () => 1;\nreturn main();",
            "function* numbers() { yield 1 }",
            "function first(): void;\nfunction first(): void {}",
            "() => 1\ntools.a.b()",
            "() => 1, tools.a.b()",
            "() => 1; return 2",
            "x => { return 1 }\nreturn 2",
            "(1 + 1)",
            "(async () => 1)().then(x => x)",
            "(async () => 1, 2)()",
            "export default 5",
            "export const x = 1",
            "async\nfunction main() {}",
            "return `function ${'{'}`",
            "() => {",
            "function main() { return ')' ",
            "/* never closed",
            "return \"```ts\\nreturn 1\\n```\"",
            "if (true) { return 1 }",
            "class A { run() { return 1 } }",
        ])
    func statements(text: String) {
        let program = RecoveredProgram(text)
        #expect(program.source == text)
        #expect(!program.callsFunction)
    }

    @Test(
        "A single function is called and its value is the result",
        arguments: [
            ("async () => 1", "return await (async () => 1\n)();"),
            ("() => 1;", "return await (() => 1\n)();"),
            ("async () => {\n  return 1;\n}", "return await (async () => {\n  return 1;\n}\n)();"),
            ("async x => x", "return await (async x => x\n)();"),
            ("async => async", "return await (async => async\n)();"),
            ("() => ({ a: 1 })", "return await (() => ({ a: 1 })\n)();"),
            ("() =>\n  tools.a\n    .b()\n", "return await (() =>\n  tools.a\n    .b()\n)();"),
            ("() => a\n  ? b\n  : c", "return await (() => a\n  ? b\n  : c\n)();"),
            ("() => a as\n  string", "return await (() => a as\n  string\n)();"),
            ("() => x => { return x }", "return await (() => x => { return x }\n)();"),
            (
                "async (a: number, b = ')'): Promise<{ a: string }> => { return 1 }",
                "return await (async (a: number, b = ')'): Promise<{ a: string }> => { return 1 }\n)();"
            ),
            ("(): { a: number } => ({ a: 1 })", "return await ((): { a: number } => ({ a: 1 })\n)();"),
            ("<T,>(x: T): T => x", "return await (<T,>(x: T): T => x\n)();"),
            (
                "async <T extends Map<string, () => void>>(x: T) => { return x }",
                "return await (async <T extends Map<string, () => void>>(x: T) => { return x }\n)();"
            ),
            ("function () { return 1 }", "return await (function () { return 1 }\n)();"),
            ("async function(): Promise<void> {}", "return await (async function(): Promise<void> {}\n)();"),
            ("function main() { return 1 }", "function main() { return 1 }\nreturn await main();"),
            (
                "async function main(): Promise<{ a: number }[]> { return [] };",
                "async function main(): Promise<{ a: number }[]> { return [] };\nreturn await main();"
            ),
            (
                "function f(): (x: number) => string { return String }",
                "function f(): (x: number) => string { return String }\nreturn await f();"
            ),
            ("function f(): x is string { return true }", "function f(): x is string { return true }\nreturn await f();"),
            (
                "function f<T>(x?: T): { a: T } | null { return null } // done",
                "function f<T>(x?: T): { a: T } | null { return null } // done\nreturn await f();"
            ),
            ("// first\n/* second */ async () => 1 // third", "// first\n/* second */ return await (async () => 1\n)();"),
            ("export default async () => 1", "               return await (async () => 1\n)();"),
            ("export default function () { return 1 }", "               return await (function () { return 1 }\n)();"),
            (
                "export\n  default async function main() { return 1 }",
                "      \n          async function main() { return 1 }\nreturn await main();"
            ),
            ("(async () => { return 1 })", "return await ((async () => { return 1 })\n)();"),
            ("(async () => { return 1 })();", "return await (async () => { return 1 })();"),
            ("(function main() { return 1 })()", "return await (function main() { return 1 })()"),
            (
                "async () => { const re = /[{]\\/\"/g; return re.test('}') }",
                "return await (async () => { const re = /[{]\\/\"/g; return re.test('}') }\n)();"
            ),
            ("async () => { return `a ${ {b: `}`}.b } }` }", "return await (async () => { return `a ${ {b: `}`}.b } }` }\n)();"),
            (
                "async () => { const half = (a + b) / 2; const s = '/' ; return half }",
                "return await (async () => { const half = (a + b) / 2; const s = '/' ; return half }\n)();"
            ),
            ("() => i++ / 2", "return await (() => i++ / 2\n)();"),
        ])
    func functions(text: String, source: String) {
        let program = RecoveredProgram(text)
        #expect(program.source == source)
        #expect(program.callsFunction)
    }

    @Test(
        "A fence is taken off, with every line keeping its number",
        arguments: [
            ("```\nreturn 1\n```", "\nreturn 1\n"),
            ("```ts\nreturn 1\n```\n", "\nreturn 1\n"),
            ("```TypeScript\r\nreturn 1\r\n```", "\nreturn 1\r\n"),
            ("Here you go:\n\n```js\nreturn 1\n```\nIt returns one.", "\n\n\nreturn 1\n"),
            ("  ```ts\n  return 1\n  ```", "\n  return 1\n"),
            ("````md\nreturn `\n```\n`\n````", "\nreturn `\n```\n`\n"),
            ("```ts\nreturn 1", "\nreturn 1"),
            ("```ts\nreturn 1```", "\nreturn 1"),
            ("```ts\n```", "\n"),
            ("```ts return 1 ```", " return 1 "),
            ("```return 1```", "return 1"),
            ("```ts\nreturn 1\n```\nor\n```ts\nreturn 2\n```", "\nreturn 1\n"),
        ])
    func fences(text: String, source: String) {
        #expect(RecoveredProgram(text).source == source)
    }

    @Test("A function in a fence is called")
    func fencedFunction() {
        let program = RecoveredProgram("Run this:\n```ts\nasync () => {\n  return 1;\n}\n```")
        #expect(program.source == "\n\nreturn await (async () => {\n  return 1;\n}\n)();")
        #expect(RecoveredProgram.asWritten("Run this:\n```ts\nasync () => 1\n```").source == "\n\nasync () => 1\n")
    }

    @Test("Columns are those of the text that was sent, on the one line that moved too")
    func columns() {
        let program = RecoveredProgram("// a\nasync () => {\n  throw 1\n}")
        #expect(program.originalColumn(line: 2, column: 14 + 7) == 7)
        #expect(program.originalColumn(line: 2, column: 3) == 1)
        #expect(program.originalColumn(line: 3, column: 3) == 3)
        #expect(RecoveredProgram("return 1").originalColumn(line: 1, column: 8) == 8)
    }

    @Test("Nesting without end, and every prefix of a real program, is read without a fault")
    func hostile() {
        for bracket in ["(", "[", "{", "`${", "<"] {
            let text = "() => " + String(repeating: bracket, count: 100_000)
            #expect(RecoveredProgram(text).source == text)
        }
        let program =
            "```ts\nexport default async function main<T>(x: T): Promise<{ a: T }> { return `a${/[/]/.test('b')}` /* c */ } // d\n```"
        for count in 0...program.count {
            #expect(RecoveredProgram(String(program.prefix(count))).source.count <= program.count + 40)
        }
    }
}
