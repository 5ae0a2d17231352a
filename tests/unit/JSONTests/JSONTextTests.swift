import JSON
import Testing

@Suite("JSON texts")
struct JSONTextTests {
    @Test("A text keeps its bytes, without the white space around it")
    func bytes() throws {
        let text = try JSONText(validating: " \n{\"b\": 1.50, \"a\":[ ], \"b\":2}\t")
        #expect(text.string == "{\"b\": 1.50, \"a\":[ ], \"b\":2}")
        #expect(try text.value() == ["b": 2, "a": []])
    }

    @Test("The layout for people is indented by two spaces and leaves strings and numbers as they are spelled")
    func pretty() throws {
        let text = try JSONText(validating: #"{"a":[1.50,{},[ ],{"b":"\u0041{,}"}],"c":null}"#)
        let expected = """
            {
              "a": [
                1.50,
                {},
                [],
                {
                  "b": "\\u0041{,}"
                }
              ],
              "c": null
            }
            """
        #expect(text.prettyPrefix(maxCharacters: .max) == (expected, false))
        #expect(try text.value().prettyText() == expected.replacing("\\u0041", with: "A").replacing("1.50", with: "1.5"))
    }

    @Test("The layout is cut at the bound, counted in Unicode scalars, and says so")
    func cut() throws {
        let text = try JSONText(validating: #"{"ключ":["é😀",12345,true]}"#)
        let (whole, isWholeCut) = text.prettyPrefix(maxCharacters: .max)
        #expect(!isWholeCut)
        let scalars = Array(whole.unicodeScalars)
        for bound in 0...scalars.count {
            let (prefix, isCut) = text.prettyPrefix(maxCharacters: bound)
            #expect(Array(prefix.unicodeScalars) == Array(scalars.prefix(bound)))
            #expect(isCut == (bound < scalars.count))
        }
    }

    @Test("The kind is known from the first byte")
    func kind() throws {
        for (source, kind) in [
            ("{}", JSONKind.object), ("[]", .array), ("\"\"", .string), ("-1", .number), ("true", .bool), ("false", .bool), ("null", .null),
        ] {
            let text = try JSONText(validating: source)
            #expect(text.kind == kind)
            #expect(try text.value().kind == kind)
        }
    }

    @Test("A member is found without a tree: by its unescaped name, the last of several, at any depth")
    func members() throws {
        let text = try JSONText(
            validating: #"{"x":"}\"{", "m\u0065thod":"a", "params":{"y":[{"id":9}],"name":"n"}, "method" : "b" ,"id":[1, 2]}"#)
        #expect(text.member("method")?.stringValue == "b")
        #expect(text.member("id")?.string == "[1, 2]")
        #expect(text.member("params", "name")?.stringValue == "n")
        #expect(text.member("params", "id") == nil)
        #expect(text.member("method", "id") == nil)
        #expect(text.member() == text)
        let envelope = JSONEnvelope(of: text, reading: ["id", "method", "jsonrpc"])
        #expect(envelope["id"]?.string == "[1, 2]")
        #expect(envelope["method"]?.stringValue == "b")
        #expect(envelope["jsonrpc"] == nil)
        #expect(envelope["params"] == nil)
    }

    @Test("A text that is no object has no members", arguments: ["[{\"id\":1}]", "1", "\"id\"", "null", "{}", "[]"])
    func nonObjects(source: String) throws {
        #expect(JSONEnvelope(of: try JSONText(validating: source), reading: ["id"])["id"] == nil)
    }

    @Test("What an envelope finds is what the tree has", arguments: 0..<40 as Range<UInt64>)
    func randomMembers(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var value = JSONObject((0..<5).map { _ in (key: random.string(), value: random.value(depth: 3)) })
        value["method"] = .string(random.string())
        let source = JSONValue.object(value).prettyText()
        let envelope = JSONEnvelope(of: try JSONText(validating: source), reading: value.keys)
        for (key, member) in value { #expect(try envelope[key]?.value() == member) }
        #expect(envelope["method"]?.stringValue == value["method"]?.string)
    }
}
