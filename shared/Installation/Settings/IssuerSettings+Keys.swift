import Identity
import Service

extension IssuerSettings {
    /// Reads the issuer whose bearer tokens sign people in; nil where none is configured.
    ///
    /// Configuration keys:
    /// - `roost.issuer.url` (text): the issuer identifier, as it stands in its tokens' `iss`. Without it only API keys sign in.
    /// - `roost.issuer.audience` (list): what a token's `aud` must name one of; required with `roost.issuer.url`.
    /// - `roost.issuer.keys_url` (text): where its JWKS is; by default its metadata says.
    /// - `roost.issuer.organization_claim` (text, default `org_id`): the claim that names the organization.
    /// - `roost.issuer.organizations` (list of `name=organization`): the issuer's names of organizations that are neither id nor slug here.
    /// - `roost.issuer.role_claim` (text), `roost.issuer.admin_roles` (list): the claim and the values of it that make an admin.
    /// - `roost.issuer.algorithms` (list): which signature algorithms are taken.
    /// - the times below.
    static func read(_ reader: inout SettingsReader) -> IssuerSettings? {
        let url = reader.optionalString("roost.issuer.url", "The issuer whose bearer tokens sign people in; without it only API keys do.")
        let audiences = reader.list("roost.issuer.audience", "What a token's `aud` must name one of; required with roost.issuer.url.")
        let keysURL = reader.optionalString("roost.issuer.keys_url", "Where the issuer's JWKS is; by default its metadata says.")
        let organizationClaim = reader.string(
            "roost.issuer.organization_claim", default: "org_id", "The claim that names the organization.")
        let organizations = reader.list(
            "roost.issuer.organizations", "name=organization, for names of organizations in the claim that are neither id nor slug here.")
        let roleClaim = reader.optionalString(
            "roost.issuer.role_claim", "The claim that says what a person may do; without it everybody is an agent.")
        let adminRoles = reader.list("roost.issuer.admin_roles", "Values of that claim that make an admin.")
        let algorithms = reader.list(
            "roost.issuer.algorithms", "Signature algorithms that are taken; by default RS256, PS256, ES256 and EdDSA.")
        // The times have keys whether there is an issuer or not.
        var settings = IssuerSettings(issuer: url ?? "", audiences: Set(audiences))
        settings.readTimes(&reader)
        guard url != nil else { return nil }
        settings.keysURL = keysURL
        settings.organizationClaim = organizationClaim
        settings.organizations = Self.organizations(organizations)
        settings.roleClaim = roleClaim
        if !adminRoles.isEmpty { settings.adminRoles = Set(adminRoles) }
        if !algorithms.isEmpty { settings.algorithms = Set(algorithms) }
        for (key, fault) in settings.faults() { reader.fault(key, fault) }
        return settings
    }

    /// An entry without a `=` becomes one with an empty organization, which is a fault.
    private static func organizations(_ entries: [String]) -> [String: String] {
        var organizations: [String: String] = [:]
        for entry in entries {
            let name = entry.prefix { $0 != "=" }
            organizations[String(name)] = String(entry.dropFirst(name.count + 1))
        }
        return organizations
    }

    private mutating func readTimes(_ reader: inout SettingsReader) {
        self.clockSkew = reader.duration(
            "roost.issuer.clock_skew", default: self.clockSkew, in: .zero ... .seconds(300), "How far the issuer's clock may be off.")
        self.keysLifetime = reader.duration(
            "roost.issuer.keys_lifetime", default: self.keysLifetime, "How long the issuer's keys are used before they are read again.")
        self.keysMaxAge = reader.duration(
            "roost.issuer.keys_max_age", default: self.keysMaxAge, "How long they are used when they cannot be read again.")
        self.minRefreshInterval = reader.duration(
            "roost.issuer.min_refresh_interval", default: self.minRefreshInterval,
            "The shortest time between two readings, whatever keys tokens name.")
        self.timeout = reader.duration("roost.issuer.timeout", default: self.timeout, "How long one request to the issuer may take.")
    }
}
