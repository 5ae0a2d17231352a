/// One set of credentials on an integration. The credentials themselves are sealed elsewhere and never part of this value.
package struct Connection: Sendable, Hashable {
    package let id: ConnectionID
    package let integration: IntegrationID
    package let owner: ToolAddress.Owner
    /// The person it belongs to; nil when it is the organization's.
    package let account: AccountID?
    /// The third segment of tool addresses, unique per integration and owner.
    package let name: String
    /// The slug of the integration's authentication method that it uses; `none` when the API needs no credentials.
    package let method: String
    package let createdAt: Timestamp

    package init(
        id: ConnectionID, integration: IntegrationID, owner: ToolAddress.Owner, account: AccountID?, name: String, method: String,
        createdAt: Timestamp
    ) {
        self.id = id
        self.integration = integration
        self.owner = owner
        self.account = account
        self.name = name
        self.method = method
        self.createdAt = createdAt
    }
}
