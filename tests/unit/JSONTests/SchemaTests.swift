import JSON
import Testing

@Suite("JSON Schema")
struct SchemaTests {
    private static let person: JSONValue = [
        "type": "object", "required": ["title"], "additionalProperties": false,
        "properties": [
            "title": ["type": "string", "minLength": 2], "age": ["type": "integer", "minimum": 0], "tags": ["items": ["enum": ["a", "b"]]],
        ],
    ]

    @Test(
        "A violation says where it is and what to change",
        arguments: [
            ([:], ["/title: required property is missing"]), (["title": "x"], ["/title: must have at least 2 characters, has 1"]),
            (["title": "ok", "age": 1.5], ["/age: expected integer, found number"]),
            (["title": "ok", "age": -1], ["/age: must be at least 0"]),
            (["title": "ok", "tags": ["a", "c"]], ["/tags/1: must be one of \"a\", \"b\""]),
            (["title": "ok", "a/b": 1], ["/a~1b: unknown property, allowed are title, age, tags"]), ([1], ["expected object, found array"]),
            (["age": "1"], ["/title: required property is missing", "/age: expected integer, found string"]),
        ] as [(JSONValue, [String])])
    func messages(value: JSONValue, expected: [String]) throws {
        let violations = try JSONSchema(compiling: Self.person).validate(value)
        #expect(violations.map(\.description) == expected)
    }

    @Test("Of several alternatives the violations of the nearest one are told")
    func alternatives() throws {
        let schema = try JSONSchema(compiling: [
            "oneOf": [
                ["properties": ["kind": ["const": "circle"]], "required": ["kind", "radius"]],
                ["properties": ["kind": ["const": "square"]], "required": ["kind", "side"]],
            ]
        ])
        let expected = ["must match exactly one of 2 alternatives, matches none", "/side: required property is missing"]
        #expect(schema.validate(["kind": "square"]).map(\.description) == expected)
        #expect(schema.validate(["kind": "circle", "radius": 1]).isEmpty)
        let overlapping = try JSONSchema(compiling: ["oneOf": [["minimum": 1], ["maximum": 5]]])
        #expect(overlapping.validate(3).map(\.description) == ["must match exactly one of 2 alternatives, matches those at 0 and 1"])
    }

    @Test("At most as many violations are listed as the limits allow")
    func violationBound() throws {
        let schema = try JSONSchema(compiling: ["items": ["type": "string"]], limits: JSONSchemaLimits(maxViolations: 3))
        #expect(schema.validate(.array([JSONValue](repeating: 1, count: 100))).count == 3)
    }

    @Test(
        "Multiples are computed exactly",
        arguments: [
            ("0.01", "19.99", true), ("0.1", "0.35", false), ("1e-8", "12391239123", true), ("3", "1e400", false), ("5", "1e400", true),
        ])
    func multiples(divisor: String, number: String, expected: Bool) throws {
        let schema = try JSONSchema(compiling: ["multipleOf": JSONValue(parsing: divisor)])
        #expect(try schema.isValid(JSONValue(parsing: number)) == expected)
    }

    @Test("A schema inside a larger document is compiled in its place, with what it refers to")
    func insideDocument() throws {
        let document: JSONValue = [
            "components": [
                "schemas": [
                    "Pet": ["properties": ["owner": ["$ref": "#/components/schemas/Owner"]]], "Owner": ["type": "string"], "Bad": 5,
                ]
            ]
        ]
        let schema = try JSONSchema(compiling: document, at: JSONPointer(["components", "schemas", "Pet"]))
        #expect(schema.isValid(["owner": "x"]))
        #expect(!schema.isValid(["owner": 1]))
        #expect(throws: JSONSchemaError.self) { try JSONSchema(compiling: document, at: JSONPointer(["components", "schemas", "Cat"])) }
    }

    @Test("The draft's meta-schema comes along")
    func metaSchema() throws {
        let schema = try JSONSchema(compiling: ["$ref": "https://json-schema.org/draft/2020-12/schema"])
        #expect(schema.isValid(Self.person))
        #expect(!schema.isValid(["properties": ["a": ["type": 5]]]))
        #expect(!schema.isValid(["allOf": []]))
    }

