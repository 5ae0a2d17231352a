import Database
package import Model

/// Sealed credentials. Only the vault writes and opens them.
package struct SecretRepository: Sendable {
    let context: StoreContext

    /// The sealed values of a connection, by name.
    package func read(owner: ConnectionID, in organization: OrganizationID) async throws -> [SealedSecret] {
        try await self.context.connection(organization).all(
            "SELECT name, sealed, key_version FROM sealed_secrets WHERE organization_id = $1 AND owner_id = $2 ORDER BY name",
            organization, owner
        ) { row in
            var row = row.reader()
            return SealedSecret(name: try row.next(), sealed: try row.next(), keyVersion: try row.next())
        }
    }

    /// Replaces the sealed values of a connection; `retiredKey` when the organization has got a new data key since they were sealed.
    package func replace(_ secrets: [SealedSecret], owner: ConnectionID, in organization: OrganizationID) async throws {
        try Self.check(secrets, limits: self.context.limits)
        try await self.context.change(organization) { connection in
            let owners = try await connection.query(
                "SELECT id FROM connections WHERE organization_id = $1 AND id = $2", organization, owner)
            guard !owners.isEmpty else { throw StoreError(code: .notFound, message: "there is no such connection") }
            try await connection.execute("DELETE FROM sealed_secrets WHERE organization_id = $1 AND owner_id = $2", organization, owner)
            try await Self.insert(secrets, owner: owner, in: organization, on: connection)
        }
    }

    /// Sealed values of the organization that versions of its data key before `version` sealed, by owner and name, at most
    /// ``StoreLimits/resealBatch``: one step of walking over all of them.
    ///
    /// - Parameter after: The last value of the step before; nil for the first.
    package func sealed(
        before version: Int, after: PlacedSecret?, in organization: OrganizationID
    ) async throws -> [PlacedSecret] {
        try await self.context.connection(organization).all(
            """
            SELECT owner_id, name, sealed, key_version FROM sealed_secrets
            WHERE organization_id = $1 AND key_version < $2 AND (owner_id > $3 OR (owner_id = $3 AND name > $4))
            ORDER BY owner_id, name LIMIT $5
            """, organization, version, after?.owner ?? "", after?.secret.name ?? "", self.context.limits.resealBatch
        ) { row in
            var row = row.reader()
            let owner: String = try row.next()
            return PlacedSecret(
                owner: owner, secret: SealedSecret(name: try row.next(), sealed: try row.next(), keyVersion: try row.next()))
        }
    }

    /// Puts newly sealed forms of the same values in their places, in one transaction; returns how many. A value that was replaced or
    /// removed meanwhile stays as it is.
    package func reseal(
        _ changes: [(old: PlacedSecret, new: SealedSecret)], in organization: OrganizationID
    ) async throws -> Int {
        try Self.check(changes.map(\.new), maxCount: self.context.limits.resealBatch, limits: self.context.limits)
        return try await self.context.refusing {
            try await self.context.database.transaction(in: .organization(organization)) { connection in
                var count = 0
                for (old, new) in changes {
                    count += try await connection.execute(
                        """
                        UPDATE sealed_secrets SET key_version = $4, sealed = $5
                        WHERE organization_id = $1 AND owner_id = $2 AND name = $3 AND key_version = $6 AND sealed = $7
                        """, organization, old.owner, old.secret.name, new.keyVersion, new.sealed, old.secret.keyVersion, old.secret.sealed)
                }
                return count
            }
        }
    }

    static func check(_ secrets: [SealedSecret], limits: StoreLimits) throws(StoreError) {
        try self.check(secrets, maxCount: limits.maxSecretsPerOwner, limits: limits)
    }

    private static func check(_ secrets: [SealedSecret], maxCount: Int, limits: StoreLimits) throws(StoreError) {
        guard secrets.count <= maxCount else {
            throw StoreError(code: .limitReached, message: "a connection holds at most \(maxCount) credentials")
        }
        guard secrets.allSatisfy({ $0.sealed.count <= limits.maxSealedBytes && $0.name.utf8.count <= limits.maxNameBytes }) else {
            throw StoreError(code: .invalidValue, message: "a credential is longer than \(limits.maxSealedBytes) bytes")
        }
    }

    /// Puts sealed values into their places; refuses with `retiredKey` what an older data key than the newest has sealed. Who gives the
    /// organization a new one could otherwise walk past a value that is sealed already and stored later.
    static func insert(
        _ secrets: [SealedSecret], owner: ConnectionID, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws {
        guard let oldest = secrets.map(\.keyVersion).min() else { return }
        // Changes nothing. Its row lock makes a new data key, which retires this row, wait for the end of this transaction; one that
        // came first is waited for here and seen below, because each statement reads what was committed before it.
        try await connection.execute(
            "UPDATE data_keys SET state = state WHERE organization_id = $1 AND version = $2", organization, oldest)
        let newer = try await connection.query(
            "SELECT version FROM data_keys WHERE organization_id = $1 AND version > $2 LIMIT 1", organization, oldest)
        guard newer.isEmpty else {
            throw StoreError(code: .retiredKey, message: "the organization got a new data key meanwhile; seal the credentials again")
        }
        for secret in secrets {
            try await connection.execute(
                "INSERT INTO sealed_secrets (organization_id, owner_id, name, key_version, sealed) VALUES ($1, $2, $3, $4, $5)",
                organization, owner, secret.name, secret.keyVersion, secret.sealed)
        }
    }
}
