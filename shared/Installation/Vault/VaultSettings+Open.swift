import Model
package import Store
package import Vault

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension VaultSettings {
    /// The largest secret that is read from a file or a variable.
    private static let maxSecretBytes = 64 << 10

    /// The vault of the installation's database.
    ///
    /// Lost with the database in place, the key's secrets are lost, so a new one is never made quietly beside them. Several processes may
    /// start on an empty folder at once: the key file appears whole or not at all, and whoever comes second reads the first one's.
    ///
    /// - Parameter makesKey: Whether a missing key file is made when no secret needs one.
    /// - Throws: ``InstallationError`` when a key is missing or is not the one that the database's secrets need.
    package func open(_ store: Store, makesKey: Bool = true) async throws -> Vault {
        let needed = try await store.dataKeys.vaultKeys()
        let keyring = try await self.keyring(makesKey: makesKey, needed: needed)
        let allowed = AllowedReferences(self.allowedReferences, organizations: store.organizations)
        do {
            try keyring.check(needed)
        } catch {
            throw InstallationError(error.message)
        }
        return Vault(keyring: keyring, store: store, providers: self.providers(allowed), limits: self.limits)
    }

    private func keyring(makesKey: Bool, needed: [String]) async throws -> Keyring {
        var current = try await self.key.load(timeout: self.commandTimeout)
        if current == nil, makesKey, needed.isEmpty { current = try await self.key.create() }
        guard let current else {
            guard needed.isEmpty else {
                throw InstallationError(
                    """
                    The vault key is missing: \(self.key) is not there, and the database holds credentials that need the key \
                    \(needed.joined(separator: ", ")). Restore it from where it is kept. Without it these credentials are lost: to begin \
                    anew, remove the database as well, or name another one in roost.database.url.
                    """)
            }
            throw InstallationError(
                """
                The vault key is missing: \(self.key) is not there. Restore it from where it is kept; `roost vault new-key` makes the \
                first one of an installation.
                """)
        }
        var others: [VaultKey] = []
        for source in self.previousKeys {
            guard let key = try await source.load(timeout: self.commandTimeout) else {
                throw InstallationError("A vault key of roost.vault.previous_keys is missing: \(source) is not there.")
            }
            others.append(key)
        }
        return Keyring(current: current, others: others)
    }

    private func providers(_ allowed: AllowedReferences) -> [any SecretProvider] {
        let environment = NamedSecrets(.environment, allowed: allowed, reserved: self.reservedVariables) { name throws(VaultError) in
            guard let value = ProcessInfo.processInfo.environment[name], value.utf8.count <= Self.maxSecretBytes else { return nil }
            return Secret(value)
        }
        guard let folder = self.secretFolder else { return [environment] }
        let files = NamedSecrets(.file, allowed: allowed) { name throws(VaultError) in
            let bytes: [UInt8]?
            do {
                bytes = try PrivateFile.readIfPresent(name, inFolder: folder, maxBytes: Self.maxSecretBytes)
            } catch {
                throw VaultError(.secretMissing, "The installation's secret file:\(name) cannot be used. \(error)")
            }
            guard let bytes else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            // Files end with a line's end; secrets do not.
            return Secret(String(text.hasSuffix("\r\n") || text.hasSuffix("\n") ? text.dropLast() : text[...]))
        }
        return [environment, files]
    }
}
