import Model

/// What a route or engine verb needs. Every route names one, and ``Authorization`` says who has it.
package enum Permission: String, Sendable, Hashable, CaseIterable {
    /// Speak MCP: open, use and close one's own sessions.
    case mcp
    /// Read the organization's integrations, connections (never their values), tools, policies, and one's own executions and sessions.
    case read
    /// Read other people's executions and sessions in the organization.
    case readOthers = "read_others"
    /// Start an execution.
    case run
    /// Cancel one's own execution.
    case cancelOwn = "cancel_own"
    /// Read which keys the organization has.
    case readKeys = "read_keys"
    /// Change policies, keys, connections, integrations, and other people's executions and sessions.
    case administer
    /// Create and list organizations.
    case installOrganizations = "install_organizations"
}

/// Who may do what: the one table that every route and verb asks.
package enum Authorization {
    /// What the caller may do at most. Whose data it may do it to is a question of organization and ownership, not of this table.
    package static func permissions(of caller: Caller) -> Set<Permission> {
        switch caller {
        case .installation:
            return [.installOrganizations]
        case .principal(let principal):
            switch (principal.method, principal.role) {
            // From inside an execution nothing is changed and nothing started, whoever runs it: a program that an agent wrote must not
            // widen what the agent may do.
            case (.execution, .agent): return [.read]
            case (.execution, .admin): return [.read, .readOthers]
            case (.apiKey, .agent), (.token, .agent): return [.mcp, .read, .run, .cancelOwn]
            case (.apiKey, .admin), (.token, .admin): return [.mcp, .read, .readOthers, .run, .cancelOwn, .readKeys, .administer]
            }
        }
    }

    /// Whether the caller may.
    package static func allows(_ permission: Permission, to caller: Caller) -> Bool {
        self.permissions(of: caller).contains(permission)
    }

    /// Throws `forbidden` with the reason unless the caller may.
    package static func require(_ permission: Permission, of caller: Caller) throws(IdentityError) {
        guard !self.allows(permission, to: caller) else { return }
        throw IdentityError(.forbidden, self.reason(permission, caller))
    }

    private static func reason(_ permission: Permission, _ caller: Caller) -> String {
        switch (caller, permission) {
        case (.installation, _):
            "The installation key creates and lists organizations; use a key of the organization for this."
        case (_, .installOrganizations):
            "Creating and listing organizations needs the installation key."
        case (.principal(let principal), .run) where principal.isExecution, (.principal(let principal), .mcp) where principal.isExecution:
            "An execution cannot start another one."
        case (.principal(let principal), _) where principal.isExecution:
            "Calls from inside an execution can read, and neither change anything nor read keys."
        default:
            "This needs an admin key of the organization."
        }
    }
}
