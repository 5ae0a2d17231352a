package import Service

/// How secrets are sealed.
///
/// Configuration keys:
/// - `roost.vault.key_file` (text, required): the file with the key that seals secrets; made for an empty database, never replaced.
package struct VaultSettings: Sendable {
    package let keyFile: String

    package init(_ reader: inout SettingsReader) {
        self.keyFile = reader.requiredString(
            "roost.vault.key_file", "The file with the key that seals secrets; made when the database is empty, never replaced.")
    }
}
