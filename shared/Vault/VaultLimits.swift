/// The bounds of a vault.
package struct VaultLimits: Sendable, Hashable {
    /// Data keys that are kept unwrapped in memory; the one unused longest makes room.
    package var maxCachedKeys = 1024
    /// How long one is kept.
    package var keyLifetime: Duration = .seconds(300)

    package init() {}
}