    @Test("Tuples as drafts before 2020-12 wrote them are understood")
    func oldTuples() throws {
        let schema = try JSONSchema(compiling: [
            "$schema": "http://json-schema.org/draft-07/schema#", "items": [["type": "string"], ["type": "number"]],
            "additionalItems": false,
        ])
        #expect(schema.isValid(["a", 1]))
        #expect(!schema.isValid([1, "a"]))
        #expect(!schema.isValid(["a", 1, 2]))
    }
}

@Suite("Faulty and hostile schemas")
struct HostileSchemaTests {
    @Test(
        "A fault is told with its kind and its place",
        arguments: [
            (["properties": ["a/b": ["type": "text"]]], .malformedKeyword, "#/properties/a~1b/type"),
            (["required": true], .malformedKeyword, "#/required"),
            (["minLength": -1], .malformedKeyword, "#/minLength"), (["multipleOf": 0], .malformedKeyword, "#/multipleOf"),
            (5, .malformedKeyword, "#"),
            (["allOf": [["pattern": "("]]], .unsupportedPattern, "#/allOf/0/pattern"),
            (["$ref": "#/$defs/none"], .unresolvableReference, "#"),
            (["$ref": "http://example.com/x"], .unresolvableReference, "#"), (["$ref": "#anchor"], .unresolvableReference, "#"),
        ] as [(JSONValue, JSONSchemaError.Code, String)])
    func faults(schema: JSONValue, code: JSONSchemaError.Code, location: String) throws {
        let error = #expect(throws: JSONSchemaError.self) { try JSONSchema(compiling: schema) }
        #expect(error?.code == code)
        #expect(error?.location == location)
        let lenient = try JSONSchema(compiling: schema, faultPolicy: .ignore)
        #expect(lenient.faults.map(\.code) == [code])
        #expect(lenient.isValid("anything"))
    }

    @Test("Under the lenient policy a fault costs its own keyword only")
    func leniency() throws {
        let schema = try JSONSchema(compiling: ["type": "string", "pattern": "\\1", "minLength": 2], faultPolicy: .ignore)
        #expect(schema.isValid("ab"))
        #expect(!schema.isValid("a"))
        #expect(!schema.isValid(1))
    }

    @Test(
        "References that go round in circles end in a violation",
        arguments: [["$ref": "#"], ["allOf": [["$ref": "#"], ["$ref": "#"]]], ["$dynamicRef": "#"]] as [JSONValue])
    func circles(document: JSONValue) throws {
        let violations = try JSONSchema(compiling: document).validate(1)
        #expect(violations.count == 1)
        #expect(violations.first?.keyword == "")
    }

    @Test("A check that would take for ever ends within its steps", .timeLimit(.minutes(1)))
    func explosion() throws {
        var document: JSONObject = ["$defs": [:], "$ref": "#/$defs/n0"]
        var definitions = JSONObject()
        for level in 0..<60 {
            let next: JSONValue = ["$ref": .string("#/$defs/n\(level + 1)")]
            definitions["n\(level)"] = ["anyOf": [["allOf": [next, false]], next]]
        }
        definitions["n60"] = false
        document["$defs"] = .object(definitions)
        let schema = try JSONSchema(compiling: .object(document), limits: JSONSchemaLimits(maxSteps: 100_000))
        #expect(schema.validate(1).first?.message.contains("too many steps") == true)
        #expect(!schema.isValid(1))
    }

    @Test("A hostile pattern in a schema ends within its steps", .timeLimit(.minutes(1)))
    func pattern() throws {
        let schema = try JSONSchema(compiling: ["pattern": "(?=.*(?=.*(?=.*b)))(a|aa)+$"], limits: JSONSchemaLimits(maxSteps: 1_000_000))
        let violations = schema.validate(.string(String(repeating: "a", count: 100_000)))
        #expect(violations.first?.message.contains("too many steps") == true)
    }

