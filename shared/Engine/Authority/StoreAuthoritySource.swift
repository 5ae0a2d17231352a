package import Model
package import Store

/// The rules of organizations as the store has them.
package struct StoreAuthoritySource: AuthoritySource {
    private let store: Store

    package init(store: Store) { self.store = store }

    /// Throws `notFound` for an organization that does not exist: it has no rules, not empty ones.
    package func revision(of organization: OrganizationID) async throws -> Int64 {
        guard let revision = try await self.store.organizations.revision(of: organization) else {
            throw StoreError(code: .notFound, message: "there is no such organization")
        }
        return revision
    }

    package func policies(of organization: OrganizationID) async throws -> [Policy] {
        try await self.store.policies.all(in: organization)
    }

    /// A key must not be revoked, and the account not disabled. A token of an issuer is checked on every request beside that, and lives on
    /// for as long as its issuer gave it.
    package func isActive(_ principal: Principal) async throws -> Bool {
        switch principal.method {
        case .apiKey(let key): try await self.store.keys.isActive(key, in: principal.organization)
        case .token, .execution: try await self.store.accounts.isActive(principal.account, in: principal.organization)
        }
    }
}
