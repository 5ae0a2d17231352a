import Database
package import Model

/// Wrapped data keys, and which vault keys they need. Only the vault makes and unwraps them.
package struct DataKeyRepository: Sendable {
    let context: StoreContext

    /// The organization's newest data key, the one that seals; nil before its first secret.
    package func newest(in organization: OrganizationID) async throws -> WrappedDataKey? {
        try await self.context.connection(organization).first(
            "SELECT \(WrappedDataKey.columns) FROM data_keys WHERE organization_id = $1 ORDER BY version DESC LIMIT 1", organization,
            as: WrappedDataKey.init)
    }

    /// One version of the organization's data key, or nil.
    package func find(_ version: Int, in organization: OrganizationID) async throws -> WrappedDataKey? {
        try await Self.find(version, in: organization, on: self.context.connection(organization))
    }

    /// Every version of the organization's data key, oldest first.
    package func all(in organization: OrganizationID) async throws -> [WrappedDataKey] {
        try await self.context.connection(organization).all(
            "SELECT \(WrappedDataKey.columns) FROM data_keys WHERE organization_id = $1 ORDER BY version LIMIT $2", organization,
            self.context.limits.maxDataKeys, as: WrappedDataKey.init)
    }

    /// Stores a new version as the one that seals and retires those before it; returns what is stored under that version.
    ///
    /// Of several processes that add the same version at once one wins, and the others get the winner's: an organization never has two
    /// keys of one version.
    package func add(_ key: WrappedDataKey, in organization: OrganizationID) async throws -> WrappedDataKey {
        guard key.version >= 1, key.version <= self.context.limits.maxDataKeys else {
            throw StoreError(code: .limitReached, message: "the organization has \(self.context.limits.maxDataKeys) data keys")
        }
        return try await self.context.refusing {
            try await self.context.database.transaction(in: .organization(organization)) { connection in
                try await Self.register(key.vaultKeyID, on: connection)
                try await connection.execute(
                    """
                    INSERT INTO data_keys (organization_id, version, vault_key_id, wrapped, state, created_at)
                    VALUES ($1, $2, $3, $4, $5, {now}) ON CONFLICT (organization_id, version) DO NOTHING
                    """, organization, key.version, key.vaultKeyID, key.wrapped, WrappedDataKey.State.active)
                try await connection.execute(
                    "UPDATE data_keys SET state = $3 WHERE organization_id = $1 AND version < $2 AND state <> $3", organization,
                    key.version, WrappedDataKey.State.retired)
                guard let stored = try await Self.find(key.version, in: organization, on: connection) else {
                    throw StoreError(code: .corrupted, message: "an inserted row was not found")
                }
                return stored
            }
        }
    }

    /// Puts another wrapping of the same data key in its place; false when it is not wrapped under `previous` any more.
    package func rewrap(_ key: WrappedDataKey, from previous: String, in organization: OrganizationID) async throws -> Bool {
        try await self.context.refusing {
            try await self.context.database.transaction(in: .organization(organization)) { connection in
                try await Self.register(key.vaultKeyID, on: connection)
                return try await connection.execute(
                    """
                    UPDATE data_keys SET vault_key_id = $3, wrapped = $4
                    WHERE organization_id = $1 AND version = $2 AND vault_key_id = $5
                    """, organization, key.version, key.vaultKeyID, key.wrapped, previous) == 1
            }
        }
    }

    /// The ids of the vault keys without which some organization's secrets cannot be opened. Holds no organization's data.
    package func vaultKeys() async throws -> [String] {
        try await self.context.installation.all(
            "SELECT id FROM vault_keys ORDER BY created_at, id LIMIT $1", self.context.limits.maxDataKeys, as: { try $0.single() })
    }

    /// Takes a vault key from that list; false when a data key of any organization is still wrapped under it.
    package func forget(vaultKey id: String) async throws -> Bool {
        do {
            try await self.context.installation.execute("DELETE FROM vault_keys WHERE id = $1", id)
            return true
        } catch let error as DatabaseError where error.code == .foreignKeyViolation {
            return false
        }
    }

    private static func register(_ id: String, on connection: any DatabaseConnection) async throws {
        try await connection.execute("INSERT INTO vault_keys (id, created_at) VALUES ($1, {now}) ON CONFLICT (id) DO NOTHING", id)
    }

    private static func find(
        _ version: Int, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws -> WrappedDataKey? {
        try await connection.first(
            "SELECT \(WrappedDataKey.columns) FROM data_keys WHERE organization_id = $1 AND version = $2", organization, version,
            as: WrappedDataKey.init)
    }
}
