package import JSON

extension OperationBinding {
    /// The arguments in their one form: parameters by name and the body under `body`.
    ///
    /// Models mix up the ways in which arguments can be handed over, so several are taken:
    /// - a parameter by its name, or within the container of its place: `path` (`pathParams`), `query` (`queryParams`), `headers` (`header`),
    ///   `cookies` (`cookie`), or `params` for any place; a parameter that has a container's name is the parameter;
    /// - the body under `body`, or under `input`;
    /// - null for a parameter that may be left out, and an empty body for an operation without one;
    /// - a number for a parameter that is text and the other way round, since both look alike on the wire.
    ///
    /// What fits nowhere stays as it is, for the schema to refuse by name.
    package func canonicalArguments(_ given: JSONObject) -> JSONObject {
        var result = JSONObject()
        let names = Set(self.parameters.map(\.argument))
        for (key, value) in given {
            if names.contains(key) {
                result.set(value, forKey: key)
            } else if key == "body" || (key == "input" && self.body != nil && given["body"] == nil) {
                if self.body != nil || !value.isEmptyOrNull { result.set(value, forKey: "body") }
            } else if let container = Self.containers[key], let members = value.object {
                let unknown = self.take(members, from: container, into: &result, given: given)
                if !unknown.isEmpty { result.set(.object(unknown), forKey: key) }
            } else {
                result.set(value, forKey: key)
            }
        }
        for parameter in self.parameters {
            guard let value = result[parameter.argument] else { continue }
            if value.isNull, !parameter.isRequired {
                result.removeValue(forKey: parameter.argument)
            } else {
                result.set(parameter.coerced(value), forKey: parameter.argument)
            }
        }
        return result
    }

    /// The places that a container stands for.
    private static let containers: [String: [ParameterBinding.Location]] = [
        "path": [.path], "pathParams": [.path], "query": [.query], "queryParams": [.query], "headers": [.header], "header": [.header],
        "cookies": [.cookie], "cookie": [.cookie], "params": ParameterBinding.Location.allCases,
    ]

    /// Moves a container's members to their parameters, and gives back those that are none. An argument given by name comes first.
    private func take(
        _ members: JSONObject, from locations: [ParameterBinding.Location], into result: inout JSONObject, given: JSONObject
    ) -> JSONObject {
        var unknown = JSONObject()
        for (name, value) in members {
            let match = self.parameters.first { parameter in
                guard locations.contains(parameter.location) else { return false }
                // Names of header fields have no case (RFC 9110, section 5.1).
                return parameter.name == name || (parameter.location == .header && parameter.name.lowercased() == name.lowercased())
            }
            guard let match else {
                unknown.set(value, forKey: name)
                continue
            }
            if given[match.argument] == nil { result.set(value, forKey: match.argument) }
        }
        return unknown
    }
}

extension ParameterBinding {
    /// The value as the parameter's schema names it, where another spelling of it was given.
    fileprivate func coerced(_ value: JSONValue) -> JSONValue {
        switch (self.coercion, value) {
        case (.text, .number(let number)): .string(number.description)
        case (.text, .bool(let bool)): .string(bool ? "true" : "false")
        case (.number, .string(let text)): JSONNumber(text).map(JSONValue.number) ?? value
        case (.boolean, .string("true")): true
        case (.boolean, .string("false")): false
        default: value
        }
    }
}

extension JSONValue {
    /// Whether this is what a caller writes who has nothing to say.
    fileprivate var isEmptyOrNull: Bool { self.isNull || self.object?.isEmpty == true || self.string?.isEmpty == true }
}
