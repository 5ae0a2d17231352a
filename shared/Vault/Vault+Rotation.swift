package import Model
internal import Store

/// Changing keys while everything goes on. Each step is a transaction of its own that finds out what is left to do, so that whatever is
/// interrupted is simply done again, and two that run at once do no harm.
extension Vault {
    /// What a rotation did.
    package struct Rotation: Sendable, Hashable {
        /// Data keys wrapped anew, or secrets sealed anew.
        package var changed = 0
        /// What could not be opened, and stays as it was: it was changed in the database.
        package var unreadable = 0
        /// Vault keys that nothing needs any more.
        package var forgotten: [String] = []
        /// Vault keys that something still needs.
        package var stillNeeded: [String] = []
    }

    /// How often all organizations are gone through: a process that still wraps under the old key may have made a new one meanwhile.
    private static let maxPasses = 3

    /// Wraps every organization's data keys under the current vault key. Secrets themselves are not touched.
    ///
    /// The keys that wrapped before must be in the keyring. What is in ``Rotation/forgotten`` can be taken from the configuration
    /// afterwards, and destroyed once no backup needs it.
    package func rotateVaultKey() async throws -> Rotation {
        try await self.check()
        var rotation = Rotation()
        for _ in 0..<Self.maxPasses {
            rotation.unreadable = 0
            try await self.forEachOrganization { organization in try await self.rewrap(organization, &rotation) }
            rotation.stillNeeded = []
            for id in try await self.store.dataKeys.vaultKeys() where id != self.keyring.current.id {
                if try await self.store.dataKeys.forget(vaultKey: id) {
                    rotation.forgotten.append(id)
                } else {
                    rotation.stillNeeded.append(id)
                }
            }
            if rotation.stillNeeded.isEmpty || rotation.unreadable > 0 { break }
        }
        return rotation
    }

    /// Gives an organization a new data key and seals all its secrets anew with it, in bounded steps. New secrets use it from the first
    /// step on; old ones open with their own version until their turn has come.
    package func rotateDataKey(of organization: OrganizationID) async throws -> Rotation {
        let newest = try await self.store.dataKeys.newest(in: organization)
        let key = try await self.makeDataKey((newest?.version ?? 0) + 1, of: organization)
        return try await self.reseal(organization, with: key)
    }

    /// Seals anew what an interrupted rotation left.
    package func finishRotation(of organization: OrganizationID) async throws -> Rotation {
        guard try await self.store.dataKeys.newest(in: organization) != nil else { return Rotation() }
        return try await self.reseal(organization, with: try await self.sealingKey(of: organization))
    }

    private func reseal(_ organization: OrganizationID, with key: DataKey) async throws -> Rotation {
        var rotation = Rotation()
        // Whatever changed under a walk is looked at again from the start: another rotation may have sealed it under a key that is
        // older than this one. Nothing older comes in, because the store refuses it.
        while try await self.walk(organization, with: key, &rotation) {}
        self.cache.drop(before: key.version, of: organization)
        return rotation
    }

    /// Goes once through what older keys sealed; true when some of it was changed by others meanwhile.
    private func walk(_ organization: OrganizationID, with key: DataKey, _ rotation: inout Rotation) async throws -> Bool {
        var last: PlacedSecret?
        var missed = 0
        rotation.unreadable = 0
        while true {
            try Task.checkCancellation()
            let batch = try await self.store.secrets.sealed(before: key.version, after: last, in: organization)
            guard let end = batch.last else { return missed > 0 }
            last = end
            var changes: [(old: PlacedSecret, new: SealedSecret)] = []
            for old in batch {
                let place = DataKey.Place(organization: organization, row: old.owner, name: old.secret.name)
                do {
                    let sealed = try key.seal(try await self.content(of: old.secret.sealed, at: place), at: place)
                    changes.append((old, SealedSecret(name: old.secret.name, sealed: sealed, keyVersion: key.version)))
                } catch is VaultError {
                    rotation.unreadable += 1
                }
            }
            let count = try await self.store.secrets.reseal(changes, in: organization)
            rotation.changed += count
            missed += changes.count - count
        }
    }

    private func rewrap(_ organization: OrganizationID, _ rotation: inout Rotation) async throws {
        for old in try await self.store.dataKeys.all(in: organization) where old.vaultKeyID != self.keyring.current.id {
            do {
                let key = try self.keyring.unwrap(old, for: organization)
                let wrapped = try self.keyring.current.wrap(key, for: organization)
                if try await self.store.dataKeys.rewrap(wrapped, from: old.vaultKeyID, in: organization) { rotation.changed += 1 }
            } catch is VaultError {
                rotation.unreadable += 1
            }
        }
    }

    private func forEachOrganization(_ body: (OrganizationID) async throws -> Void) async throws {
        var page = PageRequest(limit: self.store.limits.maxPageSize)
        while true {
            let organizations = try await self.store.organizations.list(page)
            for organization in organizations.items {
                try Task.checkCancellation()
                try await body(organization.id)
            }
            guard let next = organizations.next else { return }
            page.cursor = next
        }
    }
}
