/// A configured source of tools.
package struct Integration: Sendable, Hashable {
    /// What kind of source it is, which decides the plugin that reads it and makes its calls.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case openAPI = "openapi"
        /// Roost's own REST API, present in every organization; acts as the calling principal.
        case roost
    }

    package let id: IntegrationID
    /// Unique within the organization; the first segment of its tools' addresses.
    package let slug: String
    package let kind: Kind
    package let name: String
    package let description: String
    /// How many tools the last ingest found.
    package let toolCount: Int
    /// Since when an admin lets no call of its tools begin; nil while they may.
    package let frozenAt: Timestamp?
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    package init(
        id: IntegrationID, slug: String, kind: Kind, name: String, description: String, toolCount: Int, frozenAt: Timestamp? = nil,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.slug = slug
        self.kind = kind
        self.name = name
        self.description = description
        self.toolCount = toolCount
        self.frozenAt = frozenAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
