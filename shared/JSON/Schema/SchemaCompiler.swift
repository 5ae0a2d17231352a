/// Turns schemas into nodes, one after the other from a list of those still to do, so that neither depth nor a chain of references
/// costs stack.
struct SchemaCompiler {
    /// A schema object that is being compiled.
    struct Context {
        let members: JSONObject
        let location: SchemaLocation
        let dialect: SchemaDialect
    }

    private(set) var faults: [JSONSchemaError] = []
    var registry: SchemaRegistry
    /// Whether anything refers dynamically, so that dynamic anchors matter.
    var usesDynamicReferences = false
    private let faultPolicy: JSONSchema.FaultPolicy
    private let limits: JSONSchemaLimits
    private var program = SchemaProgram()
    private var numbers: [SchemaLocation: Int] = [:]
    private var pending: [(number: Int, schema: LocatedSchema)] = []
    private var patternInstructions = 0
    /// The resources whose dynamic anchors have been compiled.
    private var anchoredResources = 0

    init(registry: SchemaRegistry, faultPolicy: JSONSchema.FaultPolicy, limits: JSONSchemaLimits) {
        self.registry = registry
        self.faultPolicy = faultPolicy
        self.limits = limits
    }

    /// Compiles the schema at `pointer` and everything that it can lead to.
    mutating func compile(_ document: JSONValue, at pointer: JSONPointer, baseURI: URIReference) throws(JSONSchemaError) -> SchemaProgram {
        let resource = try self.registry.register(document, uri: baseURI)
        guard let schema = self.registry.descend(pointer.tokens, from: resource) else {
            throw JSONSchemaError(.unresolvableReference, "the document has no such place", at: "\(baseURI)\(pointer.fragment)")
        }
        self.program.root = try self.node(for: schema)
        repeat {
            while let (number, schema) = self.pending.popLast() { try self.compile(schema, into: number) }
            try self.compileDynamicAnchors()
        } while !self.pending.isEmpty
        return self.program
    }

    /// The number of a schema's node, which is compiled later if it is new.
    mutating func node(for schema: LocatedSchema) throws(JSONSchemaError) -> Int {
        let schema = self.registry.canonical(schema)
        if let number = self.numbers[schema.location] { return number }
        let number = self.program.nodes.count
        guard number < self.limits.maxNodes else {
            let place = self.registry.describe(schema.location)
            throw JSONSchemaError(.tooLarge, "the schema has more than \(self.limits.maxNodes) subschemas", at: place)
        }
        self.numbers[schema.location] = number
        self.program.nodes.append(SchemaNode(resource: schema.location.resource))
        self.pending.append((number, schema))
        return number
    }

    /// Compiles a pattern within what the schema's other patterns have left.
    mutating func pattern(_ source: String, in context: Context, keyword: String) throws(JSONSchemaError) -> Pattern {
        do {
            let pattern = try Pattern(source, maxInstructions: self.limits.maxPatternInstructions - self.patternInstructions)
            self.patternInstructions += pattern.instructionCount
            return pattern
        } catch {
            throw self.fault(.unsupportedPattern, "the pattern cannot be used: \(error)", in: context, keyword: keyword)
        }
    }

    /// Makes the error for a keyword.
    func fault(_ code: JSONSchemaError.Code, _ message: String, in context: Context, keyword: String) -> JSONSchemaError {
        JSONSchemaError(code, message, at: self.registry.describe(context.location.appending(keyword)))
    }

    /// Throws an error, or keeps it where the policy is to ignore what is not understood.
    mutating func report(_ error: JSONSchemaError) throws(JSONSchemaError) {
        guard self.faultPolicy == .ignore, error.code != .tooLarge else { throw error }
        if self.faults.count < 100 { self.faults.append(error) }
    }

    private mutating func compile(_ schema: LocatedSchema, into number: Int) throws(JSONSchemaError) {
        switch schema.value {
        case .bool(true): break
        case .bool(false): self.program.nodes[number].rules = [.never]
        case .object(let members):
            let dialect = self.registry.resources[schema.location.resource].dialect
            let rules = try self.rules(of: Context(members: members, location: schema.location, dialect: dialect))
            self.program.nodes[number].rules = rules
            self.program.nodes[number].tracksEvaluation = rules.contains(where: \.asksForEvaluation)
        default:
            let place = self.registry.describe(schema.location)
            try self.report(JSONSchemaError(.malformedKeyword, "a schema must be an object, true or false", at: place))
        }
    }

    /// Reads every keyword by itself, so that a fault costs that keyword only, and then those that depend on each other.
    private mutating func rules(of context: Context) throws(JSONSchemaError) -> [SchemaRule] {
        var rules: [SchemaRule] = []
        for (keyword, value) in context.members {
            do {
                var rule = try self.referenceRule(keyword, value, in: context)
                if rule == nil, context.dialect.contains(.validation) { rule = try self.assertionRule(keyword, value, in: context) }
                if rule == nil, context.dialect.contains(.applicator) { rule = try self.applicatorRule(keyword, value, in: context) }
                if let rule { rules.append(rule) }
            } catch {
                try self.report(error)
            }
        }
        for group in KeywordGroup.allCases {
            do {
                if let rule = try self.rule(for: group, in: context) { rules.append(rule) }
            } catch {
                try self.report(error)
            }
        }
        return rules
    }

    /// Compiles what the dynamic anchors of every resource known so far stand for: which of them a dynamic reference leads to is known
    /// only while checking.
    private mutating func compileDynamicAnchors() throws(JSONSchemaError) {
        guard self.usesDynamicReferences else { return }
        while self.anchoredResources < self.registry.resources.count {
            let resource = self.anchoredResources
            for name in self.registry.resources[resource].dynamicAnchors {
                guard let schema = self.registry.dynamicAnchor(name, in: resource) else { continue }
                self.program.dynamicAnchors[resource, default: [:]][name] = try self.node(for: schema)
            }
            self.anchoredResources += 1
        }
    }
}

extension SchemaRule {
    fileprivate var asksForEvaluation: Bool {
        switch self {
        case .unevaluatedItems, .unevaluatedProperties: true
        default: false
        }
    }
}
