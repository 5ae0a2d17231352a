import JSON
import Testing

@testable import OpenAPI

@Suite("YAML")
struct YAMLTests {
    private static func read(_ text: String, limits: OpenAPILimits = OpenAPILimits()) throws -> JSONValue {
        try YAMLReader.read(Array(text.utf8), limits: limits)
    }

    @Test(
        "scalars mean what YAML 1.2 says",
        arguments: [
            ("no", "\"no\""), ("yes", "\"yes\""), ("on", "\"on\""), ("Off", "\"Off\""), ("y", "\"y\""), ("true", "true"),
            ("False", "false"),
            ("TRUE", "true"), ("tRUE", "\"tRUE\""), ("null", "null"), ("~", "null"), ("", "null"), ("Null", "null"), ("nUll", "\"nUll\""),
            ("12", "12"), ("-7", "-7"), ("+7", "7"), ("007", "7"), ("0", "0"), ("-0", "0"), ("0o17", "15"), ("017", "17"), ("0x1F", "31"),
            ("0b11", "\"0b11\""),
            ("1_000", "\"1_000\""), ("12:30", "\"12:30\""), ("2001-01-01", "\"2001-01-01\""), ("1.5", "1.5"), (".5", "0.5"), ("5.", "5"),
            ("-.5", "-0.5"),
            ("1e3", "1e3"), ("1.5E-2", "0.015"), (".inf", "\".inf\""), ("-.INF", "\"-.INF\""), (".nan", "\".nan\""), ("1.2.3", "\"1.2.3\""),
            ("-", "\"-\""),
            ("1e", "\"1e\""), ("+", "\"+\""), ("12345678901234567890123", "12345678901234567890123"), ("'12'", "\"12\""),
            ("\"true\"", "\"true\""),
            ("!!str 12", "\"12\""), ("!!int \"12\"", "12"), ("!mine 12", "12"), ("=", "\"=\""), ("<<", "\"<<\""),
            ("0.1000000000000000055", "0.1000000000000000055"),
        ])
    func scalars(yaml: String, json: String) throws {
        let value = yaml == "-" ? YAMLScalar.value("-", isPlain: true, tag: nil) : try Self.read("a: \(yaml)")["a"]
        #expect(value == (try JSONValue(parsing: json)))
    }

    @Test("keys are text, in the order written")
    func keys() throws {
        let value = try Self.read("zebra: 1\n200: 2\ntrue: 3\n\"a b\": 4\n~: 5\n")
        #expect(value.object?.keys == ["zebra", "200", "true", "a b", "~"])
    }

    @Test("blocks of text keep their lines")
    func blocks() throws {
        #expect(try Self.read("a: |\n  one\n  two\nb: >-\n  one\n  two\n") == ["a": "one\ntwo\n", "b": "one two"])
    }

    @Test("aliases and merge keys give the values they stand for")
    func aliases() throws {
        let value = try Self.read(
            "base: &b {x: 1, y: 2}\ncopy: *b\nmerged:\n  <<: *b\n  y: 3\nmany:\n  <<: [*b, {z: 4, x: 9}]\nlist: [&s word, *s]\n")
        #expect(value["copy"] == ["x": 1, "y": 2])
        #expect(value["merged"] == ["x": 1, "y": 3])
        #expect(value["many"] == ["x": 1, "y": 2, "z": 4])
        #expect(value["list"] == ["word", "word"])
    }

    @Test("a billion laughs are refused at once", .timeLimit(.minutes(1)))
    func billionLaughs() {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...9 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
        }
        let error = #expect(throws: OpenAPIError.self) { try Self.read(text) }
        #expect(error?.code == .limitExceeded)
        // The same as a key: what composes trees would hash the whole of it.
        #expect(throws: OpenAPIError.self) { try Self.read(text + "? *a3\n: x\n") }
    }

    @Test("one long text repeated by aliases is charged for every copy")
    func longText() {
        var limits = OpenAPILimits()
        limits.maxDocumentBytes = 100_000
        let text = "a: &a \(String(repeating: "x", count: 10_000))\nb: [\(Array(repeating: "*a", count: 20).joined(separator: ", "))]\n"
        let error = #expect(throws: OpenAPIError.self) { try Self.read(text, limits: limits) }
        #expect(error?.code == .limitExceeded)
    }

    @Test("depth is bounded, with and without aliases")
    func depth() {
        let deep = String(repeating: "[", count: 129) + String(repeating: "]", count: 129)
        #expect(throws: OpenAPIError.self) { try Self.read(deep) }
        #expect(throws: Never.self) { try Self.read(String(repeating: "[", count: 128) + String(repeating: "]", count: 128)) }
        #expect(throws: OpenAPIError.self) { try Self.read(String(repeating: "[", count: 100_000)) }
        #expect(throws: OpenAPIError.self) { try Self.read(String(repeating: "a:\n ", count: 3_000)) }
        var text = "a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n"
        for level in 1...20 { text += "a\(level): &a\(level) [[[[[[[[[[*a\(level - 1)]]]]]]]]]]\n" }
        let error = #expect(throws: OpenAPIError.self) { try Self.read(text) }
        #expect(error?.code == .limitExceeded)
    }

    @Test(
        "what cannot be said in JSON is refused with its line",
        arguments: [
            "a: 1\na: 2\n", "? [a, b]\n: 1\n", "? {a: b}\n: 1\n", "a: *missing\n", "a: &x *x\n", "a: \"\\q\"\n", "a: [1, 2\n", "\tb: 1\n",
            "%YAML 3.0\n---\na: 1\n",
        ])
    func refusals(text: String) {
        let error = #expect(throws: OpenAPIError.self) { try Self.read(text) }
        #expect(error?.message.contains("line") == true)
    }
}
