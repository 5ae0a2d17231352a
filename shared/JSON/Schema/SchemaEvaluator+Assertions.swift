/// The keywords that look at a value by itself.
extension SchemaEvaluator {
    /// Checks a rule that applies no subschema.
    mutating func checkAssertion(_ rule: SchemaRule, _ value: JSONValue) -> Bool {
        switch rule {
        case .never: return self.fail("false", "no value is allowed here")
        case .type(let types):
            return types.allows(value) || self.fail("type", "expected \(types), found \(value.kind.rawValue)")
        case .enumeration(let constants):
            return constants.contains { self.equals($0, value) } || self.fail("enum", "must be one of \(Self.list(constants))")
        case .constant(let constant): return self.equals(constant, value) || self.fail("const", "must be \(Self.list([constant]))")
        case .multiple(let divisor):
            guard let number = value.number, number.decimal.isMultiple(of: divisor.decimal) == false else { return true }
            return self.fail("multipleOf", "must be a multiple of \(divisor)")
        case .bound(let bound): return self.check(bound, value)
        case .size(let size): return self.check(size, value)
        case .pattern(let pattern):
            guard let text = value.string, pattern.matches(text, budget: &self.steps) == false else { return true }
            return self.fail("pattern", "must match the pattern \(pattern.source)")
        case .uniqueItems: return self.checkUnique(value)
        case .required(let names): return self.check(required: names, value)
        case .dependentRequired(let dependencies): return self.check(dependencies, value)
        default: return true
        }
    }

    /// Equality stops at the first difference, so it takes no longer than the schema's own value is large.
    private mutating func equals(_ constant: SchemaConstant, _ value: JSONValue) -> Bool {
        self.steps -= constant.weight
        return constant.value == value
    }

    private mutating func check(_ bound: SchemaBound, _ value: JSONValue) -> Bool {
        guard let number = value.number else { return true }
        let limit = bound.limit
        return switch bound.keyword {
        case .maximum: number <= limit || self.fail("maximum", "must be at most \(limit)")
        case .minimum: number >= limit || self.fail("minimum", "must be at least \(limit)")
        case .exclusiveMaximum: number < limit || self.fail("exclusiveMaximum", "must be less than \(limit)")
        case .exclusiveMinimum: number > limit || self.fail("exclusiveMinimum", "must be greater than \(limit)")
        }
    }

    private mutating func check(_ size: SchemaSize, _ value: JSONValue) -> Bool {
        let (keyword, limit) = (size.keyword.rawValue, size.limit)
        switch (size.keyword, value) {
        case (.maxLength, .string(let text)):
            let count = self.length(of: text)
            return count <= limit || self.fail(keyword, "must have at most \(limit) characters, has \(count)")
        case (.minLength, .string(let text)):
            let count = self.length(of: text)
            return count >= limit || self.fail(keyword, "must have at least \(limit) characters, has \(count)")
        case (.maxItems, .array(let elements)):
            return elements.count <= limit || self.fail(keyword, "must have at most \(limit) items, has \(elements.count)")
        case (.minItems, .array(let elements)):
            return elements.count >= limit || self.fail(keyword, "must have at least \(limit) items, has \(elements.count)")
        case (.maxProperties, .object(let members)):
            return members.count <= limit || self.fail(keyword, "must have at most \(limit) properties, has \(members.count)")
        case (.minProperties, .object(let members)):
            return members.count >= limit || self.fail(keyword, "must have at least \(limit) properties, has \(members.count)")
        default: return true
        }
    }

    /// Length is counted in Unicode code points (validation §6.3.1).
    private mutating func length(of text: String) -> Int {
        self.steps -= text.utf8.count / 16
        return text.unicodeScalars.count
    }

    private mutating func checkUnique(_ value: JSONValue) -> Bool {
        guard let elements = value.array else { return true }
        self.steps -= value.weight
        var positions: [JSONValue: Int] = [:]
        for (index, element) in elements.enumerated() {
            if let earlier = positions.updateValue(index, forKey: element) {
                return self.fail("uniqueItems", "items must differ, but those at \(earlier) and \(index) are equal")
            }
        }
        return true
    }

    private mutating func check(required names: [String], _ value: JSONValue) -> Bool {
        guard let members = value.object else { return true }
        self.steps -= names.count
        var isValid = true
        for name in names where !members.contains(key: name) {
            isValid = self.fail("required", "required property is missing", below: .name(name))
        }
        return isValid
    }

    private mutating func check(_ dependencies: [(name: String, required: [String])], _ value: JSONValue) -> Bool {
        guard let members = value.object else { return true }
        self.steps -= dependencies.count
        var isValid = true
        for (name, required) in dependencies where members.contains(key: name) {
            self.steps -= required.count
            for other in required where !members.contains(key: other) {
                isValid = self.fail("dependentRequired", "required where the property \(name) is present", below: .name(other))
            }
        }
        return isValid
    }

    /// Writes constants for a message, the first ten of them and none at great length.
    private static func list(_ constants: [SchemaConstant]) -> String {
        let texts = constants.prefix(10).map { constant in
            let text = constant.value.text()
            return text.utf8.count > 100 ? text.prefix(100) + "…" : text
        }
        return texts.joined(separator: ", ") + (constants.count > 10 ? " and \(constants.count - 10) more" : "")
    }
}

extension SchemaTypes: CustomStringConvertible {
    /// The types for a message, for example `integer or null`.
    var description: String {
        let names = JSONKind.allCases.filter(self.kinds.contains).map(\.rawValue) + (self.allowsInteger ? ["integer"] : [])
        return names.sorted().joined(separator: " or ")
    }
}
