import JSON
import Testing

@testable import OpenAPI

@Suite("Schemas")
struct SchemaTests {
    @Test(
        "of 3.0 become JSON Schema 2020-12",
        arguments: [
            (#"{"type": "string", "nullable": true}"#, #"{"type": ["string", "null"]}"#),
            (#"{"type": "string", "enum": ["a"], "nullable": true}"#, #"{"type": ["string", "null"], "enum": ["a", null]}"#),
            (#"{"nullable": true}"#, "{}"), (#"{"type": "string", "nullable": false}"#, #"{"type": "string"}"#),
            (##"{"$ref": "#/components/schemas/Y", "nullable": true}"##, ##"{"anyOf": [{"$ref": "#/$defs/Y"}, {"type": "null"}]}"##),
            (##"{"$ref": "#/components/schemas/Y", "description": "d", "minLength": 3}"##, ##"{"$ref": "#/$defs/Y", "description": "d"}"##),
            (
                #"{"description": "d", "allOf": [{"type": "string"}], "nullable": true}"#,
                #"{"description": "d", "anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]}"#
            ),
            (#"{"oneOf": [{"type": "string"}], "nullable": true}"#, #"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#),
            (#"{"minimum": 1, "exclusiveMinimum": true}"#, #"{"exclusiveMinimum": 1}"#),
            (#"{"maximum": 9, "exclusiveMaximum": false}"#, #"{"maximum": 9}"#), (#"{"exclusiveMinimum": 4}"#, #"{"exclusiveMinimum": 4}"#),
            (#"{"type": "string", "example": "x"}"#, #"{"type": "string", "examples": ["x"]}"#),
            (
                #"{"oneOf": [{"type": "integer"}], "anyOf": [{"type": "number"}]}"#,
                #"{"anyOf": [{"type": "number"}], "allOf": [{"anyOf": [{"type": "integer"}]}]}"#
            ),
            (
                #"{"type": "object", "properties": {"id": {"type": "string", "readOnly": true}, "n": {"type": "string"}}, "required": ["id", "n"]}"#,
                #"{"type": "object", "properties": {"id": {"type": "string", "readOnly": true}, "n": {"type": "string"}}, "required": ["n"]}"#
            ),
            (
                #"{"properties": {"nullable": {"type": "boolean"}, "$ref": {"type": "string"}}}"#,
                #"{"properties": {"nullable": {"type": "boolean"}, "$ref": {"type": "string"}}}"#
            ),
        ])
    func legacy(given: String, expected: String) throws {
        let written = try Documents.definition(given, others: #""Y": {"type": "string"}"#)
        #expect(written == (try JSONValue(parsing: expected)))
    }

    @Test(
        "of the wrong form lose what no validator takes",
        arguments: [
            (#"{"type": "file"}"#, "{}"), (#"{"type": ["string", "any"]}"#, "{}"),
            (#"{"required": true, "type": "string"}"#, #"{"type": "string"}"#),
            (#"{"enum": []}"#, "{}"), (#"{"minLength": -1, "maxLength": "5", "pattern": 3}"#, "{}"), (#"{"multipleOf": 0}"#, "{}"),
            (#"{"allOf": [], "anyOf": {"type": "string"}}"#, "{}"), (#"{"items": [{"type": "string"}]}"#, "{}"),
            (
                #"{"$id": "http://x/", "$anchor": "a", "xml": {}, "discriminator": {"propertyName": "p"}, "x-thing": 1, "externalDocs": {}}"#,
                "{}"
            ),
            (#"{"type": "array", "items": true}"#, #"{"type": "array", "items": true}"#), ("true", "true"), ("false", "false"), ("3", "{}"),
            (#"{"required": ["a", "a", 3]}"#, #"{"required": ["a"]}"#),
            (#"{"properties": 3, "additionalProperties": false}"#, #"{"additionalProperties": false}"#),
        ])
    func hostile(given: String, expected: String) throws {
        #expect(try Documents.definition(given, version: "3.1.0") == (try JSONValue(parsing: expected)))
    }

    @Test("that refer to themselves and each other are nothing special")
    func cycles() throws {
        let source = try Documents.ingest(
            paths:
                ##"{"/n": {"get": {"operationId": "n", "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}}}}"##,
            components: ##"""
                {"schemas": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "tree": {"$ref": "#/components/schemas/Tree"}}},
                "Tree": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}, "Self": {"$ref": "#/components/schemas/Self"}, "Unused": {"type": "string"}}}
                """##)
        #expect(source.definitions.map(\.name) == ["Node", "Tree"])
        #expect(try source.tools[0].outputSchema.value() == ["$ref": "#/$defs/Node"])
        #expect(try source.definitions[0].schema.value()["properties"]?["next"] == ["$ref": "#/$defs/Node"])
    }

    @Test("are found by every way of writing a pointer")
    func pointers() throws {
        let source = try Documents.ingest(
            paths: ##"""
                {"/a~b/{c}": {"parameters": [{"name": "c", "in": "path", "required": true, "schema": {"type": "integer"}}],
                  "get": {"operationId": "one", "responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {"deep": {"type": "boolean"}}}}}}}}},
                 "/b": {"post": {"operationId": "two", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {
                   "slash": {"$ref": "#/components/schemas/a~1b"}, "tilde": {"$ref": "#/components/schemas/a~0b"}, "percent": {"$ref": "#/components/schemas/a%25b"},
                   "space": {"$ref": "#/components/schemas/a%20b"}, "dots": {"$ref": "#/components/schemas/api.v1.thing"},
                   "inner": {"$ref": "#/components/schemas/Outer/properties/inner"},
                   "elsewhere": {"$ref": "#/paths/~1a~0b~1%7Bc%7D/get/responses/200/content/application~1json/schema/properties/deep"},
                   "parameter": {"$ref": "#/paths/~1a~0b~1%7Bc%7D/parameters/0/schema"}}}}}}}}}
                """##,
            components: #"""
                {"schemas": {"a/b": {"const": 1}, "a~b": {"const": 2}, "a%b": {"const": 3}, "a b": {"const": 4}, "api.v1.thing": {"const": 5},
                 "Outer": {"properties": {"inner": {"const": 6}}}}}
                """#)
        #expect(source.faults.isEmpty)
        let body = try #require(
            try source.tools.first { $0.binding.method == "POST" }?.inputSchema.value()["properties"]?["body"]?["properties"])
        let definitions = Dictionary(
            uniqueKeysWithValues: try source.definitions.map { (DefinitionTable.reference(toName: $0.name), try $0.schema.value()) })
        func target(_ name: String) -> JSONValue? { body[name]?["$ref"]?.string.flatMap { definitions[$0] } }
        #expect(["slash", "tilde", "percent", "space", "dots", "inner"].map { target($0)?["const"]?.int } == [1, 2, 3, 4, 5, 6])
        #expect(target("elsewhere") == ["type": "boolean"])
        #expect(target("parameter") == ["type": "integer"])
        #expect(definitions.keys.contains("#/$defs/a~1b"))
        #expect(definitions.keys.contains("#/$defs/a%20b"))
    }

    @Test(
        "behind references that lead nowhere take anything, and the fault is listed",
        arguments: ["other.yaml#/X", "https://example.com/x.json", "#/components/schemas/Missing", "#anchor", "#/components/schemas/%zz"])
    func missing(reference: String) throws {
        let source = try Documents.ingest(
            paths:
                #"{"/x": {"get": {"operationId": "x", "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "\#(reference)"}}}}}}}}"#
        )
        #expect(source.tools.count == 1)
        #expect(source.faults.count == 1)
        #expect(source.faults.first?.location == "GET /x")
        #expect(try source.tools[0].outputSchema.value()["type"] == nil)
    }

    @Test("written out again and again are stopped by the budget")
    func amplification() {
        let properties = (0..<100).map { "\"p\($0)\": {\"type\": \"string\"}" }.joined(separator: ",")
        let paths = (0..<200).map { "\"/p\($0)\": {\"$ref\": \"#/components/pathItems/big\"}" }.joined(separator: ",")
        var limits = OpenAPILimits()
        limits.maxSchemaNodes = 5_000
        let error = #expect(throws: OpenAPIError.self) {
            try Documents.ingest(
                paths: "{\(paths)}",
                components: #"""
                    {"pathItems": {"big": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {\#(properties)}}}}}}}}}
                    """#, limits: limits)
        }
        #expect(error?.code == .limitExceeded)
    }
}
