package import Database
package import Model
package import Store

/// Runs `body` with an empty SQLite database in a folder of its own; both are gone afterwards.
package func withTemporaryDatabase<Result>(
    _ configuration: SQLiteConfiguration = SQLiteConfiguration(), _ body: (SQLiteDatabase) async throws -> Result
) async throws -> Result {
    try await withTemporaryFolder { folder in
        let database = try await SQLiteDatabase.open(path: "\(folder)/data/roost.db", configuration: configuration)
        do {
            let result = try await body(database)
            try await database.close()
            return result
        } catch {
            try? await database.close()
            throw error
        }
    }
}

/// An organization with an account and a running replica, the least that sessions and executions need.
package struct TestTenant: Sendable {
    package let organization: Organization
    package let account: Account
    package let replica: Replica

    /// The account with a made-up agent key.
    package var principal: Principal {
        Principal(organization: self.organization.id, account: self.account.id, role: .agent, method: .apiKey(Self.key))
    }

    /// What the replica's writes carry.
    package var lease: ReplicaLease { self.replica.lease }

    private static let key = APIKeyID()
}

extension Store {
    /// Makes an organization named `name` with an account, and registers a replica.
    package func makeTenant(_ name: String = "acme", kind: Replica.Kind = .sessionService) async throws -> TestTenant {
        let organization = try await self.organizations.create(name: name, slug: name)
        return TestTenant(
            organization: organization, account: try await self.accounts.create(in: organization.id, name: "\(name)'s agent"),
            replica: try await self.replicas.register(ReplicaID(), kind: kind, address: "127.0.0.1:1", version: "test"))
    }
}
