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
    /// - `roost.issuer.role_claim` (text), `roost.issuer.admin_roles` (list): the claim and the values of it that make an admin.
    static func read(_ reader: inout SettingsReader) -> IssuerSettings? {
        let url = reader.optionalString("roost.issuer.url", "The issuer whose bearer tokens sign people in; without it only API keys do.")
        let audiences = reader.list("roost.issuer.audience", "What a token's `aud` must name one of; required with roost.issuer.url.")
        let keysURL = reader.optionalString("roost.issuer.keys_url", "Where the issuer's JWKS is; by default its metadata says.")
        let organizationClaim = reader.string(
            "roost.issuer.organization_claim", default: "org_id", "The claim that names the organization.")
        let roleClaim = reader.optionalString(
            "roost.issuer.role_claim", "The claim that says what a person may do; without it everybody is an agent.")
        let adminRoles = reader.list("roost.issuer.admin_roles", "Values of that claim that make an admin.")
        guard let url else { return nil }
        var settings = IssuerSettings(issuer: url, audiences: Set(audiences))
        settings.keysURL = keysURL
        settings.organizationClaim = organizationClaim
        settings.roleClaim = roleClaim
        if !adminRoles.isEmpty { settings.adminRoles = Set(adminRoles) }
        for (key, fault) in settings.faults() { reader.fault(key, fault) }
        return settings
    }
}
