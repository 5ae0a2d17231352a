/// A compiled schema: one node for each subschema that can be reached, referring to each other by number.
struct SchemaProgram: Sendable {
    var nodes: [SchemaNode] = []
    /// For each resource, the nodes that its dynamic anchors name.
    var dynamicAnchors: [Int: [String: Int]] = [:]
    /// The node to begin with.
    var root = 0
}

/// One subschema.
struct SchemaNode: Sendable {
    /// The resource it belongs to, for `$dynamicRef`.
    let resource: Int
    /// What it demands, in the order of checking.
    var rules: [SchemaRule] = []
    /// Whether a rule asks which parts of the value the others have looked at.
    var tracksEvaluation = false
}

/// What one keyword, or a few that depend on each other, demand of a value.
enum SchemaRule: Sendable {
    /// The schema `false`.
    case never
    case type(SchemaTypes)
    case enumeration([SchemaConstant])
    case constant(SchemaConstant)
    case multiple(of: JSONNumber)
    case bound(SchemaBound)
    case size(SchemaSize)
    case pattern(Pattern)
    case uniqueItems
    case required([String])
    case dependentRequired([(name: String, required: [String])])

    case members(SchemaMembers)
    case propertyNames(Int)
    case dependentSchemas([(name: String, node: Int)])
    case elements(SchemaElements)
    case contains(SchemaContains)
    case allOf([Int])
    case anyOf([Int])
    case oneOf([Int])
    case not(Int)
    case conditional(condition: Int, then: Int?, else: Int?)
    case reference(Int)
    /// Goes to the outermost resource entered so far that has this dynamic anchor, else to the given node.
    case dynamicReference(anchor: String, fallback: Int)
    case unevaluatedProperties(Int)
    case unevaluatedItems(Int)
}

/// The types that `type` allows.
struct SchemaTypes: Sendable {
    var kinds: Set<JSONKind> = []
    /// Whether whole numbers are allowed though other numbers are not.
    var allowsInteger = false

    func allows(_ value: JSONValue) -> Bool {
        self.kinds.contains(value.kind) || (self.allowsInteger && value.number?.isInteger == true)
    }
}

/// A value that the schema holds, with the steps that comparing with it may take.
struct SchemaConstant: Sendable {
    let value: JSONValue
    let weight: Int

    init(_ value: JSONValue) {
        self.value = value
        self.weight = value.weight
    }
}

/// `maximum`, `minimum` and their exclusive forms.
struct SchemaBound: Sendable {
    enum Keyword: String, Sendable { case maximum, minimum, exclusiveMaximum, exclusiveMinimum }

    let keyword: Keyword
    let limit: JSONNumber
}

/// The keywords that limit how much a string, an array or an object holds.
struct SchemaSize: Sendable {
    enum Keyword: String, Sendable { case maxLength, minLength, maxItems, minItems, maxProperties, minProperties }

    let keyword: Keyword
    let limit: Int
}

/// `properties`, `patternProperties` and `additionalProperties`, the last of which concerns what the others leave.
struct SchemaMembers: Sendable {
    var named: [JSONKey: Int] = [:]
    /// The names in `properties` as written, for messages.
    var names: [String] = []
    var patterns: [(pattern: Pattern, node: Int)] = []
    var additional: Int?
}

/// `prefixItems` and `items`, the last of which concerns what the other leaves.
struct SchemaElements: Sendable {
    var prefix: [Int] = []
    var rest: Int?
}

/// `contains` with `minContains` and `maxContains`.
struct SchemaContains: Sendable {
    let node: Int
    var minimum = 1
    var maximum: Int?
}

extension JSONValue {
    /// About how many steps it takes to look at all of the value.
    var weight: Int {
        switch self {
        case .null, .bool: 1
        case .number: 2
        case .string(let text): 1 + text.utf8.count / 16
        case .array(let elements): elements.reduce(1) { $0 + $1.weight }
        case .object(let members): members.reduce(1) { $0 + 1 + $1.key.utf8.count / 16 + $1.value.weight }
        }
    }
}
