/// OpenAPI documents written to do harm: each must be refused with a typed error or read within its bounds, in little time and memory.
package struct HostileDocument: Sendable, CustomStringConvertible {
    /// What the document tries.
    package let name: String
    package let text: String
    /// The code with which it is refused; nil where it is read, without what cannot be used.
    package let refusal: String?

    package var description: String { self.name }

    private init(_ name: String, _ text: String, refusal: String? = nil) {
        self.name = name
        self.text = text
        self.refusal = refusal
    }

    /// A document with the given paths and components, both as JSON texts.
    private init(_ name: String, paths: String, components: String = "{}", more: String = "", refusal: String? = nil) {
        self.init(
            name,
            """
            {"openapi": "3.1.0", "info": {"title": "Hostile", "version": "1"}, "servers": [{"url": "https://api.test/v1"}], \(more)
             "paths": \(paths), "components": \(components)}
            """, refusal: refusal)
    }

    /// All of them.
    package static let all = Self.references + Self.yaml + Self.large + Self.shared + Self.names

    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    private static func joined(_ count: Int, _ element: (Int) -> String) -> String { (0..<count).map(element).joined(separator: ",") }

    // MARK: References

    private static let references = [
        HostileDocument(
            "references in circles",
            paths: ##"""
                {"/a/{id}": {"get": {"parameters": [{"$ref": "#/components/parameters/A"}], "responses": {"200": {"$ref": "#/components/responses/R"}}},
                   "post": {"requestBody": {"$ref": "#/components/requestBodies/B"}, "security": [{"s": []}]}},
                 "/b": {"$ref": "#/components/pathItems/P"}, "/c": {"$ref": "#/paths/~1c"},
                 "/d": {"get": {"parameters": [{"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/Self"}}],
                   "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}}}}}
                """##,
            components: ##"""
                {"parameters": {"A": {"$ref": "#/components/parameters/B"}, "B": {"$ref": "#/components/parameters/A"}},
                 "responses": {"R": {"$ref": "#/components/responses/R"}}, "requestBodies": {"B": {"$ref": "#/components/requestBodies/B"}},
                 "pathItems": {"P": {"$ref": "#/components/pathItems/P"}}, "securitySchemes": {"s": {"$ref": "#/components/securitySchemes/s"}},
                 "schemas": {"Self": {"$ref": "#/components/schemas/Self"},
                   "Tree": {"properties": {"left": {"$ref": "#/components/schemas/Tree"}, "all": {"allOf": [{"$ref": "#/components/schemas/Tree"}]},
                     "not": {"not": {"$ref": "#"}}}}}}
                """##),
        HostileDocument(
            "references to nothing, to scalars and out of the document",
            paths: #"{"#
                + [
                    "#/nowhere", "#/info/title", "#/openapi", "#/servers/0/url", "#/paths/~1x0/get", "#/components/schemas/", "#anchor",
                    "#/%zz", "#/~2",
                    "", "file:///etc/passwd", "http://169.254.169.254/latest", "other.yaml#/A", "#/servers/-1",
                    "#/servers/99999999999999999999",
                ].enumerated().map { index, reference in
                    let object = #"{"$ref": "\#(reference)"}"#
                    return #"""
                        "/x\#(index)": {"get": {"parameters": [\#(object)], "responses": {"200": \#(object)}},
                          "post": {"requestBody": \#(object)}, "put": {"requestBody": {"content": {"application/json": {"schema": \#(object)}}}}},
                        "/y\#(index)": \#(object)
                        """#
                }.joined(separator: ",") + "}"),
        HostileDocument(
            "a reference of a megabyte that many refer to",
            paths: ##"{"/x": {"get": {"parameters": [\##(joined(400) { _ in ##"{"$ref": "#/components/parameters/P"}"## })]}}}"##,
            components: ##"{"parameters": {"P": {"$ref": "#/\##(repeated("a/", 500_000))"}}}"##),
        HostileDocument(
            "a chain of ten thousand schemas",
            paths:
                ##"{"/x": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}}}}}"##,
            components:
                ##"{"schemas": {\##(joined(5_000) { ##""S\##($0)": {"properties": {"next": {"$ref": "#/components/schemas/S\##($0 + 1)"}}}"## })}}"##
        ),
        HostileDocument(
            "alternatives that refer to themselves",
            paths:
                ##"{"/x": {"get": {"parameters": [\##(joined(200) { ##"{"name": "p\##($0)", "in": "query", "schema": {"$ref": "#/components/schemas/A"}}"## })]}}}"##,
            components: ##"{"schemas": {"A": {"anyOf": [\##(joined(8) { _ in ##"{"$ref": "#/components/schemas/A"}"## })]}}}"##),
    ]

    // MARK: YAML

    private static let laughs = (1...9).reduce("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n") { text, level in
        text + "a\(level): &a\(level) [\(repeated("*a\(level - 1),", 9))]\n"
    }

    private static let yaml = [
        HostileDocument("a billion laughs", "openapi: 3.1.0\npaths: {}\n\(laughs)", refusal: "openapi_limit_exceeded"),
        HostileDocument("a billion laughs as a key", "openapi: 3.1.0\npaths: {}\n\(laughs)? *a4\n: x\n", refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "merged laughs",
            "openapi: 3.1.0\npaths: {}\nm0: &m0 {\((0..<100).map { "k\($0): 1" }.joined(separator: ", "))}\n"
                + (1...60).map { level in
                    "m\(level): &m\(level) {\((0..<8).map { "x\(level)_\($0): *m\(level - 1)" }.joined(separator: ", ")), <<: *m\(level - 1)}\n"
                }
                .joined(), refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "the same key twice", "openapi: 3.1.0\npaths:\n  /x: {get: {}}\n  /x: {put: {}}\n", refusal: "openapi_syntax_error"),
        HostileDocument("a mapping as a key", "openapi: 3.1.0\npaths:\n  ? {a: b}\n  : {get: {}}\n", refusal: "openapi_syntax_error"),
        HostileDocument(
            "odd keys",
            "openapi: 3.1.0\n~: 1\n'': 2\ntrue: 3\n1.5: 4\n\"\\0\": 5\n<<: [1, 2]\npaths:\n  ~: {get: {}}\n  3: {get: {}}\n  ? |-\n    /block\n  : {get: {}}\n"
                + "  '/quoted': {get: {responses: {200: {description: x}}}}\n"),
        HostileDocument(
            "a hundred thousand directives", (0..<100_000).map { "%TAG !a\($0)! tag:x\n" }.joined() + "---\nopenapi: 3.1.0\npaths: {}\n",
            refusal: "openapi_syntax_error"),
        HostileDocument(
            "a hundred thousand brackets", "openapi: 3.1.0\npaths: \(repeated("[", 100_000))", refusal: "openapi_syntax_error"),
        HostileDocument(
            "a hundred thousand anchors", "openapi: 3.1.0\npaths: {}\nx: [\((0..<100_000).map { "&a\($0) 1" }.joined(separator: ", "))]\n"),
        HostileDocument("other tags", "openapi: !!binary 3.1.0\npaths: !!python/object:os.system {}\nx: !<tag:x> [1]\n"),
    ]

    // MARK: Size

    private static let large = [
        HostileDocument(
            "a hundred thousand paths", paths: "{\(joined(100_000) { #""/p\#($0)":{"get":{}}"# })}", refusal: "openapi_limit_exceeded"),
        HostileDocument("a hundred thousand paths without operations", paths: "{\(joined(100_000) { #""/p\#($0)":{}"# })}"),
        HostileDocument(
            "an enumeration of a hundred thousand values",
            paths:
                #"{"/x": {"get": {"parameters": [{"name": "e", "in": "query", "schema": {"type": "string", "enum": [\#(joined(100_000) { #""v\#($0)""# })]}}]}}}"#
        ),
        HostileDocument(
            "deep nesting", paths: #"{"/x": {"get": {"x": \#(repeated(#"{"a":"#, 10_000))1\#(repeated("}", 10_000))}}}"#,
            refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "a schema as deep as may be",
            paths:
                #"{"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": \#(repeated(#"{"not":"#, 118)){}\#(repeated("}", 118))}}}}}}"#
        ),
        HostileDocument(
            "long lists everywhere",
            paths: """
                {"/x": {"get": {"tags": [\(joined(20_000) { "\"t\($0)\"" })], "parameters": [\(joined(20_000) { #"{"name":"p\#($0)","in":"query"}"# })],
                  "responses": {\(joined(20_000) { "\"2\($0)\": {}" })}, "security": [\(joined(20_000) { "{\"s\($0)\": []}" })],
                  "requestBody": {"content": {\(joined(20_000) { "\"x/y\($0)\": {}" })}}, "servers": [\(joined(20_000) { "{\"url\": \"/\($0)\"}" })]},
                 "put": {"requestBody": {"content": {"application/json": {"schema": {"type": [\(joined(20_000) { _ in "\"string\"" })],
                   "required": [\(joined(20_000) { "\"r\($0 % 10)\"" })], "allOf": [\(joined(5_000) { _ in "{}" })]}}}}}}}
                """,
            components: "{\"securitySchemes\": {\(joined(20_000) { #""s\#($0)": {"type": "http", "scheme": "bearer"}"# })}}"),
        HostileDocument(
            "long texts everywhere",
            paths: """
                {"/x": {"get": {"operationId": "\(repeated("a b", 200_000))", "tags": ["\(repeated("ü", 200_000))"], "summary": "\(repeated("s", 500_000))",
                  "description": "\(repeated("d ", 200_000))",
                  "parameters": [{"name": "\(repeated("n", 200_000))", "in": "query", "description": "\(repeated("p", 200_000))"}],
                  "requestBody": {"content": {"\(repeated("t", 200_000))": {}}}, "responses": {"200": {"content": {"\(repeated("t", 200_000))": {}}}}}}}
                """),
        HostileDocument(
            "a path of a megabyte", paths: #"{"/\#((0..<100_000).map { "{p\($0)}/" }.joined())": {"get": {}}, "/y": {"get": {}}}"#),
        HostileDocument("a path with a thousand parameters", paths: #"{"\#((0..<1_000).map { "/{p\($0)}" }.joined())": {"get": {}}}"#),
        HostileDocument(
            "a server URL that grows",
            paths:
                #"{"/x": {"get": {"servers": [{"url": "https://\#(repeated("{a}", 1_000)).test", "variables": {"a": {"default": "\#(repeated("a", 100_000))"}}}]}}}"#
        ),
    ]

    // MARK: What is written out again and again

    private static let shared = [
        HostileDocument(
            "an enumeration that every operation takes",
            paths: "{\(joined(3_000) { ##""/p\##($0)": {"get": {"parameters": [{"$ref": "#/components/parameters/E"}]}}"## })}",
            components:
                ##"{"parameters": {"E": {"name": "e", "in": "query", "schema": {"enum": [\##(joined(5_000) { "\"v\($0)\"" })]}}}}"##,
            refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "a description that every operation takes",
            paths: "{\(joined(1_000) { ##""/p\##($0)": {"get": {"parameters": [{"$ref": "#/components/parameters/E"}]}}"## })}",
            components: ##"{"parameters": {"E": {"name": "e", "in": "query", "description": "\##(repeated("d", 300_000))"}}}"##,
            refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "a path item that every path takes", paths: "{\(joined(3_000) { ##""/p\##($0)": {"$ref": "#/components/pathItems/P"}"## })}",
            components: #"{"pathItems": {"P": {"get": {"x": [\#(joined(3_000) { "\($0)" })]}}}}"#, refusal: "openapi_limit_exceeded"),
        HostileDocument(
            "a schema in place that every operation takes",
            paths: "{\(joined(2_000) { ##""/p\##($0)": {"post": {"requestBody": {"$ref": "#/components/requestBodies/B"}}}"## })}",
            components:
                ##"{"requestBodies": {"B": {"content": {"application/json": {"schema": {"properties": {\##(joined(5_000) { "\"p\($0)\": {}" })}}}}}}}"##,
            refusal: "openapi_limit_exceeded"),
    ]

    // MARK: Names

    private static let words = [
        "__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "then", "toJSON", "__defineGetter__", "arguments",
        "eval",
        "body", "path", "query", "headers", "cookies", "params", "input", "", " ", ".", "..", "a.b", "a/b", "*", "\\u0000", "\\u202e",
        "e\\u0301", "\\u00e9",
        "💥", "${x}", "`", "'", "*/", "</script>", "\\r\\n", "-1", "0", "null",
    ]

    private static let names = [
        HostileDocument(
            "names with a meaning elsewhere",
            paths: "{"
                + words.enumerated().map { index, word in
                    #"""
                    "/n\#(index)/\#(word)": {"post": {"operationId": "\#(word)", "tags": ["\#(word)"],
                      "parameters": [\#(["query", "header", "cookie"].map { #"{"name": "\#(word)", "in": "\#($0)", "schema": {"type": "string"}}"# }.joined(separator: ","))],
                      "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/\#(word.replacing("~", with: "~0").replacing("/", with: "~1"))"}}}}}}
                    """#
                }.joined(separator: ",") + "}",
            components:
                #"{"schemas": {\#(words.map { #""\#($0)": {"type": "object", "properties": {"\#($0)": {"type": "string", "description": "\#($0)"}}, "required": ["\#($0)"]}"# }.joined(separator: ","))}, "securitySchemes": "#
                + #"{\#(words.map { #""\#($0)": {"type": "apiKey", "in": "query", "name": "\#($0)"}"# }.joined(separator: ","))}}"#),
        HostileDocument(
            "odd path templates",
            paths: "{"
                + [
                    "/{", "/}", "/{}", "/{}{}", "/}{", "/{a", "/a}", "/{a}{a}", "/{a}/{a}", "/{{a}}", "/{a}b{c}", "/{+a}", "/{a*}", "/{?a}",
                    "/{/a}", "//", "//x//",
                    "/..", "/../..", "/x/../y", "/%2e%2e/x", "/%2E./x", "/x?y=z", "/x?{q}", "/x#y", "/x y", "/\\u0000", "/a\\r\\nb",
                    "/\\\\", "/;x", "/..;/x", "/{.}", "/{..}",
                    "/{a b}", "/{ü}", "/:id", "/{a}?{b}#{c}", "/@host", "//evil.test/x", "/%", "/%zz",
                ].map { #""\#($0)": {"get": {}, "delete": {}}"# }.joined(separator: ",") + "}"),
        HostileDocument(
            "one operation id for everything",
            paths:
                "{\(joined(1_000) { #""/v1/things\#($0)": {"get": {"operationId": "x", "tags": ["t"]}, "put": {"operationId": "X", "tags": ["T"]}}"# })}"
        ),
        HostileDocument(
            "one name in every place",
            paths: #"""
                {"/x/{id}": {"post": {"parameters": [{"name": "query_id", "in": "header"}, {"name": "query_id_2", "in": "cookie"},
                   {"name": "id", "in": "cookie"}, {"name": "id", "in": "header"}, {"name": "ID", "in": "header"}, {"name": "id", "in": "query"},
                   {"name": "id", "in": "path", "required": true}, {"name": "body", "in": "query"}, {"name": "body", "in": "header"}, {"name": "query_body", "in": "query"}],
                   "requestBody": {"content": {"application/json": {}}}}}}
                """#),
        HostileDocument(
            "servers that are none",
            paths: "{"
                + [
                    "https://user:pass@api.test/", "file:///etc/passwd", "javascript:alert(1)", "ftp://api.test", "ws://api.test",
                    "https://", "//", "http://[::1", "\\u0000",
                    "https://api.test\\r\\nx: y", "https://127.1/", "https://0x7f000001/", "https://api.test:99999/", "https://{a}", "{a}",
                    "{", "}", "/{a}/{b}", "",
                    "https://api.test/%", "https://api.test/a?b#c", "https://ä.test", "../../..", "https:api.test", "https:///x",
                    "\\\\\\\\host\\\\share",
                ].enumerated().map { #""/x\#($0.offset)": {"get": {"servers": [{"url": "\#($0.element)"}]}}"# }.joined(separator: ",") + "}"
        ),
    ]
}
