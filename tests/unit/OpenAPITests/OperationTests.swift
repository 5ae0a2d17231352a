import JSON
import Testing

@testable import OpenAPI

@Suite("Operations")
struct OperationTests {
    @Test("take references to parameters, bodies, responses, path items and security schemes")
    func references() throws {
        let source = try Documents.ingest(
            paths: ##"""
                {"/things/{id}": {"$ref": "#/components/pathItems/Thing", "parameters": [{"$ref": "#/components/parameters/Trace"}]}}
                """##,
            components: ##"""
                {"pathItems": {"Thing": {"put": {"operationId": "putThing", "parameters": [{"$ref": "#/components/parameters/Id"}, {"$ref": "#/components/parameters/Alias"}],
                   "requestBody": {"$ref": "#/components/requestBodies/B"}, "responses": {"200": {"$ref": "#/components/responses/R"}}, "security": [{"key": []}]}}},
                 "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}, "Alias": {"$ref": "#/components/parameters/Real"},
                   "Real": {"name": "dry", "in": "query", "schema": {"type": "boolean"}}, "Trace": {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}},
                 "requestBodies": {"B": {"required": true, "content": {"application/vnd.thing+json": {"schema": {"type": "object"}}}}},
                 "responses": {"R": {"content": {"application/json": {"schema": {"type": "string"}}}}},
                 "securitySchemes": {"key": {"$ref": "#/components/securitySchemes/real"}, "real": {"type": "apiKey", "in": "header", "name": "X-Key"}}}
                """##)
        let tool = try #require(source.tools.first)
        #expect(source.faults.isEmpty)
        #expect(tool.binding.parameters.map(\.name) == ["id", "dry", "X-Trace"])
        #expect(tool.binding.body == BodyBinding(kind: .json, contentType: "application/vnd.thing+json", isRequired: true))
        #expect(try tool.outputSchema.value() == ["type": "string"])
        #expect(source.configuration.authMethods.first?.placements.first?.name == "x-key")
        #expect(try tool.inputSchema.value()["required"] == ["id", "body"])
    }

    @Test("override their path's parameters by name and place")
    func overriding() throws {
        let source = try Documents.ingest(
            paths: #"""
                {"/x": {"parameters": [{"name": "a", "in": "query", "schema": {"type": "string"}}, {"name": "a", "in": "header", "schema": {"type": "string"}}],
                 "get": {"parameters": [{"name": "a", "in": "query", "required": true, "schema": {"type": "integer"}}]}}}
                """#)
        let parameters = source.tools[0].binding.parameters
        #expect(parameters.map(\.location) == [.query, .header])
        #expect(parameters.map(\.argument) == ["a", "header_a"])
        #expect(parameters.map(\.isRequired) == [true, false])
        #expect(parameters[0].coercion == .number)
    }

    @Test("never take parameters that would override credentials, framing or the connection")
    func reservedHeaders() throws {
        let names = [
            "Authorization", "Accept", "Content-Type", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Cookie",
            "Proxy-Authorization", "Upgrade",
            "TE", "Keep-Alive", "Expect", "X-Forwarded-For", "bad name", "bad\\r\\nname", "X-Fine",
        ]
        let parameters = names.map { #"{"name": "\#($0)", "in": "header", "schema": {"type": "string"}}"# }.joined(separator: ",")
        let source = try Documents.ingest(paths: #"{"/x": {"get": {"parameters": [\#(parameters)]}}}"#)
        #expect(source.tools[0].binding.parameters.map(\.name) == ["X-Fine"])
        #expect(source.faults.count == names.count - 4)
    }

    @Test("with references out of the document are listed and say why they cannot be called")
    func externalReferences() throws {
        let source = try Documents.ingest(
            paths: #"""
                {"/a": {"post": {"operationId": "a", "requestBody": {"$ref": "bodies.yaml#/B"}}}, "/b": {"get": {"operationId": "b", "parameters": [{"$ref": "https://x.test/p.json"}]}},
                 "/c": {"$ref": "paths.yaml"}, "/d": {"get": {"operationId": "d"}}}
                """#)
        #expect(source.tools.map(\.name) == ["a.postA", "b.getB", "d.getD"])
        #expect(source.tools.map { $0.binding.fault != nil } == [true, true, false])
        #expect(source.faults.map(\.location) == ["/c", "POST /a", "GET /b"])
    }

    @Test("with circular references to parameters are listed, and reading ends")
    func circularReferences() throws {
        let source = try Documents.ingest(
            paths: ##"{"/a": {"get": {"operationId": "a", "parameters": [{"$ref": "#/components/parameters/A"}]}}}"##,
            components: ##"{"parameters": {"A": {"$ref": "#/components/parameters/B"}, "B": {"$ref": "#/components/parameters/A"}}}"##)
        #expect(source.tools[0].binding.fault?.contains("circle") == true)
    }

    @Test("describe what comes back: the first success with content, files and empty answers")
    func responses() throws {
        func output(_ responses: String) throws -> JSONValue {
            try Documents.ingest(paths: #"{"/x": {"get": {"responses": \#(responses)}}}"#).tools[0].outputSchema.value()
        }
        let json = #"{"content": {"application/json": {"schema": {"type": "integer"}}}}"#
        #expect(
            try output(#"{"201": \#(json), "404": {"content": {"application/json": {"schema": {"type": "string"}}}}}"#) == [
                "type": "integer"
            ])
        #expect(try output(#"{"204": {"description": ""}, "200": \#(json)}"#) == ["type": "integer"])
        #expect(try output(#"{"2XX": \#(json)}"#) == ["type": "integer"])
        #expect(try output(#"{"default": \#(json)}"#) == ["type": "integer"])
        #expect(try output(#"{"204": {"description": ""}, "default": \#(json)}"#) == ["type": "null"])
        #expect(try output(#"{"200": {"content": {"text/csv": {}}}}"#) == ["type": "string"])
        #expect(try output(#"{"200": {"content": {"image/png": {}}}}"#)["x-roost-type"] == "ToolFile")
        #expect(try output("{}") == [:])
        #expect(try output(#"{"404": \#(json)}"#) == [:])
    }

    @Test("ask for what they declare")
    func accept() throws {
        func accept(_ content: String) throws -> String {
            try Documents.ingest(paths: #"{"/x": {"get": {"responses": {"200": {"content": {\#(content)}}}}}}"#).tools[0].binding.accept
        }
        #expect(try accept(#""application/json": {}"#) == "application/json, */*;q=0.5")
        #expect(try accept(#""text/csv": {}, "application/vnd.x+json": {}"#) == "application/vnd.x+json, text/csv, */*;q=0.5")
        #expect(try accept(#""text/event-stream": {}, "application/json": {}"#) == "application/json, */*;q=0.5")
        #expect(try accept(#""text/event-stream": {}"#) == "text/event-stream, */*;q=0.5")
    }

    @Test("choose JSON among body types, then a form, and list what they cannot write")
    func bodies() throws {
        func body(_ content: String) throws -> BodyBinding? {
            try Documents.ingest(paths: #"{"/x": {"post": {"requestBody": {"content": {\#(content)}}}}}"#).tools[0].binding.body
        }
        #expect(try body(#""multipart/form-data": {}, "application/json": {}"#)?.kind == .json)
        #expect(
            try body(#""application/vnd.a+json": {}, "application/json; charset=utf-8": {}"#)?.contentType
                == "application/json; charset=utf-8")
        #expect(
            try body(#""application/x-www-form-urlencoded": {"encoding": {"tags": {"explode": false}}}"#)?.encodings["tags"]
                == .init(style: .form, explode: false))
        #expect(try body(#""multipart/form-data": {}"#) == BodyBinding(kind: .unsupported, contentType: "multipart/form-data"))
        #expect(try body(#""*/*": {}"#) == BodyBinding(kind: .json, contentType: "application/json"))
        #expect(try body("") == nil)
    }

    @Test(
        "go to the operation's server, the path's, or the document's",
        arguments: [
            (#""servers": [{"url": "https://op.test"}],"#, "", "https://op.test/"),
            ("", #""servers": [{"url": "https://path.test/x"}],"#, "https://path.test/x"),
            ("", "", nil),
            (#""servers": [{"url": "https://{region}.test", "variables": {"region": {"default": "eu"}}}],"#, "", "https://eu.test/"),
            (#""servers": [{"url": "/relative"}],"#, "", "https://docs.test/relative"),
            (#""servers": [],"#, #""servers": [{"url": "https://path.test"}],"#, "https://path.test/"),
            (#""servers": [{"url": "https://{open}.test"}],"#, "", nil), (#""servers": [{"url": "ftp://x.test"}],"#, "", nil),
        ] as [(String, String, String?)])
    func servers(operation: String, path: String, expected: String?) throws {
        let source = try Documents.ingest(
            paths: #"{"/x": {\#(path) "get": {\#(operation) "responses": {}}}}"#, url: "https://docs.test/a/openapi.json")
        #expect(source.tools[0].binding.server == expected)
        #expect(source.configuration.server == "https://api.test/v1")
    }

    @Test(
        "of a document without an absolute server go to the document's host",
        arguments: [
            (#""servers": [{"url": "/api/v3"}],"#, "https://docs.test/a/openapi.json", "https://docs.test/api/v3"),
            (#""servers": [{"url": "../v2"}],"#, "https://docs.test/a/b/openapi.json", "https://docs.test/a/v2"),
            (#""servers": [{"url": "//other.test/x"}],"#, "https://docs.test/", "https://other.test/x"),
            ("", "https://docs.test/a/openapi.json", "https://docs.test/"),
            ("", nil, nil), (#""servers": [{"url": "/api"}],"#, nil, nil),
        ] as [(String, String?, String?)])
    func documentServers(servers: String, url: String?, expected: String?) throws {
        let text = #"{"openapi": "3.0.0", \#(servers) "info": {"title": "T"}, "paths": {}}"#
        #expect(try OpenAPIDocument(reading: Array(text.utf8), url: url).ingest().configuration.server == expected)
    }

    @Test("are described by summary and description, bounded")
    func descriptions() throws {
        func description(_ fields: String) throws -> String {
            try Documents.ingest(paths: #"{"/x": {"get": {\#(fields) "responses": {}}}}"#).tools[0].description
        }
        #expect(try description("") == "GET /x")
        #expect(try description(#""summary": "S", "description": "Long",  "#) == "S\n\nLong")
        #expect(try description(#""summary": "S", "description": "S and more", "#) == "S and more")
        #expect(try description(#""summary": "S", "deprecated": true, "#) == "Deprecated. S")
        #expect(try description(#""description": "\#(String(repeating: "x", count: 5000))", "#).count == 1_000)
    }

    @Test("with undeclared path parameters take them as strings")
    func undeclaredPathParameter() throws {
        let source = try Documents.ingest(paths: #"{"/x/{id}": {"get": {}}}"#)
        #expect(source.tools[0].binding.parameters == [ParameterBinding(name: "id", location: .path, coercion: .text)])
        #expect(source.faults.count == 1)
    }

    @Test("beyond the bounds stop the ingest")
    func bounds() {
        var limits = OpenAPILimits()
        limits.maxOperations = 2
        #expect(throws: OpenAPIError.self) {
            try Documents.ingest(paths: #"{"/a": {"get": {}, "put": {}}, "/b": {"get": {}}}"#, limits: limits)
        }
        limits = OpenAPILimits()
        limits.maxSchemaBytes = 100
        #expect(throws: OpenAPIError.self) {
            try Documents.ingest(paths: #"{"/a": {"get": {}, "put": {}}, "/b": {"get": {}}}"#, limits: limits)
        }
    }

    @Test("and anything else of the wrong kind never stop the ingest")
    func nonsense() throws {
        for paths in [
            "[]", "3", #"{"/a": 3}"#, #"{"/a": {"get": []}}"#,
            #"{"/a": {"get": {"parameters": 3, "responses": [], "requestBody": "x", "tags": {}, "security": 1, "servers": "x"}}}"#,
            #"{"/a": {"get": {"parameters": [1, null, {"name": 3, "in": "query"}, {"name": "x", "in": "nowhere"}], "responses": {"200": 3, "201": {"content": []}}}}}"#,
            #"{"/a": {"post": {"requestBody": {"content": {"application/json": 3}}}}}"#, #"{"a": {"get": {}}, "x-a": {"get": {}}}"#,
            #"{"/{": {"get": {}}, "/}{": {"get": {}}, "/{}": {"get": {}}}"#,
        ] {
            #expect(throws: Never.self) {
                let document = try OpenAPIDocument(reading: Array(Documents.text(paths: paths, components: "3").utf8))
                _ = try document.ingest()
            }
        }
    }
}