    @Test("Schemas beyond a limit are refused whatever the policy", arguments: [JSONSchema.FaultPolicy.reject, .ignore])
    func limits(policy: JSONSchema.FaultPolicy) {
        func code(_ schema: JSONValue, _ limits: JSONSchemaLimits) -> JSONSchemaError.Code? {
            do throws(JSONSchemaError) {
                _ = try JSONSchema(compiling: schema, faultPolicy: policy, limits: limits)
                return nil
            } catch { return error.code }
        }
        let wide: JSONValue = ["allOf": .array([JSONValue](repeating: [:], count: 20))]
        #expect(code(wide, JSONSchemaLimits(maxNodes: 21)) == nil)
        #expect(code(wide, JSONSchemaLimits(maxNodes: 20)) == .tooLarge)
        let deep = (0..<50).reduce(true as JSONValue) { inner, _ in ["not": inner] }
        #expect(code(deep, JSONSchemaLimits(maxDepth: 60)) == nil)
        #expect(code(deep, JSONSchemaLimits(maxDepth: 40)) == .tooLarge)
    }

    @Test("Fifteen thousand references in a row cost no stack", .timeLimit(.minutes(1)))
    func chain() throws {
        var definitions = JSONObject()
        for level in 0..<15_000 { definitions["n\(level)"] = ["$ref": .string("#/$defs/n\(level + 1)")] }
        definitions["n15000"] = true
        let schema = try JSONSchema(compiling: ["$defs": .object(definitions), "$ref": "#/$defs/n0"])
        #expect(schema.validate(1).first?.message.contains("nests too deeply") == true)
    }

    @Test("Dynamic anchors in thousands of resources are compiled once each", .timeLimit(.minutes(1)))
    func dynamicAnchors() throws {
        var definitions = JSONObject()
        for number in 0..<3_000 {
            definitions["n\(number)"] = [
                "$id": .string("r\(number)"), "$dynamicAnchor": .string("a\(number)"), "items": ["$dynamicRef": .string("#a\(number)")],
            ]
        }
        let schema = try JSONSchema(compiling: ["$defs": .object(definitions), "items": ["$ref": "r7"], "minItems": 1])
        #expect(schema.isValid([[[[]]]]))
        #expect(!schema.isValid([]))
    }

    @Test("Random schemas made of real keywords never crash", arguments: 0..<30 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limits = JSONSchemaLimits(maxNodes: 500, maxPatternInstructions: 5_000, maxDepth: 64, maxSteps: 20_000)
        for _ in 0..<50 {
            let document = random.schema(depth: 4)
            guard let schema = try? JSONSchema(compiling: document, faultPolicy: .ignore, limits: limits) else { continue }
            let value = random.value(depth: 3)
            #expect(schema.isValid(value) == schema.validate(value).isEmpty)
        }
    }
}

extension SplitMix64 {
    /// A schema of random keywords, some of them with values that make no sense.
    fileprivate mutating func schema(depth: Int) -> JSONValue {
        let keywords = [
            "type", "enum", "const", "minimum", "maxLength", "pattern", "uniqueItems", "required", "properties", "patternProperties",
            "additionalProperties",
            "propertyNames", "dependentSchemas", "items", "prefixItems", "contains", "minContains", "allOf", "anyOf", "oneOf", "not", "if",
            "then", "else", "$ref",
            "$dynamicRef", "$dynamicAnchor", "$anchor", "$id", "$defs", "unevaluatedProperties", "unevaluatedItems", "multipleOf",
        ]
        var schema = JSONObject()
        for _ in 0..<Int.random(in: 0..<5, using: &self) {
            schema[keywords.randomElement(using: &self) ?? ""] = self.keywordValue(depth: depth)
        }
        return .object(schema)
    }

    private mutating func keywordValue(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<9, using: &self) {
        case 0: return ["#", "#a", "#/$defs/a", "string", "(a|b)+$", "object", "http://x/y"].randomElement(using: &self) ?? ""
        case 1: return .int(Int.random(in: -1...5, using: &self))
        case 2: return .bool(Bool.random(using: &self))
        case 3: return self.value(depth: 2)
        case 4 where depth > 0: return .array((0..<3).map { _ in self.schema(depth: depth - 1) })
        case 5 where depth > 0: return ["a": self.schema(depth: depth - 1), "key": self.schema(depth: depth - 1)]
        case _ where depth > 0: return self.schema(depth: depth - 1)
        default: return ["a", "key"]
        }
    }
}
