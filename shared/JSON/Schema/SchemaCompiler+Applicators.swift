/// References and the vocabularies that apply subschemas (draft 2020-12 §8.2.3, §10, §11).
extension SchemaCompiler {
    /// Reads `$ref` or `$dynamicRef`; nil for any other keyword.
    mutating func referenceRule(_ keyword: String, _ value: JSONValue, in context: Context) throws(JSONSchemaError) -> SchemaRule? {
        guard keyword == "$ref" || keyword == "$dynamicRef" else { return nil }
        guard let reference = value.string else { throw self.malformed("a string", keyword, in: context) }
        let target = try self.registry.resolve(reference, from: context.location)
        let node = try self.node(for: target)
        guard keyword == "$dynamicRef", let name = self.registry.isDynamic(reference, leadingTo: target.location) else {
            return .reference(node)
        }
        self.usesDynamicReferences = true
        return .dynamicReference(anchor: name, fallback: node)
    }

    /// Reads an applicator that stands for itself; nil where it is none.
    mutating func applicatorRule(_ keyword: String, _ value: JSONValue, in context: Context) throws(JSONSchemaError) -> SchemaRule? {
        switch keyword {
        case "allOf": .allOf(try self.nodes(of: keyword, in: context))
        case "anyOf": .anyOf(try self.nodes(of: keyword, in: context))
        case "oneOf": .oneOf(try self.nodes(of: keyword, in: context))
        case "not": .not(try self.node(value, context, keyword))
        case "propertyNames": .propertyNames(try self.node(value, context, keyword))
        case "dependentSchemas": .dependentSchemas(try self.namedNodes(of: keyword, in: context))
        default: nil
        }
    }

    /// Keywords that depend on each other, and what must come behind everything else, in the order of checking.
    enum KeywordGroup: CaseIterable {
        case conditional, members, elements, contains, unevaluatedProperties, unevaluatedItems
    }

    /// Reads a group of keywords; nil where none of them is there.
    mutating func rule(for group: KeywordGroup, in context: Context) throws(JSONSchemaError) -> SchemaRule? {
        switch group {
        case .unevaluatedProperties where context.dialect.contains(.unevaluated):
            try self.optionalNode(context, "unevaluatedProperties").map(SchemaRule.unevaluatedProperties)
        case .unevaluatedItems where context.dialect.contains(.unevaluated):
            try self.optionalNode(context, "unevaluatedItems").map(SchemaRule.unevaluatedItems)
        case _ where !context.dialect.contains(.applicator): nil
        case .conditional: try self.conditionalRule(of: context)
        case .members: try self.membersRule(of: context)
        case .elements: try self.elementsRule(of: context)
        case .contains: try self.containsRule(of: context)
        default: nil
        }
    }

    private mutating func conditionalRule(of context: Context) throws(JSONSchemaError) -> SchemaRule? {
        guard let condition = context.members["if"] else { return nil }
        return .conditional(
            condition: try self.node(condition, context, "if"), then: try self.optionalNode(context, "then"),
            else: try self.optionalNode(context, "else"))
    }

    private mutating func membersRule(of context: Context) throws(JSONSchemaError) -> SchemaRule? {
        let keywords = ["properties", "patternProperties", "additionalProperties"]
        guard keywords.contains(where: { context.members.contains(key: $0) }) else { return nil }
        var rule = SchemaMembers()
        for (name, node) in try self.namedNodes(of: "properties", in: context) {
            rule.named[JSONKey(name)] = node
            rule.names.append(name)
        }
        for (source, node) in try self.namedNodes(of: "patternProperties", in: context) {
            rule.patterns.append((try self.pattern(source, in: context, keyword: "patternProperties"), node))
        }
        rule.additional = try self.optionalNode(context, "additionalProperties")
        return .members(rule)
    }

    /// Drafts before 2020-12 wrote `prefixItems` as an array in `items` and the rest as `additionalItems`; both are still common.
    private mutating func elementsRule(of context: Context) throws(JSONSchemaError) -> SchemaRule? {
        guard context.members.contains(key: "prefixItems") || context.members.contains(key: "items") else { return nil }
        let isOldForm = context.members["items"]?.array != nil
        let prefix = try self.nodes(of: isOldForm ? "items" : "prefixItems", in: context)
        let rest = try self.optionalNode(context, isOldForm ? "additionalItems" : "items")
        return .elements(SchemaElements(prefix: prefix, rest: rest))
    }

    private mutating func containsRule(of context: Context) throws(JSONSchemaError) -> SchemaRule? {
        guard let value = context.members["contains"] else { return nil }
        var rule = SchemaContains(node: try self.node(value, context, "contains"))
        guard context.dialect.contains(.validation) else { return .contains(rule) }
        if let minimum = context.members["minContains"] { rule.minimum = try self.count(minimum, of: "minContains", in: context) }
        if let maximum = context.members["maxContains"] { rule.maximum = try self.count(maximum, of: "maxContains", in: context) }
        return .contains(rule)
    }
}

// MARK: - Subschemas

extension SchemaCompiler {
    /// The node for a subschema that stands `path` below the schema being compiled.
    private mutating func node(_ value: JSONValue, _ context: Context, _ path: String...) throws(JSONSchemaError) -> Int {
        let location = SchemaLocation(resource: context.location.resource, tokens: context.location.tokens + path)
        return try self.node(for: LocatedSchema(value: value, location: location))
    }

    private mutating func optionalNode(_ context: Context, _ keyword: String) throws(JSONSchemaError) -> Int? {
        guard let value = context.members[keyword] else { return nil }
        return try self.node(value, context, keyword)
    }

    /// The nodes for a keyword that holds an array of schemas; none where the keyword is absent.
    private mutating func nodes(of keyword: String, in context: Context) throws(JSONSchemaError) -> [Int] {
        guard let value = context.members[keyword] else { return [] }
        guard let elements = value.array else { throw self.malformed("an array of schemas", keyword, in: context) }
        var nodes: [Int] = []
        for (index, element) in elements.enumerated() { nodes.append(try self.node(element, context, keyword, String(index))) }
        return nodes
    }

    /// The nodes for a keyword that holds an object of schemas; none where the keyword is absent.
    private mutating func namedNodes(of keyword: String, in context: Context) throws(JSONSchemaError) -> [(name: String, node: Int)] {
        guard let value = context.members[keyword] else { return [] }
        guard let members = value.object else { throw self.malformed("an object of schemas", keyword, in: context) }
        var nodes: [(name: String, node: Int)] = []
        for (name, member) in members { nodes.append((name, try self.node(member, context, keyword, name))) }
        return nodes
    }
}
