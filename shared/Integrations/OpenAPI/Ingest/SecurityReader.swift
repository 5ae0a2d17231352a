import JSON

/// Turns security schemes and requirements into the ways to sign in that an integration offers.
struct SecurityReader {
    /// A scheme that Roost can use, with the credentials that it takes.
    private struct Scheme {
        let name: String
        let label: String
        let carrier: AuthMethod.Placement.Carrier
        let field: String
        let form: AuthMethod.Placement.Form
    }

    private let document: OpenAPIDocument
    private let references: LocalReferences
    private let limits: OpenAPILimits
    private let schemes: [(name: String, scheme: Scheme?)]

    init(document: OpenAPIDocument, references: LocalReferences, limits: OpenAPILimits) {
        self.document = document
        self.references = references
        self.limits = limits
        let declared = document.root["components"]?["securitySchemes"]?.object ?? [:]
        // Few enough to search one by one.
        self.schemes = declared.prefix(limits.maxSecuritySchemes).map {
            ($0.key, Self.scheme($0.key, (try? references.resolved($0.value)) ?? .null))
        }
    }

    /// The methods, most used first as the document has them, then `none`.
    ///
    /// - Parameter requirements: Those of the operations; the document's own are added.
    func methods(requirements: [JSONValue]) -> [AuthMethod] {
        var sets: [[String]] = []
        var seen = Set<Set<String>>()
        func add(_ names: [String]) {
            // Nobody has more than a handful of schemes to sign in with at once.
            guard (1...8).contains(names.count), sets.count < self.limits.maxSecuritySchemes, seen.insert(Set(names)).inserted else {
                return
            }
            sets.append(names)
        }
        for requirement in [self.document.root["security"] ?? .null] + requirements {
            for alternative in requirement.array ?? [] where (alternative.object?.count ?? 0) <= 8 { add(alternative.object?.keys ?? []) }
        }
        for (name, _) in self.schemes where !sets.contains(where: { $0.contains(name) }) { add([name]) }
        var methods: [AuthMethod] = []
        for set in sets where methods.count < self.limits.maxAuthMethods {
            if let method = self.method(for: set, taken: Set(methods.map(\.slug))) { methods.append(method) }
        }
        if self.schemes.isEmpty { methods += Self.generic }
        return methods + [.none]
    }

    /// What is offered where a document describes no scheme at all, as many do for APIs that want a token.
    private static let generic = [
        AuthMethod(
            slug: "bearer", label: "Bearer token",
            placements: [.init(carrier: .header, name: "authorization", form: .bearer, variables: ["token"])],
            variables: [.init(name: "token", label: "Token")]),
        AuthMethod(
            slug: "basic", label: "User name and password",
            placements: [.init(carrier: .header, name: "authorization", form: .basic, variables: ["username", "password"])],
            variables: [.init(name: "username", label: "User name"), .init(name: "password", label: "Password", mayBeEmpty: true)]),
    ]

    private func method(for names: [String], taken: Set<String>) -> AuthMethod? {
        var schemes: [Scheme] = []
        for name in names {
            guard let scheme = self.schemes.first(where: { $0.name == name })?.scheme else { return nil }
            schemes.append(scheme)
        }
        var placements: [AuthMethod.Placement] = []
        var variables: [AuthMethod.Variable] = []
        for scheme in schemes {
            let prefix = schemes.count == 1 ? "" : NameWords(scheme.name).camelCase
            let own = Self.variables(of: scheme, prefix: prefix)
            placements.append(.init(carrier: scheme.carrier, name: scheme.field, form: scheme.form, variables: own.map(\.name)))
            variables += own
        }
        let slug = names.map { NameWords($0).kebabCase }.joined(separator: "-and-")
        return AuthMethod(
            slug: Self.unique(StableHash.bounded(slug.isEmpty ? "method" : slug, to: 60), taken: taken.union([AuthMethod.none.slug])),
            label: schemes.map(\.label).joined(separator: " and "), placements: placements, variables: variables)
    }

    private static func unique(_ slug: String, taken: Set<String>) -> String {
        var attempt = 1
        while taken.contains(attempt == 1 ? slug : "\(slug)-\(attempt)") { attempt += 1 }
        return attempt == 1 ? slug : "\(slug)-\(attempt)"
    }

    /// One scheme alone has plain names (`token`); several together are told apart by the schemes' names.
    private static func variables(of scheme: Scheme, prefix: String) -> [AuthMethod.Variable] {
        func name(_ plain: String) -> String {
            guard !prefix.isEmpty else { return plain }
            return scheme.form == .basic ? prefix + plain.prefix(1).uppercased() + plain.dropFirst() : prefix
        }
        switch scheme.form {
        case .bearer: return [.init(name: name("token"), label: scheme.label)]
        case .plain: return [.init(name: name("key"), label: scheme.label)]
        case .basic:
            return [
                .init(name: name("username"), label: "\(scheme.label): user name"),
                .init(name: name("password"), label: "\(scheme.label): password", mayBeEmpty: true),
            ]
        }
    }

    private static func scheme(_ name: String, _ value: JSONValue) -> Scheme? {
        switch value["type"]?.string?.lowercased() {
        case "http":
            switch value["scheme"]?.string?.lowercased() {
            case "bearer":
                return Scheme(name: name, label: "Bearer token (\(name))", carrier: .header, field: "authorization", form: .bearer)
            case "basic":
                return Scheme(name: name, label: "User name and password (\(name))", carrier: .header, field: "authorization", form: .basic)
            default: return nil
            }
        case "apikey":
            guard let field = value["name"]?.string, !field.isEmpty,
                let carrier = value["in"]?.string.flatMap(AuthMethod.Placement.Carrier.init)
            else { return nil }
            guard carrier == .query || RequestFields.isToken(field) else { return nil }
            guard carrier != .header || RequestFields.mayCarryCredentials(field) else { return nil }
            return Scheme(
                name: name, label: "API key (\(name))", carrier: carrier, field: carrier == .header ? field.lowercased() : field,
                form: .plain)
        case "oauth2", "openidconnect":
            // Until Roost signs in itself, an access token obtained elsewhere does.
            return Scheme(name: name, label: "OAuth access token (\(name))", carrier: .header, field: "authorization", form: .bearer)
        default: return nil
        }
    }
}
