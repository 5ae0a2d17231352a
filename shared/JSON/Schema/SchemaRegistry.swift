/// A place in a schema resource: the resource's number and the way down from its root.
struct SchemaLocation: Hashable, Sendable {
    let resource: Int
    var tokens: [String] = []

    /// The place one or more steps further down.
    func appending(_ tokens: String...) -> SchemaLocation { SchemaLocation(resource: self.resource, tokens: self.tokens + tokens) }
}

/// A schema together with the place that it stands at.
struct LocatedSchema: Sendable {
    let value: JSONValue
    let location: SchemaLocation
}

/// Knows every schema resource (a document, or a subschema with an `$id` of its own) by URI, and every anchor in it.
struct SchemaRegistry {
    /// One resource (draft 2020-12 §4.3.5).
    struct Resource {
        let uri: URIReference
        let root: JSONValue
        let dialect: SchemaDialect
        /// Where the names given by `$anchor` and `$dynamicAnchor` stand.
        var anchors: [String: [String]] = [:]
        /// The names given by `$dynamicAnchor`.
        var dynamicAnchors: Set<String> = []
    }

    private(set) var resources: [Resource] = []
    private var numbers: [String: Int] = [:]
    private let documents: [String: JSONValue]
    private let limits: JSONSchemaLimits

    init(documents: [String: JSONValue], limits: JSONSchemaLimits) {
        self.documents = documents
        self.limits = limits
    }

    /// Takes in a document that was retrieved from `uri`, with all the resources and anchors in it.
    @discardableResult
    mutating func register(_ document: JSONValue, uri: URIReference) throws(JSONSchemaError) -> Int {
        let number = try self.addResource(document, base: uri, inherited: .standard)
        self.numbers[uri.withoutFragment.description] = number
        try self.collect(LocatedSchema(value: document, location: SchemaLocation(resource: number)), depth: 0)
        return number
    }

    /// The place as a URI with a pointer.
    func describe(_ location: SchemaLocation) -> String {
        "\(self.resources[location.resource].uri)\(JSONPointer(location.tokens).fragment)"
    }

    private mutating func addResource(
        _ root: JSONValue, base: URIReference, inherited: SchemaDialect
    ) throws(JSONSchemaError) -> Int {
        let uri = (root["$id"]?.string.map { URIReference($0).resolved(against: base) } ?? base).withoutFragment
        var dialect = inherited
        if let name = root["$schema"]?.string { dialect = try self.dialect(named: name, usedBy: uri) }
        let number = self.resources.count
        self.resources.append(Resource(uri: uri, root: root, dialect: dialect))
        self.numbers[uri.description] = number
        return number
    }

    /// A meta-schema that is not at hand, such as that of an older draft, is taken for the standard one.
    private func dialect(named name: String, usedBy uri: URIReference) throws(JSONSchemaError) -> SchemaDialect {
        guard name != MetaSchema.uri, let vocabularies = (self.documents[name] ?? MetaSchema.document(name))?["$vocabulary"]?.object else {
            return .standard
        }
        switch SchemaDialect.reading(vocabularies) {
        case .success(let dialect): return dialect
        case .failure(let unknown):
            throw JSONSchemaError(
                .unsupportedVocabulary, "the vocabulary \(unknown.uri) is required but not supported", at: "\(uri)#/$schema")
        }
    }
}

// MARK: - Finding resources and anchors in a document

extension SchemaRegistry {
    /// What a keyword holds: one schema, an array of them, or an object of them.
    private enum Holding { case schema, array, object }

    private static let holdings: [String: Holding] = [
        "additionalProperties": .schema, "contains": .schema, "contentSchema": .schema, "else": .schema, "if": .schema, "items": .schema,
        "not": .schema, "propertyNames": .schema, "then": .schema, "unevaluatedItems": .schema, "unevaluatedProperties": .schema,
        "allOf": .array, "anyOf": .array, "oneOf": .array, "prefixItems": .array,
        "$defs": .object, "definitions": .object, "dependentSchemas": .object, "patternProperties": .object, "properties": .object,
    ]

