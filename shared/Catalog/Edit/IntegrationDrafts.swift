package import Model
package import OpenAPI
package import Vault

/// What somebody wants to add as an integration.
package struct NewIntegration: Sendable {
    package var source: DocumentSource
    /// Nil for one made from the document's title.
    package var slug: String?
    /// Nil for the document's title.
    package var name: String?
    /// Nil for the document's own words.
    package var description: String?
    /// Where calls go instead of the document's servers.
    package var baseURL: String?

    package init(
        source: DocumentSource, slug: String? = nil, name: String? = nil, description: String? = nil, baseURL: String? = nil
    ) {
        self.source = source
        self.slug = slug
        self.name = name
        self.description = description
        self.baseURL = baseURL
    }
}

/// What somebody wants to add as a connection.
package struct NewConnection: Sendable {
    package var integration: IntegrationID
    package var owner: ToolAddress.Owner
    /// Whose it is; counts when ``owner`` is the user.
    package var account: AccountID
    package var name: String
    /// The slug of a way to sign in; nil for the integration's first.
    package var method: String?
    /// The credentials by variable. They are sealed and never read again but for calls.
    package var credentials: [String: Secret]
    /// Secrets that the installation provides, by variable, in the place of credentials.
    package var references: [String: SecretReference]
    /// Where this connection's calls go instead of the integration's server.
    package var baseURL: String?

    package init(
        integration: IntegrationID, owner: ToolAddress.Owner, account: AccountID, name: String, method: String? = nil,
        credentials: [String: Secret] = [:], references: [String: SecretReference] = [:],
        baseURL: String? = nil
    ) {
        self.integration = integration
        self.owner = owner
        self.account = account
        self.name = name
        self.method = method
        self.credentials = credentials
        self.references = references
        self.baseURL = baseURL
    }
}

/// An integration as people see it. Its configuration's secrets do not exist: it names credentials and holds none.
package struct IntegrationDetails: Sendable {
    package let integration: Integration
    package let authMethods: [AuthMethod]
    /// Where calls go unless a connection says otherwise; nil when that is not known.
    package let server: String?
    /// Where the document is read again; nil when it was handed in.
    package let documentURL: String?
    package let canRemove: Bool
    /// Whether a refresh needs no new document.
    package let canRefresh: Bool
}

/// What reading a document led to.
package struct IngestOutcome: Sendable {
    package let integration: IntegrationDetails
    /// Names of the tools that were not there before, in order.
    package let addedTools: [String]
    /// Names of the tools that are no longer there, in order.
    package let removedTools: [String]
    /// What of the document was left out.
    package let faults: [IngestFault]
    /// How many faults are not listed.
    package let unlistedFaultCount: Int
}
