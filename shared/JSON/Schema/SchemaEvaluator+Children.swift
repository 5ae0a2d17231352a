/// The keywords that apply subschemas to the members of an object or the elements of an array (draft 2020-12 §10.3, §11).
extension SchemaEvaluator {
    mutating func checkMembers(_ rule: SchemaMembers, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        guard let members = value.object else { return true }
        var isValid = true
        for (position, (key, member)) in members.enumerated() {
            self.steps -= 1
            guard !self.isExhausted, isValid || self.collectsViolations else { return false }
            var nodes: [Int] = []
            if let node = rule.named[JSONKey(key)] { nodes.append(node) }
            for (pattern, node) in rule.patterns where pattern.matches(key, budget: &self.steps) == true { nodes.append(node) }
            if nodes.isEmpty, let additional = rule.additional {
                nodes = [additional]
                if self.isNever(additional) {
                    isValid = self.fail("additionalProperties", Self.unknown(allowing: rule.names), below: .name(key))
                    continue
                }
            }
            for node in nodes where !self.checkChild(node, member, at: .name(key)) { isValid = false }
            if !nodes.isEmpty { evaluated?.insert(position) }
        }
        return isValid
    }

    mutating func checkNames(_ node: Int, _ value: JSONValue) -> Bool {
        guard let members = value.object else { return true }
        var isValid = true
        for key in members.keys {
            guard !self.isExhausted, isValid || self.collectsViolations else { return false }
            var evaluated: Evaluated = nil
            guard !self.checkSilently(node, .string(key), &evaluated) else { continue }
            isValid = self.fail("propertyNames", "the property's name is not allowed", below: .name(key))
        }
        return isValid
    }

    mutating func checkElements(_ rule: SchemaElements, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        guard let elements = value.array else { return true }
        var isValid = true
        for (index, element) in elements.enumerated() {
            guard let node = index < rule.prefix.count ? rule.prefix[index] : rule.rest else { break }
            guard !self.isExhausted, isValid || self.collectsViolations else { return false }
            if index >= rule.prefix.count, self.isNever(node) {
                return self.fail("items", "must have at most \(rule.prefix.count) items, has \(elements.count)")
            }
            if !self.checkChild(node, element, at: .index(index)) { isValid = false }
            evaluated?.insert(index)
        }
        return isValid
    }

    mutating func checkContains(_ rule: SchemaContains, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        guard let elements = value.array else { return true }
        var count = 0
        for (index, element) in elements.enumerated() {
            guard !self.isExhausted else { return false }
            var ignored: Evaluated = nil
            guard self.checkSilently(rule.node, element, &ignored) else { continue }
            count += 1
            evaluated?.insert(index)
        }
        if count < rule.minimum {
            let keyword = rule.minimum == 1 ? "contains" : "minContains"
            return self.fail(keyword, "must contain at least \(rule.minimum) matching items, contains \(count)")
        }
        if let maximum = rule.maximum, count > maximum {
            return self.fail("maxContains", "must contain at most \(maximum) matching items, contains \(count)")
        }
        return true
    }

    mutating func checkUnevaluatedMembers(_ node: Int, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        guard let members = value.object else { return true }
        self.steps -= members.count
        var isValid = true
        for (position, (key, member)) in members.enumerated() where evaluated?.contains(position) != true {
            guard !self.isExhausted, isValid || self.collectsViolations else { return false }
            if self.isNever(node) {
                isValid = self.fail("unevaluatedProperties", Self.unknown(allowing: []), below: .name(key))
            } else if !self.checkChild(node, member, at: .name(key)) {
                isValid = false
            }
            evaluated?.insert(position)
        }
        return isValid
    }

    mutating func checkUnevaluatedElements(_ node: Int, _ value: JSONValue, _ evaluated: inout Evaluated) -> Bool {
        guard let elements = value.array else { return true }
        self.steps -= elements.count
        var isValid = true
        for (index, element) in elements.enumerated() where evaluated?.contains(index) != true {
            guard !self.isExhausted, isValid || self.collectsViolations else { return false }
            if self.isNever(node) {
                isValid = self.fail("unevaluatedItems", "this item is not allowed", below: .index(index))
            } else if !self.checkChild(node, element, at: .index(index)) {
                isValid = false
            }
            evaluated?.insert(index)
        }
        return isValid
    }

    private func isNever(_ node: Int) -> Bool {
        if case .never = self.program.nodes[node].rules.first { true } else { false }
    }

    private static func unknown(allowing names: [String]) -> String {
        guard !names.isEmpty else { return "unknown property" }
        let more = names.count > 20 ? " and \(names.count - 20) more" : ""
        return "unknown property, allowed are \(names.prefix(20).joined(separator: ", "))\(more)"
    }
}