    private mutating func collect(_ schema: LocatedSchema, depth: Int) throws(JSONSchemaError) {
        guard case .object(let members) = schema.value else { return }
        var location = schema.location
        guard depth <= self.limits.maxDepth else {
            throw JSONSchemaError(.tooLarge, "the schema nests deeper than \(self.limits.maxDepth) levels", at: self.describe(location))
        }
        if !location.tokens.isEmpty, members["$id"]?.string != nil {
            let parent = self.resources[location.resource]
            location = SchemaLocation(resource: try self.addResource(schema.value, base: parent.uri, inherited: parent.dialect))
        }
        if let name = members["$anchor"]?.string { self.resources[location.resource].anchors[name] = location.tokens }
        if let name = members["$dynamicAnchor"]?.string {
            self.resources[location.resource].anchors[name] = location.tokens
            self.resources[location.resource].dynamicAnchors.insert(name)
        }
        for (keyword, value) in members {
            switch Self.holdings[keyword] {
            case .schema: try self.collect(LocatedSchema(value: value, location: location.appending(keyword)), depth: depth + 1)
            case .array:
                for (index, element) in (value.array ?? []).enumerated() {
                    try self.collect(LocatedSchema(value: element, location: location.appending(keyword, String(index))), depth: depth + 1)
                }
            case .object:
                for (name, member) in value.object ?? [:] {
                    try self.collect(LocatedSchema(value: member, location: location.appending(keyword, name)), depth: depth + 1)
                }
            case nil: break
            }
        }
    }
}

// MARK: - Resolving references

extension SchemaRegistry {
    /// Finds what a reference written in `location`'s resource leads to. A document that was supplied is taken in when it is first
    /// referred to.
    mutating func resolve(_ reference: String, from location: SchemaLocation) throws(JSONSchemaError) -> LocatedSchema {
        let target = URIReference(reference).resolved(against: self.resources[location.resource].uri)
        let place = self.describe(location)
        guard let number = try self.number(of: target.withoutFragment) else {
            throw JSONSchemaError(.unresolvableReference, "no document was supplied for the reference \(reference)", at: place)
        }
        let fragment = (target.fragment ?? "").removingPercentEncoding() ?? ""
        let tokens =
            fragment.isEmpty || fragment.utf8.first == .slash ? JSONPointer(fragment)?.tokens : self.resources[number].anchors[fragment]
        guard let tokens, let found = self.descend(tokens, from: number) else {
            throw JSONSchemaError(.unresolvableReference, "the reference \(reference) leads to no place in its document", at: place)
        }
        return found
    }

    /// The schema that a `$dynamicAnchor` of a resource names.
    func dynamicAnchor(_ name: String, in resource: Int) -> LocatedSchema? {
        guard self.resources[resource].dynamicAnchors.contains(name), let tokens = self.resources[resource].anchors[name] else {
            return nil
        }
        return self.descend(tokens, from: resource)
    }

    /// Whether a reference names a place by an anchor that is a dynamic one there.
    func isDynamic(_ reference: String, leadingTo location: SchemaLocation) -> String? {
        guard let fragment = URIReference(reference).fragment, self.resources[location.resource].dynamicAnchors.contains(fragment) else {
            return nil
        }
        return fragment
    }

    /// A schema under the one name that its place has: a subschema with an `$id` of its own is the root of its own resource.
    func canonical(_ schema: LocatedSchema) -> LocatedSchema {
        guard !schema.location.tokens.isEmpty, let id = schema.value["$id"]?.string else { return schema }
        let uri = URIReference(id).resolved(against: self.resources[schema.location.resource].uri).withoutFragment
        guard let number = self.numbers[uri.description] else { return schema }
        return LocatedSchema(value: schema.value, location: SchemaLocation(resource: number))
    }

    /// Follows a pointer from a resource's root, which may lead through resources inside it.
    func descend(_ tokens: [String], from resource: Int) -> LocatedSchema? {
        var schema = LocatedSchema(value: self.resources[resource].root, location: SchemaLocation(resource: resource))
        for token in tokens {
            guard let child = schema.value.child(token) else { return nil }
            schema = self.canonical(LocatedSchema(value: child, location: schema.location.appending(token)))
        }
        return schema
    }

    private mutating func number(of uri: URIReference) throws(JSONSchemaError) -> Int? {
        let name = uri.description
        if let number = self.numbers[name] { return number }
        guard let document = self.documents[name] ?? MetaSchema.document(name) else { return nil }
        return try self.register(document, uri: uri)
    }
}
