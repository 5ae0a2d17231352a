import Identity
import Service

/// How callers are told apart.
///
/// Configuration keys: the bound below.
package struct AuthenticationSettings: Sendable {
    let limits: IdentityLimits

    init(_ reader: inout SettingsReader) {
        var limits = IdentityLimits()
        limits.grace = reader.duration(
            "roost.auth.cache_grace", default: limits.grace, in: .zero ... .seconds(30),
            "How long a key that was found good opens MCP sessions' gateway while the database cannot be reached; their owners check it all the same."
        )
        self.limits = limits
    }
}
