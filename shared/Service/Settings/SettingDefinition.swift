/// One configuration key as people meet it in docs/configuration.md, `--help` and faults.
package struct SettingDefinition: Sendable, Hashable {
    /// The dotted key, `roost.gateway.port`.
    package let key: String
    /// What a value looks like: `integer 1...65535`, `duration`, `byte count`, `true or false`, …
    package let type: String
    /// The default as it would be written, or nil when the key is optional and unset.
    package let defaultText: String?
    /// One sentence of what the key decides.
    package let summary: String

    /// The environment variable that sets the key: upper case, dots as underscores.
    package var environmentName: String { Self.environmentName(of: self.key) }

    static func environmentName(of key: String) -> String {
        String(key.map { $0 == "." ? "_" : Character($0.uppercased()) })
    }
}
