/// The keywords that apply subschemas to the value at hand (draft 2020-12 §10.2).
extension SchemaEvaluator {
    mutating func checkAll(_ nodes: [Int], _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        var isValid = true
        for node in nodes {
            if !self.check(node, value, &evaluated) { isValid = false }
            if !isValid, !self.collectsViolations { break }
        }
        return isValid
    }

    mutating func checkAny(_ nodes: [Int], _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        let isTracking = evaluated != nil
        var alternatives = Alternatives()
        for (index, node) in nodes.enumerated() {
            self.check(node, as: index, of: &alternatives, value, &evaluated)
            // Later alternatives matter only to those who ask what was looked at.
            if !alternatives.matching.isEmpty, !isTracking { return true }
        }
        guard alternatives.matching.isEmpty else { return true }
        _ = self.fail("anyOf", "must match one of \(nodes.count) alternatives, matches none")
        return self.explain(alternatives)
    }

    mutating func checkOne(_ nodes: [Int], _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        var alternatives = Alternatives()
        for (index, node) in nodes.enumerated() {
            self.check(node, as: index, of: &alternatives, value, &evaluated)
            if alternatives.matching.count > 1 { break }
        }
        switch alternatives.matching.count {
        case 1: return true
        case 0:
            _ = self.fail("oneOf", "must match exactly one of \(nodes.count) alternatives, matches none")
            return self.explain(alternatives)
        default:
            let (first, second) = (alternatives.matching[0], alternatives.matching[1])
            return self.fail("oneOf", "must match exactly one of \(nodes.count) alternatives, matches those at \(first) and \(second)")
        }
    }

    mutating func checkNot(_ node: Int, _ value: JSONValue) -> Bool {
        // What a negated schema looked at counts for nothing, though it may ask for itself.
        var evaluated: Evaluated = nil
        return !self.checkSilently(node, value, &evaluated) || self.fail("not", "must not match the schema that `not` excludes")
    }

    mutating func checkConditional(
        _ condition: Int, then: Int?, else otherwise: Int?, _ value: JSONValue, _ evaluated: inout Evaluated
    ) -> Bool {
        let branch = self.checkSilently(condition, value, &evaluated) ? then : otherwise
        return branch.map { self.check($0, value, &evaluated) } ?? true
    }

    mutating func checkDependencies(
        _ dependencies: [(name: String, node: Int)], _ value: JSONValue, _ evaluated: inout Evaluated
    ) -> Bool {
        guard let members = value.object else { return true }
        self.steps -= dependencies.count
        return self.checkAll(dependencies.filter { members.contains(key: $0.name) }.map(\.node), value, &evaluated)
    }
}

// MARK: - Alternatives

extension SchemaEvaluator {
    /// What came of trying several schemas.
    struct Alternatives {
        var matching: [Int] = []
        var failures: [[JSONSchemaViolation]] = []
    }

    /// Tries one alternative and keeps its violations apart.
    private mutating func check(
        _ node: Int, as index: Int, of alternatives: inout Alternatives, _ value: JSONValue, _ evaluated: inout Evaluated
    ) {
        let earlier = self.violations
        self.violations = []
        if self.check(node, value, &evaluated) {
            alternatives.matching.append(index)
        } else {
            alternatives.failures.append(self.violations)
        }
        self.violations = earlier
    }

    /// Adds the violations of the alternative that was probably meant: one whose tags (types and constants) fit, then the one with the
    /// fewest violations. Always false.
    private mutating func explain(_ alternatives: Alternatives) -> Bool {
        func distance(_ violations: [JSONSchemaViolation]) -> (Int, Int) {
            (violations.filter { ["const", "enum", "type"].contains($0.keyword) }.count, violations.count)
        }
        guard self.collectsViolations, let nearest = alternatives.failures.min(by: { distance($0) < distance($1) }) else { return false }
        self.add(nearest)
        return false
    }
}
