package import Model
package import Store

/// Seals and opens the credentials of connections: envelope encryption, a data key of each organization's own under the installation's
/// vault key.
///
/// Data keys stand wrapped in the database, the vault key never does. Nothing reads a secret back: a value is opened for the one call
/// that sends it.
package struct Vault: Sendable {
    let keyring: Keyring
    let store: Store
    let cache: DataKeyCache
    private let providers: [SecretKind: any SecretProvider]

    /// - Parameters:
    ///   - providers: Those beside the database; a reference to another kind is refused.
    ///   - now: Tests inject their own clock.
    package init(
        keyring: Keyring, store: Store, providers: [any SecretProvider] = [], limits: VaultLimits = VaultLimits(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.keyring = keyring
        self.store = store
        self.cache = DataKeyCache(maxKeys: limits.maxCachedKeys, lifetime: limits.keyLifetime, now: now)
        self.providers = Dictionary((providers + [DatabaseSecrets()]).map { ($0.kind, $0) }) { $1 }
    }

    /// Refuses to start without a key that the database's secrets need.
    package func check() async throws {
        try self.keyring.check(try await self.store.dataKeys.vaultKeys())
    }

    /// Seals a value for one credential of a connection.
    package func seal(
        _ secret: Secret, name: String, of connection: ConnectionID, in organization: OrganizationID
    ) async throws -> SealedSecret {
        try await self.seal(.database, secret, name: name, of: connection, in: organization)
    }

    /// Seals a reference to a secret of the installation's. It is looked up at once, so that a mistake shows where it is made.
    package func seal(
        _ reference: SecretReference, name: String, of connection: ConnectionID, in organization: OrganizationID
    ) async throws -> SealedSecret {
        try await self.seal(reference.kind, Secret(reference.name), name: name, of: connection, in: organization)
    }

    /// The value of a stored credential.
    package func open(_ sealed: SealedSecret, of connection: ConnectionID, in organization: OrganizationID) async throws -> Secret {
        let place = DataKey.Place(organization: organization, row: connection.rawValue, name: sealed.name)
        let content = try await self.content(of: sealed.sealed, at: place)
        return try await self.provider(content.kind).value(of: content.text, in: organization)
    }

    private func seal(
        _ kind: SecretKind, _ text: Secret, name: String, of connection: ConnectionID, in organization: OrganizationID
    ) async throws -> SealedSecret {
        let content = SecretContent(kind: kind, text: try await self.provider(kind).admit(text, in: organization))
        let key = try await self.sealingKey(of: organization)
        let place = DataKey.Place(organization: organization, row: connection.rawValue, name: name)
        return SealedSecret(name: name, sealed: try key.seal(content, at: place), keyVersion: key.version)
    }

    private func provider(_ kind: SecretKind) throws(VaultError) -> any SecretProvider {
        guard let provider = self.providers[kind] else {
            throw VaultError(
                .referenceRefused, "This installation provides no secrets from its \(kind == .file ? "folder" : "environment").")
        }
        return provider
    }
}

extension Vault {
    /// Opens the envelope, with the version of the data key that it names.
    func content(of sealed: [UInt8], at place: DataKey.Place) async throws -> SecretContent {
        try await self.dataKey(try DataKey.version(of: sealed), of: place.organization).open(sealed, at: place)
    }

    /// The organization's newest key, made when it has none. The database is asked each time, so that a rotation binds the next seal in
    /// every process.
    func sealingKey(of organization: OrganizationID) async throws -> DataKey {
        if let newest = try await self.store.dataKeys.newest(in: organization) {
            self.cache.drop(before: newest.version, of: organization)
            return try self.unwrapped(newest, of: organization)
        }
        return try await self.makeDataKey(1, of: organization)
    }

    /// Makes a version of the organization's key, or takes the one that another process made first.
    func makeDataKey(_ version: Int, of organization: OrganizationID) async throws -> DataKey {
        // A process with another vault key may have been started since this one.
        try await self.check()
        let wrapped = try self.keyring.current.wrap(DataKey(version: version), for: organization)
        let stored = try await self.store.dataKeys.add(wrapped, in: organization)
        return try self.unwrapped(stored, of: organization)
    }

    private func dataKey(_ version: Int, of organization: OrganizationID) async throws -> DataKey {
        if let key = self.cache.key(version, of: organization) { return key }
        guard let wrapped = try await self.store.dataKeys.find(version, in: organization) else {
            throw VaultError(.cannotOpen, "a stored credential names a data key that the organization does not have; restore a backup")
        }
        return try self.unwrapped(wrapped, of: organization)
    }

    private func unwrapped(_ wrapped: WrappedDataKey, of organization: OrganizationID) throws(VaultError) -> DataKey {
        if let key = self.cache.key(wrapped.version, of: organization) { return key }
        let key = try self.keyring.unwrap(wrapped, for: organization)
        self.cache.keep(key, of: organization)
        return key
    }
}
