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

    /// Replaces the sealed values of a connection.
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

    /// Whether any organization has a sealed value: a vault makes a new key only when nothing was sealed with another. Crosses
    /// organizations and returns nothing of theirs.
    package func existAny() async throws -> Bool {
        try await self.someKeyVersion() != nil
    }

    /// The key version of some sealed value of any organization, nil when there is none: a vault that starts with another key than the one
    /// that sealed them refuses. Crosses organizations and returns nothing of theirs.
    package func someKeyVersion() async throws -> Int? {
        try await self.context.ask(.sealingKeyVersion).first?.single()
    }

    static func check(_ secrets: [SealedSecret], limits: StoreLimits) throws(StoreError) {
        guard secrets.count <= limits.maxSecretsPerOwner else {
            throw StoreError(code: .limitReached, message: "a connection holds at most \(limits.maxSecretsPerOwner) credentials")
        }
        guard secrets.allSatisfy({ $0.sealed.count <= limits.maxSealedBytes && $0.name.utf8.count <= limits.maxNameBytes }) else {
            throw StoreError(code: .invalidValue, message: "a credential is longer than \(limits.maxSealedBytes) bytes")
        }
    }

    static func insert(
        _ secrets: [SealedSecret], owner: ConnectionID, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws {
        for secret in secrets {
            try await connection.execute(
                "INSERT INTO sealed_secrets (organization_id, owner_id, name, key_version, sealed) VALUES ($1, $2, $3, $4, $5)",
                organization, owner, secret.name, secret.keyVersion, secret.sealed)
        }
    }
}
