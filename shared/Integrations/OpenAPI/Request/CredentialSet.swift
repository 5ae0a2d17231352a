package import Model

/// A connection's credentials, opened for one call.
package struct CredentialSet: Sendable {
    package let method: AuthMethod
    /// By variable.
    package let values: [String: Secret]

    package init(method: AuthMethod, values: [String: Secret]) {
        self.method = method
        self.values = values
    }

    /// For APIs that need none, and for building a request that is not sent.
    package static let none = CredentialSet(method: .none, values: [:])

    /// What goes into the request.
    struct Fields {
        /// By lower-case name.
        var headers: [(name: String, value: Secret)] = []
        var query: [(name: String, value: Secret)] = []
        var cookies: [(name: String, value: Secret)] = []
    }

    /// Checks values that somebody wants to connect with: every variable there, none empty, nothing that could not be sent.
    ///
    /// - Returns: What is wrong, by variable; empty when all is well. Never holds a value.
    package static func faults(of values: [String: Secret], for method: AuthMethod) -> [(variable: String, message: String)] {
        var faults: [(variable: String, message: String)] = []
        for variable in method.variables {
            guard let value = values[variable.name]?.reveal() else {
                faults.append((variable.name, "is missing"))
                continue
            }
            if value.isEmpty, !variable.mayBeEmpty { faults.append((variable.name, "is empty")) }
            if !value.utf8.allSatisfy({ $0 > 0x1F && $0 != 0x7F }) {
                faults.append((variable.name, "holds a line break or another control character"))
            }
        }
        let known = Set(method.variables.map(\.name))
        for name in values.keys.sorted() where !known.contains(name) {
            faults.append((String(name.printable(64)), "is not a credential of the method \(method.slug)"))
        }
        return faults
    }

    /// - Throws: `connection_value_missing` when a credential is not there: an empty one is never sent in its place.
    func fields() throws(ToolError) -> Fields {
        var fields = Fields()
        for placement in self.method.placements {
            var values: [String] = []
            for name in placement.variables {
                let mayBeEmpty = self.method.variables.first { $0.name == name }?.mayBeEmpty ?? false
                guard let value = self.values[name]?.reveal(), !value.isEmpty || mayBeEmpty, RequestFields.isValue(value) else {
                    throw ToolError(
                        code: "connection_value_missing",
                        message: "The connection has no usable value for `\(name)`. Add the connection again with its credentials.",
                        retryable: false)
                }
                values.append(value)
            }
            let field = (name: placement.name, value: Secret(Self.text(placement.form, values)))
            switch placement.carrier {
            case .header: fields.headers.append(field)
            case .query: fields.query.append(field)
            case .cookie: fields.cookies.append(field)
            }
        }
        return fields
    }

    private static func text(_ form: AuthMethod.Placement.Form, _ values: [String]) -> String {
        switch form {
        case .plain: values.joined()
        case .basic: "Basic " + Base64.encode(Array(values.joined(separator: ":").utf8))
        case .bearer:
            // People paste what they see in examples, prefix and all.
            "Bearer " + values.map { $0.lowercased().hasPrefix("bearer ") ? String($0.dropFirst("bearer ".count)) : $0 }.joined()
        }
    }
}
