/// Checks one value against a program.
///
/// Works down the value and the schema together. The dynamic scope (draft 2020-12 §7.1) is the list of resources entered; what a schema
/// has looked at (its annotations, as far as other keywords ask for them) are positions of members or elements.
struct SchemaEvaluator {
    /// Which members or elements of the value at hand were looked at by number; nil where nobody will ask.
    typealias Evaluated = Set<Int>?

    let program: SchemaProgram
    private let limits: JSONSchemaLimits
    /// Whether violations are wanted; if not, the first fault ends the check.
    var collectsViolations: Bool
    var violations: [JSONSchemaViolation] = []
    /// The way to the value at hand.
    var path: [PathStep] = []
    /// The steps left; negative once they ran out.
    var steps: Int
    private var scope: [Int] = []
    private var depth = 0
    private var isTooDeep = false

    /// One step down into the value.
    enum PathStep {
        case name(String)
        case index(Int)

        var token: String {
            switch self {
            case .name(let name): name
            case .index(let index): String(index)
            }
        }
    }

    init(_ program: SchemaProgram, limits: JSONSchemaLimits, collectsViolations: Bool) {
        self.program = program
        self.limits = limits
        self.collectsViolations = collectsViolations
        self.steps = limits.maxSteps
    }

    /// Whether a bound was reached, so that nothing found since means anything.
    var isExhausted: Bool { self.steps < 0 || self.isTooDeep }

    /// Lists what is wrong; where violations are not collected, one of them stands for all.
    mutating func violations(in value: JSONValue) -> [JSONSchemaViolation] {
        var evaluated: Evaluated = nil
        let isValid = self.check(self.program.root, value, &evaluated)
        if self.isExhausted {
            let bound = self.isTooDeep ? "the schema refers to itself or nests too deeply" : "checking takes too many steps"
            return [JSONSchemaViolation(instancePath: JSONPointer(), keyword: "", message: "the value cannot be checked: \(bound)")]
        }
        if !isValid, self.violations.isEmpty {
            return [JSONSchemaViolation(instancePath: JSONPointer(), keyword: "", message: "the value does not match the schema")]
        }
        return self.violations
    }

    /// Whether a value satisfies a node; if it does, what the node looked at is added to `evaluated`.
    mutating func check(_ number: Int, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        self.steps -= 1
        guard !self.isExhausted else { return false }
        guard self.depth < self.limits.maxDepth else {
            self.isTooDeep = true
            return false
        }
        self.depth += 1
        defer { self.depth -= 1 }
        let node = self.program.nodes[number]
        let entersResource = self.scope.last != node.resource
        if entersResource { self.scope.append(node.resource) }
        defer { if entersResource { self.scope.removeLast() } }

        var own: Evaluated = evaluated != nil || node.tracksEvaluation ? [] : nil
        var isValid = true
        for rule in node.rules {
            guard isValid || (self.collectsViolations && !rule.dependsOnOthers) else { continue }
            if !self.check(rule, value, &own) { isValid = false }
            if self.isExhausted { return false }
        }
        if isValid, let own {
            self.steps -= own.count
            evaluated?.formUnion(own)
        }
        return isValid
    }

    /// Checks without collecting violations, where failing is not yet a fault.
    mutating func checkSilently(_ number: Int, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        let collected = self.collectsViolations
        self.collectsViolations = false
        defer { self.collectsViolations = collected }
        return self.check(number, value, &evaluated)
    }

    /// Checks a value one step further down.
    mutating func checkChild(_ number: Int, _ value: JSONValue, at step: PathStep) -> Bool {
        self.path.append(step)
        defer { self.path.removeLast() }
        var evaluated: Evaluated = nil
        return self.check(number, value, &evaluated)
    }

    /// Notes a violation, at the value at hand or one step below; always false, so that a check can end with it.
    mutating func fail(_ keyword: String, _ message: @autoclosure () -> String, below step: PathStep? = nil) -> Bool {
        guard self.collectsViolations, self.violations.count < self.limits.maxViolations else { return false }
        let tokens = (self.path + (step.map { [$0] } ?? [])).map(\.token)
        self.violations.append(JSONSchemaViolation(instancePath: JSONPointer(tokens), keyword: keyword, message: message()))
        return false
    }

    /// Takes over violations that were collected apart, as far as there is room.
    mutating func add(_ violations: [JSONSchemaViolation]) {
        self.violations += violations.prefix(max(0, self.limits.maxViolations - self.violations.count))
    }

    /// The node that a dynamic reference leads to: the outermost resource that has the anchor decides.
    func target(ofDynamicAnchor name: String) -> Int? {
        for resource in self.scope {
            if let node = self.program.dynamicAnchors[resource]?[name] { return node }
        }
        return nil
    }

    private mutating func check(_ rule: SchemaRule, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        switch rule {
        case .never, .type, .enumeration, .constant, .multiple, .bound, .size, .pattern, .uniqueItems, .required, .dependentRequired:
            self.checkAssertion(rule, value)
        case .members(let members): self.checkMembers(members, value, &evaluated)
        case .propertyNames(let node): self.checkNames(node, value)
        case .dependentSchemas(let dependencies): self.checkDependencies(dependencies, value, &evaluated)
        case .elements(let elements): self.checkElements(elements, value, &evaluated)
        case .contains(let contains): self.checkContains(contains, value, &evaluated)
        case .unevaluatedProperties(let node): self.checkUnevaluatedMembers(node, value, &evaluated)
        case .unevaluatedItems(let node): self.checkUnevaluatedElements(node, value, &evaluated)
        case .allOf(let nodes): self.checkAll(nodes, value, &evaluated)
        case .anyOf(let nodes): self.checkAny(nodes, value, &evaluated)
        case .oneOf(let nodes): self.checkOne(nodes, value, &evaluated)
        case .not(let node): self.checkNot(node, value)
        case .conditional(let condition, let then, let otherwise):
            self.checkConditional(condition, then: then, else: otherwise, value, &evaluated)
        case .reference(let node): self.check(node, value, &evaluated)
        case .dynamicReference(let anchor, let fallback):
            self.check(self.target(ofDynamicAnchor: anchor) ?? fallback, value, &evaluated)
        }
    }
}

extension SchemaRule {
    /// Whether the rule means nothing where another one has failed.
    fileprivate var dependsOnOthers: Bool {
        switch self {
        case .unevaluatedItems, .unevaluatedProperties: true
        default: false
        }
    }
}
