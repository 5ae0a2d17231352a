/// A JSON Schema of draft 2020-12, compiled once and then only read.
///
/// Documents that the schema refers to are supplied by the caller; nothing is ever fetched. `format` and the `content…` keywords are
/// annotations and check nothing, as the draft says by default. Schemas come from strangers, so everything is bounded by
/// ``JSONSchemaLimits``: compiling stops with an error, validating with a violation that says so.
package struct JSONSchema: Sendable {
    /// What to do with a keyword that cannot be understood: a malformed value, a reference that leads nowhere, a pattern that the
    /// engine cannot run.
    package enum FaultPolicy: Sendable, Hashable {
        /// The schema is refused.
        case reject
        /// The keyword is left out and listed in ``JSONSchema/faults``; right for descriptions of upstreams, which check again anyway.
        case ignore
    }

    /// What was left out under ``FaultPolicy/ignore``; at most a hundred are kept.
    package let faults: [JSONSchemaError]
    private let program: SchemaProgram
    private let limits: JSONSchemaLimits

    /// Compiles the schema at `pointer` of `document` and everything it refers to.
    ///
    /// - Parameters:
    ///   - document: The schema, or a document that contains it.
    ///   - pointer: Where in the document the schema stands. Other parts are compiled only if it refers to them.
    ///   - baseURI: The document's URI, against which its references are resolved.
    ///   - documents: Further documents by absolute URI. The draft's own meta-schemas need not be given.
    ///   - faultPolicy: What to do with what cannot be understood.
    ///   - limits: Bounds on compiling and validating.
    package init(
        compiling document: JSONValue, at pointer: JSONPointer = JSONPointer(), baseURI: String = "", documents: [String: JSONValue] = [:],
        faultPolicy: FaultPolicy = .reject, limits: JSONSchemaLimits = .default
    ) throws(JSONSchemaError) {
        let registry = SchemaRegistry(documents: documents, limits: limits)
        var compiler = SchemaCompiler(registry: registry, faultPolicy: faultPolicy, limits: limits)
        self.program = try compiler.compile(document, at: pointer, baseURI: URIReference(baseURI))
        self.faults = compiler.faults
        self.limits = limits
    }

    /// Checks a value and lists what is wrong with it; nothing listed means that it is valid.
    package func validate(_ value: JSONValue) -> [JSONSchemaViolation] {
        var evaluator = SchemaEvaluator(self.program, limits: self.limits, collectsViolations: true)
        return evaluator.violations(in: value)
    }

    /// Tells only whether a value is valid, which takes less than listing what is wrong.
    package func isValid(_ value: JSONValue) -> Bool {
        var evaluator = SchemaEvaluator(self.program, limits: self.limits, collectsViolations: false)
        return evaluator.violations(in: value).isEmpty
    }
}
