import JSON
import Model
import Testing

@testable import OpenAPI

@Suite("Building a request")
struct RequestTests {
    private static let bearer = AuthMethod(
        slug: "token", label: "", placements: [.init(carrier: .header, name: "authorization", form: .bearer, variables: ["token"])],
        variables: [.init(name: "token", label: "")])

    private static func binding(
        _ method: String = "GET", _ path: String = "/x", _ parameters: [ParameterBinding] = [], body: BodyBinding? = nil
    ) -> OperationBinding {
        OperationBinding(method: method, path: path, parameters: parameters, body: body)
    }

    private static func request(
        _ binding: OperationBinding, _ arguments: JSONObject = [:], server: String? = "https://api.test/v1",
        credentials: CredentialSet = .none,
        limits: RequestLimits = RequestLimits()
    ) throws -> UpstreamRequest {
        try RequestBuilder(binding, limits: limits).request(binding.canonicalArguments(arguments), server: server, credentials: credentials)
    }

    private static func url(_ binding: OperationBinding, _ arguments: JSONObject, server: String = "https://api.test/v1") throws -> String {
        let request = try Self.request(binding, arguments, server: server)
        return request.origin + request.target
    }

    @Test("puts path and query together with the server")
    func urls() throws {
        let binding = Self.binding(
            "GET", "/pets/{petId}/toys",
            [.init(name: "petId", location: .path), .init(name: "limit", location: .query), .init(name: "tag", location: .query)])
        #expect(
            try Self.url(binding, ["petId": "a b", "limit": 5, "tag": ["x", "y"]])
                == "https://api.test/v1/pets/a%20b/toys?limit=5&tag=x&tag=y")
        #expect(try Self.url(binding, ["petId": 7]) == "https://api.test/v1/pets/7/toys")
        #expect(try Self.url(binding, ["petId": 7], server: "https://api.test") == "https://api.test/pets/7/toys")
        #expect(try Self.url(binding, ["petId": 7], server: "https://api.test:8443/base/") == "https://api.test:8443/base/pets/7/toys")
        #expect(
            try Self.url(binding, ["petId": 7, "limit": 1], server: "https://api.test/?version=2")
                == "https://api.test/pets/7/toys?version=2&limit=1")
        #expect(try Self.url(Self.binding("POST", "/oauth2/token#refresh"), [:]) == "https://api.test/v1/oauth2/token")
        #expect(
            try Self.url(Self.binding("GET", "/search?kind=all", [.init(name: "q", location: .query)]), ["q": "x"])
                == "https://api.test/v1/search?kind=all&q=x")
        #expect(
            try Self.url(
                Self.binding("GET", "/a{b}c{d}", [.init(name: "b", location: .path), .init(name: "d", location: .path, style: .label)]),
                ["b": 1, "d": 2]) == "https://api.test/v1/a1c.2")
        #expect(
            try Self.url(Self.binding("GET", "/v1/{+name}", [.init(name: "name", location: .path)]), ["name": "users/me/x"])
                == "https://api.test/v1/v1/users/me/x")
        #expect(
            try Self.url(Self.binding("GET", "/x", [.init(name: "filter", location: .query, isJSON: true)]), ["filter": ["a": [1, 2]]])
                == "https://api.test/v1/x?filter=%7B%22a%22%3A%5B1%2C2%5D%7D")
    }

    @Test("never lets a path parameter name another resource", arguments: ["", ".", "..", "%2e%2e"])
    func pathTraversal(value: String) throws {
        let binding = Self.binding("GET", "/files/{id}/content", [.init(name: "id", location: .path)])
        guard value == "%2e%2e" else {
            let error = #expect(throws: ToolError.self) { try Self.request(binding, ["id": .string(value)]) }
            #expect(error?.code == "invalid_tool_arguments")
            return
        }
        #expect(try Self.url(binding, ["id": .string(value)]) == "https://api.test/v1/files/%252e%252e/content")
        let reserved = Self.binding("GET", "/files/{+id}", [.init(name: "id", location: .path)])
        for hostile in ["../../admin", "a/./b", "%2e%2e/admin", ".%2E"] {
            #expect(throws: ToolError.self, "\(hostile)") { try Self.request(reserved, ["id": .string(hostile)]) }
        }
    }

    @Test("names what is missing")
    func missing() throws {
        func message(_ binding: OperationBinding, _ arguments: JSONObject = [:]) -> String? {
            (#expect(throws: ToolError.self) { try Self.request(binding, arguments) })?.message
        }
        #expect(
            message(Self.binding("GET", "/x/{id}", [.init(name: "id", location: .path)])) == "The required path parameter `id` is missing.")
        #expect(
            message(Self.binding("GET", "/x", [.init(name: "X-A", location: .header, isRequired: true)]))
                == "The required header parameter `X-A` is missing.")
        #expect(
            message(Self.binding("POST", "/x", body: .init(kind: .json, contentType: "application/json", isRequired: true)))
                == "The required argument `body` is missing.")
    }

    @Test("takes arguments flat and in containers")
    func containers() {
        let binding = Self.binding(
            "POST", "/x/{id}",
            [
                .init(name: "id", location: .path), .init(name: "limit", location: .query, coercion: .number),
                .init(name: "X-Trace", location: .header, coercion: .text), .init(name: "sid", location: .cookie),
            ],
            body: .init(kind: .json, contentType: "application/json"))
        let expected: JSONValue = ["id": "7", "limit": 5, "X-Trace": "t", "sid": "s", "body": ["a": 1]]
        let forms: [JSONObject] = [
            ["id": "7", "limit": 5, "X-Trace": "t", "sid": "s", "body": ["a": 1]],
            ["path": ["id": "7"], "query": ["limit": 5], "headers": ["x-trace": "t"], "cookies": ["sid": "s"], "body": ["a": 1]],
            [
                "pathParams": ["id": "7"], "queryParams": ["limit": "5"], "header": ["X-Trace": "t"], "cookie": ["sid": "s"],
                "input": ["a": 1],
            ],
            ["params": ["id": "7", "limit": 5, "X-Trace": "t", "sid": "s"], "body": ["a": 1]],
            ["id": "7", "path": ["id": "ignored"], "limit": 5, "X-Trace": "t", "sid": "s", "body": ["a": 1]],
        ]
        for form in forms { #expect(JSONValue.object(binding.canonicalArguments(form)) == expected) }
    }

    @Test("keeps what fits nowhere for the schema to refuse, and drops what says nothing")
    func leftovers() {
        let binding = Self.binding(
            "GET", "/x", [.init(name: "query", location: .query), .init(name: "id", location: .query, isRequired: true)])
        #expect(JSONValue.object(binding.canonicalArguments(["query": ["a": 1], "id": 1])) == ["query": ["a": 1], "id": 1])
        #expect(
            JSONValue.object(binding.canonicalArguments(["headers": ["x": 1], "id": nil, "query": nil, "body": [:]])) == [
                "headers": ["x": 1], "id": nil,
            ])
        #expect(JSONValue.object(binding.canonicalArguments(["other": 1, "body": ["a": 1]])) == ["other": 1, "body": ["a": 1]])
    }

    @Test("writes JSON and form bodies")
    func bodies() throws {
        let json = Self.binding("POST", "/x", body: .init(kind: .json, contentType: "application/vnd.x+json"))
        let request = try Self.request(json, ["body": ["n": 12345678901234567890.0, "s": "ü"]])
        #expect(request.headers.contains { $0 == ("content-type", "application/vnd.x+json") })
        for (value, text) in [("text" as JSONValue, "\"text\""), (3, "3"), (nil, "null"), ([1], "[1]"), (true, "true")] {
            #expect(try Self.request(json, ["body": value]).body.map { String(decoding: $0, as: UTF8.self) } == text)
        }
        #expect(try Self.request(json, [:]).body == nil)
        let form = Self.binding(
            "POST", "/x",
            body: .init(
                kind: .form, contentType: "application/x-www-form-urlencoded",
                encodings: [
                    "deep": .init(style: .deepObject), "csv": .init(style: .form, explode: false), "flat": .init(style: .form),
                    "raw": .init(style: .form, allowReserved: true),
                ]))
        let body = try Self.request(
            form,
            [
                "body": [
                    "To": "+1 555", "MediaUrl": ["a", "b"], "meta": ["k": "v"], "deep": ["a": ["b": 1]], "csv": [1, 2],
                    "flat": ["R": 1, "G": 2], "raw": "a/b&c", "gone": nil, "yes": true,
                ]
            ]
        ).body
        #expect(
            String(decoding: body ?? [], as: UTF8.self)
                == "To=%2B1%20555&MediaUrl=a&MediaUrl=b&meta=%7B%22k%22%3A%22v%22%7D&deep%5Ba%5D%5Bb%5D=1&csv=1,2&R=1&G=2&raw=a/b%26c&yes=true"
        )
        #expect(throws: ToolError.self) { try Self.request(form, ["body": "text"]) }
    }

    @Test("refuses bodies that it cannot write, when there is one or has to be")
    func unsupported() throws {
        func code(_ body: BodyBinding, _ arguments: JSONObject) -> String? {
            do {
                _ = try Self.request(Self.binding("POST", "/x", body: body), arguments)
                return nil
            } catch { return (error as? ToolError)?.code }
        }
        #expect(code(.init(kind: .unsupported, contentType: "multipart/form-data"), [:]) == nil)
        #expect(code(.init(kind: .unsupported, contentType: "multipart/form-data"), ["body": ["a": 1]]) == "unsupported_body")
        #expect(code(.init(kind: .unsupported, contentType: "multipart/form-data", isRequired: true), [:]) == "unsupported_body")
    }

    @Test("refuses line breaks in header values", arguments: ["a\r\nX-Evil: 1", "a\nb", "a\u{0}b", "a\u{7F}"])
    func headerInjection(value: String) {
        let binding = Self.binding("GET", "/x", [.init(name: "X-A", location: .header)])
        let error = #expect(throws: ToolError.self) { try Self.request(binding, ["X-A": .string(value)]) }
        #expect(error?.code == "invalid_tool_arguments")
    }

    @Test("lets credentials win over arguments of the same name")
    func credentials() throws {
        let method = AuthMethod(
            slug: "m", label: "",
            placements: [
                .init(carrier: .header, name: "x-key", form: .plain, variables: ["key"]),
                .init(carrier: .query, name: "app", form: .plain, variables: ["app"]),
                .init(carrier: .cookie, name: "sid", form: .plain, variables: ["sid"]),
                .init(carrier: .header, name: "authorization", form: .basic, variables: ["user", "password"]),
            ], variables: ["key", "app", "sid", "user", "password"].map { .init(name: $0, label: "", mayBeEmpty: $0 == "password") })
        let credentials = CredentialSet(
            method: method,
            values: ["key": Secret("K"), "app": Secret("A&B"), "sid": Secret("S"), "user": Secret("u"), "password": Secret("")])
        let binding = Self.binding(
            "GET", "/x",
            [
                .init(name: "X-Key", location: .header), .init(name: "app", location: .query), .init(name: "sid", location: .cookie),
                .init(name: "lang", location: .cookie), .init(name: "Authorization", location: .header),
            ])
        let request = try Self.request(
            binding, ["X-Key": "evil", "app": "evil", "sid": "evil", "lang": "de", "Authorization": "evil"], credentials: credentials)
        #expect(request.target == "/v1/x")
        #expect(!request.headers.contains { $0.value == "evil" })
        #expect(
            Dictionary(uniqueKeysWithValues: request.secretHeaders.map { ($0.name, $0.value.reveal()) }) == [
                "x-key": "K", "authorization": "Basic dTo=", "cookie": "lang=de; sid=S",
            ])
        #expect(request.secretQuery.map { $0.value.reveal() } == ["A&B"])
        var open = binding
        open.sendsCredentials = false
        #expect(try Self.request(open, credentials: credentials).secretHeaders.isEmpty)
    }

    @Test("says which credential is missing, and never sends an empty one")
    func missingCredential() throws {
        for values in [[:], ["token": Secret("")], ["token": Secret("a\nb")]] {
            let error = #expect(throws: ToolError.self) {
                try Self.request(Self.binding(), credentials: CredentialSet(method: Self.bearer, values: values))
            }
            #expect(error?.code == "connection_value_missing")
            #expect(error?.message.contains("`token`") == true)
        }
        let pasted = try Self.request(
            Self.binding(), credentials: CredentialSet(method: Self.bearer, values: ["token": Secret("Bearer abc")]))
        #expect(pasted.secretHeaders.first?.value.reveal() == "Bearer abc")
    }

    @Test("stops at its bounds and without a server")
    func bounds() {
        var limits = RequestLimits()
        limits.maxURLBytes = 100
        limits.maxBodyBytes = 10
        let query = Self.binding("GET", "/x", [.init(name: "q", location: .query)])
        #expect(throws: ToolError.self) { try Self.request(query, ["q": .string(String(repeating: "x", count: 100))], limits: limits) }
        let body = Self.binding("POST", "/x", body: .init(kind: .json, contentType: "application/json"))
        #expect(throws: ToolError.self) { try Self.request(body, ["body": "0123456789"], limits: limits) }
        for server in [nil, "ftp://x", "/relative", "https://user@x.test"] {
            let error = #expect(throws: ToolError.self) { try Self.request(query, server: server) }
            #expect(error?.code == "no_server")
        }
        var faulty = query
        faulty.fault = "One of its parameters refers to another document."
        #expect((#expect(throws: ToolError.self) { try Self.request(faulty) })?.code == "operation_unusable")
    }

    @Test("says who asks, unless the caller does")
    func userAgent() throws {
        #expect(try Self.request(Self.binding()).headers.contains { $0 == ("user-agent", "Roost") })
        let named = try Self.request(Self.binding("GET", "/x", [.init(name: "User-Agent", location: .header)]), ["User-Agent": "me"])
        #expect(named.headers.filter { $0.name == "user-agent" }.map(\.value) == ["me"])
    }

    @Test(
        "encodes Base64 as RFC 4648 has it",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, expected: String) {
        #expect(Base64.encode(Array(text.utf8)) == expected)
    }
}
