package import JSON

/// One way to sign in at an API: which credentials it takes and where they go. A connection uses exactly one.
///
/// It is made from a document's security requirements: schemes that are required together make one method, alternatives make several.
package struct AuthMethod: Sendable, Hashable {
    /// One credential that a connection must bring.
    package struct Variable: Sendable, Hashable {
        /// What it is called when a connection is added: `token`, `password`, `key`, …
        package let name: String
        /// For people.
        package let label: String
        /// Whether an empty value is one: some APIs take a key as the user name of Basic and no password.
        package let mayBeEmpty: Bool

        package init(name: String, label: String, mayBeEmpty: Bool = false) {
            self.name = name
            self.label = label
            self.mayBeEmpty = mayBeEmpty
        }
    }

    /// Where credentials go and in which form.
    package struct Placement: Sendable, Hashable {
        /// The part of a request.
        package enum Carrier: String, Sendable, Hashable {
            case header, query, cookie
        }

        /// How the field's value is made.
        package enum Form: String, Sendable, Hashable {
            /// The credential itself.
            case plain
            /// `Bearer <credential>` (RFC 6750).
            case bearer
            /// `Basic <user:password in Base64>` (RFC 7617), from two credentials.
            case basic
        }

        package let carrier: Carrier
        /// The name of the header field, query parameter or cookie.
        package let name: String
        package let form: Form
        /// The names of the credentials it takes, in order.
        package let variables: [String]

        package init(carrier: Carrier, name: String, form: Form, variables: [String]) {
            self.carrier = carrier
            self.name = name
            self.form = form
            self.variables = variables
        }
    }

    /// The method of APIs that need no credentials; every integration offers it.
    package static let none = AuthMethod(slug: "none", label: "No credentials", placements: [], variables: [])

    /// What a connection names to choose the method.
    package let slug: String
    /// For people.
    package let label: String
    package let placements: [Placement]
    package let variables: [Variable]

    package init(slug: String, label: String, placements: [Placement], variables: [Variable]) {
        self.slug = slug
        self.label = label
        self.placements = placements
        self.variables = variables
    }
}

// MARK: - Stored form

extension AuthMethod {
    /// The method as an integration's configuration keeps it. It holds names and never values.
    package var json: JSONValue {
        [
            "slug": .string(self.slug), "label": .string(self.label),
            "placements": .array(
                self.placements.map { placement in
                    [
                        "carrier": .string(placement.carrier.rawValue), "name": .string(placement.name),
                        "form": .string(placement.form.rawValue), "variables": .array(placement.variables.map(JSONValue.string)),
                    ]
                }),
            "variables": .array(
                self.variables.map { variable in
                    var object: JSONObject = ["name": .string(variable.name), "label": .string(variable.label)]
                    if variable.mayBeEmpty { object["mayBeEmpty"] = true }
                    return .object(object)
                }),
        ]
    }

    /// Reads the stored form; nil where it is not one.
    package init?(json: JSONValue) {
        guard let slug = json["slug"]?.string, let label = json["label"]?.string, let placements = json["placements"]?.array,
            let variables = json["variables"]?.array
        else { return nil }
        self.init(
            slug: slug, label: label, placements: placements.compactMap(Placement.init(json:)),
            variables: variables.compactMap(Variable.init(json:)))
        guard self.placements.count == placements.count, self.variables.count == variables.count else { return nil }
    }
}

extension AuthMethod.Variable {
    fileprivate init?(json: JSONValue) {
        guard let name = json["name"]?.string else { return nil }
        self.init(name: name, label: json["label"]?.string ?? name, mayBeEmpty: json["mayBeEmpty"]?.bool ?? false)
    }
}

extension AuthMethod.Placement {
    fileprivate init?(json: JSONValue) {
        guard let carrier = json["carrier"]?.string.flatMap(Carrier.init(rawValue:)), let name = json["name"]?.string,
            let form = json["form"]?.string.flatMap(Form.init(rawValue:)), let variables = json["variables"]?.array
        else { return nil }
        self.init(carrier: carrier, name: name, form: form, variables: variables.compactMap(\.string))
    }
}
