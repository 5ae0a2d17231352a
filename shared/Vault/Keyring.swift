internal import Model
internal import Store

/// The vault keys that a process was given: the one that wraps, and others that it can still, or already, unwrap with.
package struct Keyring: Sendable {
    package let current: VaultKey
    private let keys: [String: VaultKey]

    /// - Parameter others: Keys of before, and keys that are to become current; each opens what it wrapped.
    package init(current: VaultKey, others: [VaultKey] = []) {
        self.current = current
        self.keys = Dictionary((others + [current]).map { ($0.id, $0) }) { $1 }
    }

    /// Refuses when a key is missing that the database's secrets need.
    ///
    /// - Parameter needed: ``DataKeyRepository/vaultKeys()``.
    package func check(_ needed: [String]) throws(VaultError) {
        let missing = needed.filter { self.keys[$0] == nil }
        guard missing.isEmpty else {
            throw VaultError(
                .wrongKey,
                """
                The database's secrets need the vault key \(missing.joined(separator: ", ")), and the configured keys are \
                \(self.keys.keys.sorted().joined(separator: ", ")). Configure the key that belongs to this database, or name it in \
                roost.vault.previous_keys.
                """)
        }
    }

    func unwrap(_ wrapped: WrappedDataKey, for organization: OrganizationID) throws(VaultError) -> DataKey {
        guard let key = self.keys[wrapped.vaultKeyID] else {
            throw VaultError(
                .wrongKey,
                "an organization's data key is wrapped under the vault key \(wrapped.vaultKeyID), which this process does not have")
        }
        return try key.unwrap(wrapped, for: organization)
    }
}
