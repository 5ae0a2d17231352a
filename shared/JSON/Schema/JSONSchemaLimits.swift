/// Bounds on compiling a schema and on checking a value against it.
package struct JSONSchemaLimits: Sendable, Hashable {
    /// How many subschemas may be compiled. Default 20,000.
    package var maxNodes: Int
    /// How many instructions all patterns of a schema may take together; `a{1000}` takes two thousand. Default 200,000.
    package var maxPatternInstructions: Int
    /// How deep a schema document may nest, and how deep subschemas may be entered while checking; bounds the stack. Default 512.
    package var maxDepth: Int
    /// How many steps a check may take; a subschema, a member, or one character of one pattern's thread is a step. Default 10,000,000,
    /// which is a fraction of a second.
    package var maxSteps: Int
    /// How many violations are listed. Default 32.
    package var maxViolations: Int

    package init(
        maxNodes: Int = 20_000, maxPatternInstructions: Int = 200_000, maxDepth: Int = 512, maxSteps: Int = 10_000_000,
        maxViolations: Int = 32
    ) {
        self.maxNodes = maxNodes
        self.maxPatternInstructions = maxPatternInstructions
        self.maxDepth = maxDepth
        self.maxSteps = maxSteps
        self.maxViolations = maxViolations
    }

    /// The bounds used where a caller names none.
    package static let `default` = JSONSchemaLimits()
}
