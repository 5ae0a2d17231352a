/// Who acts: an account within an organization, and how it proved itself.
///
/// Every call that touches an organization's data carries one. Two principals are the same for ownership (of sessions and executions)
/// when ``owner`` is equal, whichever key they used.
package struct Principal: Sendable, Hashable {
    /// What a principal may do at most; routes and engine check it, policies narrow it further.
    package enum Role: String, Sendable, Hashable, CaseIterable {
        /// Runs programs over MCP and REST, reads, and cancels its own executions.
        case agent
        /// All of that, and the rest of REST in its own organization.
        case admin
    }

    /// How the principal signed in.
    package enum Method: Sendable, Hashable {
        /// With an API key.
        case apiKey(APIKeyID)
        /// With a bearer token of a configured issuer.
        case token(issuer: String, subject: String)
        /// From inside an execution, with the token that Roost made for one call. Changing verbs refuse it, whatever the role.
        case execution(ExecutionID)
    }

    /// What owns sessions and executions.
    package struct Owner: Sendable, Hashable {
        package let organization: OrganizationID
        package let account: AccountID

        package init(organization: OrganizationID, account: AccountID) {
            self.organization = organization
            self.account = account
        }
    }

    package let organization: OrganizationID
    package let account: AccountID
    package let role: Role
    package let method: Method

    package init(organization: OrganizationID, account: AccountID, role: Role, method: Method) {
        self.organization = organization
        self.account = account
        self.role = role
        self.method = method
    }

    /// The identity that owns what this principal makes.
    package var owner: Owner { Owner(organization: self.organization, account: self.account) }

    /// Whether the principal acts from inside an execution.
    package var isExecution: Bool {
        if case .execution = self.method { true } else { false }
    }
}
