import JSON
import Model
import Policies
import Store
import Testing

@testable import Catalog

@Suite("TypeScript")
struct TypeScriptTests {
    private static func render(_ schema: String, definitions: String = "{}") throws -> (type: String, declarations: [String]) {
        var renderer = TypeScriptRenderer(definitions: try JSONValue(parsing: definitions).object ?? [:], maxCommentCharacters: 40)
        let type = renderer.type(try JSONValue(parsing: schema))
        return (type, renderer.declarations(maxBytes: 10_000).map(\.declaration))
    }

    @Test(
        "says what a schema says",
        arguments: [
            ("{}", "unknown"), ("true", "unknown"), ("false", "never"), (#"{"description": "d"}"#, "unknown"),
            (#"{"type": "string"}"#, "string"),
            (#"{"type": "integer"}"#, "number"), (#"{"type": ["integer", "number"]}"#, "number"),
            (#"{"type": ["string", "null"]}"#, "string | null"),
            (#"{"type": "boolean"}"#, "boolean"), (#"{"type": "null"}"#, "null"), (#"{"const": "a"}"#, "\"a\""),
            (#"{"enum": ["a", 1, null, true]}"#, "\"a\" | 1 | null | true"),
            (#"{"type": "array"}"#, "unknown[]"), (#"{"type": "array", "items": {"type": "string"}}"#, "string[]"),
            (#"{"items": {"type": "string"}}"#, "string[]"),
            (#"{"type": "array", "items": {"enum": ["a", "b"]}}"#, "(\"a\" | \"b\")[]"), (#"{"enum": ["a|b"]}"#, "\"a|b\""),
            (#"{"type": "array", "items": {"const": "a|b"}}"#, "\"a|b\"[]"),
            (#"{"prefixItems": [{"type": "string"}, {"type": "number"}], "items": false}"#, "[string, number]"),
            (#"{"prefixItems": [{"type": "string"}]}"#, "[string, ...unknown[]]"),
            (#"{"type": "object"}"#, "Record<string, unknown>"), (#"{"type": "object", "additionalProperties": false}"#, "{}"),
            (#"{"type": "object", "additionalProperties": {"type": "number"}}"#, "Record<string, number>"),
            (
                #"{"properties": {"a": {"type": "string"}, "b-c": {}, "1": true}, "required": ["a"]}"#,
                "{\n  a: string;\n  \"b-c\"?: unknown;\n  \"1\"?: unknown;\n}"
            ),
            (
                #"{"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}}"#,
                "{\n  a?: string;\n  [key: string]: unknown;\n}"
            ),
            (
                #"{"properties": {"o": {"properties": {"x": {"type": "string", "description": "An\n x. */"}}}}}"#,
                "{\n  o?: {\n    /** An x. * / */\n    x?: string;\n  };\n}"
            ),
            (#"{"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "string"}]}"#, "string | number"),
            (#"{"anyOf": [{"type": "string"}, {}]}"#, "unknown"),
            (#"{"allOf": [{"type": "string"}, {"minLength": 3}]}"#, "string"),
            (#"{"allOf": [{"enum": ["a", "b"]}, {"type": "string"}]}"#, "(\"a\" | \"b\") & string"),
            (#"{"type": "object", "anyOf": [{"properties": {"a": {"type": "null"}}}]}"#, "{\n  a?: null;\n}"),
            (#"{"$ref": "other.json"}"#, "unknown"), (##"{"$ref": "#/$defs/Missing"}"##, "unknown"),
            (#"{"type": "object", "x-roost-type": "ToolFile"}"#, "ToolFile"),
            (
                #"{"type": "array", "items": {"allOf": [{"properties": {"a": true}}, {"properties": {"b": true}}]}}"#,
                "({\n  a?: unknown;\n} & {\n  b?: unknown;\n})[]"
            ),
        ])
    func types(schema: String, expected: String) throws {
        #expect(try Self.render(schema).type == expected)
    }

    @Test("declares what is reached, once, under names that are identifiers")
    func declarations() throws {
        let definitions = ##"""
            {"Pet": {"type": "object", "properties": {"parent": {"$ref": "#/$defs/Pet"}, "owner": {"$ref": "#/$defs/api.v1.owner"}}, "required": ["parent"]},
             "api.v1.owner": {"type": "string"}, "api-v1-owner": {"type": "number"}, "Unused": {"type": "string"}, "string": {"type": "boolean"}, "ToolError": {"const": 1}}
            """##
        let (type, declarations) = try Self.render(
            ##"{"anyOf": [{"$ref": "#/$defs/Pet"}, {"$ref": "#/$defs/api-v1-owner"}, {"$ref": "#/$defs/string"}, {"$ref": "#/$defs/ToolError"}]}"##,
            definitions: definitions)
        #expect(type == "Pet | api_v1_owner | string_2 | ToolError_2")
        #expect(
            declarations == [
                "type Pet = {\n  parent: Pet;\n  owner?: api_v1_owner_2;\n};", "type api_v1_owner = number;", "type string_2 = boolean;",
                "type ToolError_2 = 1;", "type api_v1_owner_2 = string;",
            ])
    }

    @Test("does not declare a type as itself")
    func circles() throws {
        let definitions = ##"{"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}, "C": {"$ref": "#/$defs/C"}}"##
        let (_, declarations) = try Self.render(
            ##"{"items": {"$ref": "#/$defs/A"}, "prefixItems": [{"$ref": "#/$defs/C"}]}"##, definitions: definitions)
        #expect(Set(declarations) == ["type A = unknown;", "type C = unknown;"])
    }

    @Test("ends with schemas that are deep, and with definitions that are many")
    func bounds() throws {
        var deep = "{}"
        for _ in 0..<60 { deep = #"{"type": "array", "items": \#(deep)}"# }
        #expect(try Self.render(deep).type.hasPrefix("unknown[]"))
        let many = (0..<1_000).map {
            ##""D\##($0)": {"type": "object", "properties": {"next": {"$ref": "#/$defs/D\##($0 + 1)"}}, "description": "x"}"##
        }.joined(separator: ",")
        let declarations = try Self.render(##"{"$ref": "#/$defs/D0"}"##, definitions: "{\(many)}").declarations
        #expect(declarations.reduce(0) { $0 + $1.utf8.count } < 20_000)
        #expect(declarations.last?.hasSuffix("= unknown;") == true)
    }

    @Test("describes a tool from its schemas to the union of its results")
    func description() async throws {
        try await CatalogFixture.run { fixture in
            try await fixture.addPets()
            let tool = try #require(
                try await fixture.catalog.describe(
                    try fixture.address("pets.org.main.pets.createPet"), principal: fixture.principal,
                    revision: try await fixture.revision(), policies: .empty))
            #expect(tool.path == "pets.org.main.pets.createPet")
            #expect(tool.description == "Create a pet")
            #expect(tool.inputTypeScript == "{\n  body: NewPet;\n}")
            #expect(tool.outputTypeScript == "{ ok: true; data: Pet; http?: ToolHttpMeta } | { ok: false; error: ToolError }")
            #expect(tool.typeScriptDefinitions.map(\.name) == ["ToolError", "ToolHttpMeta", "ToolFile", "NewPet", "Pet"])
            #expect(
                tool.typeScriptDefinitions[3].declaration
                    == "type NewPet = {\n  name: string;\n  tag?: string | null;\n  kind?: \"cat\" | \"dog\";\n};")
            #expect(tool.typeScriptDefinitions[4].declaration == "type Pet = NewPet & {\n  id: number;\n  parent?: Pet;\n};")
            let get = try await fixture.catalog.describe(
                try fixture.address("pets.org.main.pets.getPet"), principal: fixture.principal, revision: try await fixture.revision(),
                policies: .empty)
            #expect(get?.inputTypeScript == "{\n  /** The pet's number. */\n  petId: number;\n}")
            let details = try #require(
                try await fixture.catalog.details(
                    of: try fixture.address("pets.org.main.pets.listPets"), principal: fixture.principal,
                    revision: try await fixture.revision(), policies: .empty))
            #expect(try details.outputSchema.value()["$defs"]?.object?.keys.sorted() == ["NewPet", "Pet"])
            #expect(try details.inputSchema.value()["$defs"] == nil)
        }
    }
}
