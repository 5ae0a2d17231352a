package import Model
package import Policies

/// Where the rules of organizations are kept; the database, in the services.
package protocol AuthoritySource: Sendable {
    /// The organization's revision number, which rises with every change to policies, connections, integrations, keys and members.
    func revision(of organization: OrganizationID) async throws -> Int64

    /// All policies of the organization.
    func policies(of organization: OrganizationID) async throws -> [Policy]

    /// Whether the principal may still act: its key, for example, is not revoked.
    func isActive(_ principal: Principal) async throws -> Bool
}

/// The rules of one organization as they were at one revision.
package struct AuthoritySnapshot: Sendable {
    package let organization: OrganizationID
    package let revision: Int64
    package let policies: PolicySet
    /// Whether the principal that asked may still act.
    package let isPrincipalActive: Bool

    package init(organization: OrganizationID, revision: Int64, policies: PolicySet, isPrincipalActive: Bool) {
        self.organization = organization
        self.revision = revision
        self.policies = policies
        self.isPrincipalActive = isPrincipalActive
    }
}
