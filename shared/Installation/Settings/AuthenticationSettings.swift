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
        limits.maxLookUps = reader.integer(
            "roost.auth.max_look_ups", default: limits.maxLookUps, in: 1...1_000,
            "How many API keys that were not good within the last minute are looked up at once; known keys do not wait for them.")
        limits.maxWaitingLookUps = reader.integer(
            "roost.auth.max_waiting_look_ups", default: limits.maxWaitingLookUps, in: 0...1_000_000,
            "How many such keys wait for their turn; what comes beyond is answered 503 with Retry-After.")
        limits.lookUpWait = reader.duration(
            "roost.auth.look_up_wait", default: limits.lookUpWait, in: .milliseconds(1) ... .seconds(30),
            "How long such a key waits for its turn before it is answered 503 with Retry-After.")
        self.limits = limits
    }
}
