/// An organization: the tenant that owns everything else.
package struct OrganizationID: PublicID {
    package static let prefix = "org_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// Who acts within an organization: a person or a program with keys.
package struct AccountID: PublicID {
    package static let prefix = "acc_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// A configured source of tools.
package struct IntegrationID: PublicID {
    package static let prefix = "int_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One set of credentials on an integration.
package struct ConnectionID: PublicID {
    package static let prefix = "con_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One policy rule.
package struct PolicyID: PublicID {
    package static let prefix = "pol_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One run of agent code.
package struct ExecutionID: PublicID {
    package static let prefix = "exe_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One API key; the key itself is never stored.
package struct APIKeyID: PublicID {
    package static let prefix = "key_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One process of either service, from its start to its end.
package struct ReplicaID: PublicID {
    package static let prefix = "rep_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// The public name of one MCP session in lists; not the session id, which is a credential's companion and stays secret.
package struct SessionRecordID: PublicID {
    package static let prefix = "ses_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}

/// One stream of one MCP session that its client can take up again; part of the event ids that the client is given.
package struct SessionStreamID: PublicID {
    package static let prefix = "str_"
    package let rawValue: String

    package init(trusted rawValue: String) { self.rawValue = rawValue }
}
