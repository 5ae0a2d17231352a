/// One token issuer (an OpenID provider or OAuth authorization server) that the installation trusts to name people.
///
/// Configuration keys: `roost.issuer.…`, named with each property.
package struct IssuerSettings: Sendable, Hashable {
    /// The signature algorithms that can be allowed. All are asymmetric: with a shared-secret algorithm, whoever knows the issuer's public
    /// key could sign.
    package static let knownAlgorithms: Set<String> = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    /// The exact `iss` of its tokens, and where its metadata is found. Key `url`.
    package var issuer: String
    /// Values of `aud` that mean this installation; one must be in the token. Key `audience`.
    package var audiences: Set<String>
    /// Where the keys are; nil to learn it from the issuer's metadata. Key `keys_url`.
    package var keysURL: String?
    /// Which signature algorithms are taken. Key `algorithms`.
    package var algorithms: Set<String> = ["RS256", "PS256", "ES256", "EdDSA"]
    /// The claim that names the organization, by its id or slug, or by a key of ``organizations``. Key `organization_claim`.
    package var organizationClaim = "org_id"
    /// The issuer's names of organizations where they are neither id nor slug: from claim value to slug or id. Key `organizations`.
    package var organizations: [String: String] = [:]
    /// The claim that names the role, a string or a list of strings; nil makes everybody an agent. Key `role_claim`.
    package var roleClaim: String?
    /// Values of that claim that make an admin. Key `admin_roles`.
    package var adminRoles: Set<String> = ["admin"]
    /// How far the issuer's clock may be off. Key `clock_skew`.
    package var clockSkew: Duration = .seconds(30)
    /// How long keys are used before they are read again. Key `keys_lifetime`.
    package var keysLifetime: Duration = .seconds(3600)
    /// How long keys are used when they cannot be read again. Key `keys_max_age`.
    package var keysMaxAge: Duration = .seconds(86_400)
    /// The shortest time between two readings, whatever key ids tokens name. Key `min_refresh_interval`.
    package var minRefreshInterval: Duration = .seconds(10)
    /// How long one request to the issuer may take. Key `timeout`.
    package var timeout: Duration = .seconds(5)

    /// An issuer and the audiences that its tokens must name.
    package init(issuer: String, audiences: Set<String>) {
        self.issuer = issuer
        self.audiences = audiences
    }

    /// What is wrong with the settings, each with the whole key it stands under; empty when nothing is.
    package func faults() -> [(key: String, fault: String)] {
        var faults: [(key: String, fault: String)] = []
        func add(_ name: String, _ fault: String) { faults.append(("roost.issuer.\(name)", fault)) }
        if !Self.isUsable(self.issuer) { add("url", "must be an http or https URL without a user name, query or fragment") }
        if self.audiences.isEmpty || self.audiences.contains("") { add("audience", "must name at least one audience") }
        if let url = self.keysURL, !Self.isUsable(url, mayHaveQuery: true) {
            add("keys_url", "must be an http or https URL without a user name or fragment")
        }
        if self.algorithms.isEmpty || !self.algorithms.isSubset(of: Self.knownAlgorithms) {
            add("algorithms", "must be some of \(Self.knownAlgorithms.sorted().joined(separator: ", "))")
        }
        if self.organizationClaim.isEmpty { add("organization_claim", "must name a claim") }
        if self.organizations.contains(where: { $0.key.isEmpty || $0.value.isEmpty }) {
            add("organizations", "must be a list of the issuer's name and ours with = between them")
        }
        if self.keysMaxAge < self.keysLifetime { add("keys_max_age", "must not be shorter than roost.issuer.keys_lifetime") }
        return faults
    }

    /// Whether it can be fetched and may stand in a log. A user name would be a credential, and the issuer's own URL has neither query nor
    /// fragment (RFC 8414, section 2).
    private static func isUsable(_ url: String, mayHaveQuery: Bool = false) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return false }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        return !authority.isEmpty && !authority.contains("@") && !rest.contains("#") && (mayHaveQuery || !rest.contains("?"))
            && rest.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
