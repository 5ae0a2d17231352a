package import Engine
import Service

/// How soon a change of policies, keys or members binds.
///
/// Configuration keys: the bounds below.
package struct PolicySettings: Sendable {
    package let authority: AuthorityCache.Limits

    init(_ reader: inout SettingsReader) {
        var authority = AuthorityCache.Limits()
        authority.freshness = reader.duration(
            "roost.policies.freshness", default: authority.freshness, in: .milliseconds(1) ... .seconds(1),
            "How old the rules may be that a call is decided by; a change binds calls that start this much later.")
        authority.maxOrganizations = reader.integer(
            "roost.policies.max_organizations", default: authority.maxOrganizations, in: 1...1_000_000,
            "Organizations whose rules are kept in memory.")
        authority.maxPrincipals = reader.integer(
            "roost.policies.max_principals", default: authority.maxPrincipals, in: 1...1_000_000,
            "Principals whose standing is kept, for each organization.")
        self.authority = authority
    }
}
