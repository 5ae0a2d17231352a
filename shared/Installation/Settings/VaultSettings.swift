package import Service
package import Vault

/// How secrets are sealed, and which of the installation's own secrets connections may use.
///
/// Configuration keys:
/// - `roost.vault.key_file`, `roost.vault.key_variable`, `roost.vault.key_command` (text): where the key is; exactly one of them.
/// - `roost.vault.previous_keys` (list): further keys to read with, each `file:PATH`, `env:NAME` or `command:PROGRAM ARGUMENT…`.
/// - `roost.vault.key_command_timeout` (duration): how long a command may take.
/// - `roost.vault.allowed_references` (list): which organization may refer to which secret of the environment or the folder.
/// - `roost.vault.secret_folder` (text): the folder of `file:` references.
/// - the bounds below.
package struct VaultSettings: Sendable {
    package let key: VaultKeySource
    package let previousKeys: [VaultKeySource]
    package let allowedReferences: [AllowedReferences.Entry]
    package let secretFolder: String?
    package let limits: VaultLimits
    let commandTimeout: Duration

    package init(_ reader: inout SettingsReader) {
        self.key = Self.key(&reader)
        self.previousKeys = reader.list(
            "roost.vault.previous_keys",
            "Further vault keys to read with while keys are rotated: each `file:PATH`, `env:NAME` or `command:PROGRAM ARGUMENT…`."
        ).compactMap { text in
            let source = VaultKeySource(text)
            if source == nil {
                reader.fault("roost.vault.previous_keys", "must be a list of file:/PATH, env:NAME or command:/PROGRAM ARGUMENT…")
            }
            return source
        }
        self.commandTimeout = reader.duration(
            "roost.vault.key_command_timeout", default: .seconds(10), in: .milliseconds(100) ... .seconds(300),
            "How long a command that prints a vault key may take.")
        let reserved = Self.reservedVariables([self.key] + self.previousKeys)
        self.allowedReferences = reader.list(
            "roost.vault.allowed_references",
            "Secrets of the installation that connections may refer to, each `ORGANIZATION=REFERENCE`: a slug, an id or `*`, and `env:NAME` or `file:PATH`, which may end with `*`."
        ).compactMap { text in
            let entry = AllowedReferences.Entry(text)
            if entry == nil {
                reader.fault("roost.vault.allowed_references", "must be a list of ORGANIZATION=env:NAME or ORGANIZATION=file:PATH")
            }
            if entry?.names(reserved) == true {
                reader.fault("roost.vault.allowed_references", "must not name ROOST_…, OTEL_…, SENTRY_… or a variable of a vault key")
            }
            return entry
        }
        self.secretFolder = reader.optionalString("roost.vault.secret_folder", "The folder in which `file:` references are looked up.")
        var limits = VaultLimits()
        limits.maxCachedKeys = reader.integer(
            "roost.vault.max_cached_keys", default: limits.maxCachedKeys, in: 1...1_000_000,
            "Organizations' data keys that are kept unwrapped in memory.")
        limits.keyLifetime = reader.duration(
            "roost.vault.key_lifetime", default: limits.keyLifetime, "How long an unwrapped data key is kept in memory.")
        self.limits = limits
    }

    /// The variables that no connection may refer to.
    var reservedVariables: ReservedVariables { Self.reservedVariables([self.key] + self.previousKeys) }

    private static func reservedVariables(_ keys: [VaultKeySource]) -> ReservedVariables {
        ReservedVariables(
            keys.compactMap { source in
                guard case .environment(let name) = source else { return nil }
                return name
            })
    }

    private static func key(_ reader: inout SettingsReader) -> VaultKeySource {
        let fileKey = "roost.vault.key_file"
        let file = reader.optionalString(
            fileKey,
            "The file with the key that seals secrets; made when the database holds none, never replaced. This, `key_variable` or `key_command` is required."
        )
        let variable = reader.optionalString("roost.vault.key_variable", "The environment variable with that key, instead of a file.")
        let command = reader.optionalString(
            "roost.vault.key_command",
            "A program and its arguments, separated by spaces, that prints that key, instead of a file; no shell.")
        let given = [file.map { "file:" + $0 }, variable.map { "env:" + $0 }, command.map { "command:" + $0 }].compactMap(\.self)
        guard let text = given.first, given.count == 1 else {
            reader.fault(fileKey, given.isEmpty ? "is required, or key_variable, or key_command" : "excludes key_variable and key_command")
            return .file("")
        }
        guard let source = VaultKeySource(text) else {
            let name = file != nil ? fileKey : variable != nil ? "roost.vault.key_variable" : "roost.vault.key_command"
            reader.fault(
                name, file != nil ? "must be a path" : variable != nil ? "must be a name outside of ROOST_…" : "must begin with a path")
            return .file("")
        }
        return source
    }
}
