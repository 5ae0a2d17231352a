import HTTPTypes
import Identity
import JSON
import Model

/// Organizations. Creating and listing them is the installation key's; an organization's own keys may look at their own.
extension Operation {
    static let organizationOperations: [Operation] = [.organizationsCreate, .organizationsList, .organizationsCurrent]

    /// `POST /organizations`.
    package static let organizationsCreate = Operation(
        "organizations.create", .post, "/organizations", "Creates an organization with its first admin key, which is shown only here.",
        permission: .installOrganizations,
        body: Schemas.object(["slug": Schemas.string, "name": Schemas.string]),
        success: .init(
            .created, "The organization and its admin key.",
            schema: Schemas.object(["organization": OrganizationPieces.schema, "admin_key": Schemas.string]))
    )

    /// `GET /organizations`.
    package static let organizationsList = Operation(
        "organizations.list", .get, "/organizations", "Lists all organizations of the installation.", permission: .installOrganizations,
        parameters: [.limit, .cursor], success: .init(.ok, "A page of organizations.", schema: Schemas.page(of: OrganizationPieces.schema))
    )

    /// `GET /organization`.
    package static let organizationsCurrent = Operation(
        "organizations.current", .get, "/organization", "Shows the caller's own organization.", permission: .read,
        success: .init(.ok, "The organization.", schema: OrganizationPieces.schema)
    )
}

/// What the operations on organizations share.
private enum OrganizationPieces {
    static let schema = Schemas.object([
        "id": Schemas.string, "slug": Schemas.string, "name": Schemas.string, "created_at": Schemas.time,
    ])
}
