import HTTPTypes
import Identity
import JSON
import Model

/// Integrations of the caller's organization.
extension Operation {
    static let integrationOperations: [Operation] = [
        .integrationsAdd, .integrationsUpload, .integrationsList, .integrationsShow, .integrationsRefresh, .integrationsFreeze,
        .integrationsUnfreeze, .integrationsRemove,
    ]

    /// `POST /integrations`.
    package static let integrationsAdd = Operation(
        "integrations.add", .post, "/integrations", "Adds an integration from an OpenAPI document, given by URL or as text.",
        permission: .administer,
        body: Schemas.object(
            [
                "slug": Schemas.string, "url": Schemas.string, "document": Schemas.string, "name": Schemas.string,
                "description": Schemas.string, "base_url": Schemas.string,
            ], optional: ["url", "document", "name", "description", "base_url"]),
        bodyBound: .document,
        success: .init(.created, "The integration, and what reading its document came to.", schema: IntegrationPieces.outcome)
    )

    /// `PUT /integrations/{integration}/document`.
    package static let integrationsUpload = Operation(
        "integrations.upload", .put, "/integrations/{integration}/document",
        "Uploads an OpenAPI document, JSON or YAML: a new integration of this slug, or new contents of the one there is.",
        permission: .administer, parameters: [IntegrationPieces.slug], takesDocument: true, bodyBound: .document,
        success: .init(.ok, "The integration with its new contents.", schema: IntegrationPieces.outcome),
        created: .init(.created, "The new integration.", schema: IntegrationPieces.outcome)
    )

    /// `GET /integrations`.
    package static let integrationsList = Operation(
        "integrations.list", .get, "/integrations", "Lists the organization's integrations.", permission: .read,
        parameters: [.limit, .cursor], success: .init(.ok, "A page of integrations.", schema: Schemas.page(of: IntegrationPieces.schema))
    )

    /// `GET /integrations/{integration}`.
    package static let integrationsShow = Operation(
        "integrations.show", .get, "/integrations/{integration}", "Shows an integration with its authentication methods.",
        permission: .read,
        parameters: [IntegrationPieces.slug], success: .init(.ok, "The integration.", schema: IntegrationPieces.detail)
    )

    /// `POST /integrations/{integration}/refresh`.
    package static let integrationsRefresh = Operation(
        "integrations.refresh", .post, "/integrations/{integration}/refresh", "Fetches the document again and rebuilds the tools.",
        permission: .administer, parameters: [IntegrationPieces.slug],
        success: .init(.ok, "The integration, and what reading its document came to.", schema: IntegrationPieces.outcome)
    )

    /// `POST /integrations/{integration}/freeze`.
    package static let integrationsFreeze = Operation(
        "integrations.freeze", .post, "/integrations/{integration}/freeze",
        "Lets no call of the integration's tools begin, in any process within a second. Calls that are under way go on.",
        permission: .administer, parameters: [IntegrationPieces.slug],
        success: .init(.ok, "The frozen integration.", schema: IntegrationPieces.schema)
    )

    /// `POST /integrations/{integration}/unfreeze`.
    package static let integrationsUnfreeze = Operation(
        "integrations.unfreeze", .post, "/integrations/{integration}/unfreeze", "Lets the calls of a frozen integration begin again.",
        permission: .administer, parameters: [IntegrationPieces.slug],
        success: .init(.ok, "The integration.", schema: IntegrationPieces.schema)
    )

    /// `DELETE /integrations/{integration}`.
    package static let integrationsRemove = Operation(
        "integrations.remove", .delete, "/integrations/{integration}", "Removes an integration with its connections.",
        permission: .administer, parameters: [IntegrationPieces.slug], success: .init(.noContent, "It is gone.")
    )
}

/// What the operations on integrations share.
private enum IntegrationPieces {
    static let slug = Operation.Parameter("integration", in: .path, "The integration's slug.")
    static let properties: JSONObject = [
        "id": Schemas.string, "slug": Schemas.string, "kind": Schemas.string, "name": Schemas.string, "description": Schemas.string,
        "tool_count": ["type": "integer"], "frozen_at": Schemas.nullableTime, "created_at": Schemas.time, "updated_at": Schemas.time,
    ]
    static let schema = Schemas.object(properties)
    static let detailProperties: JSONObject = {
        var all = properties
        all["auth_methods"] = [
            "type": "array", "items": Schemas.object(["slug": Schemas.string, "variables": ["type": "array", "items": Schemas.string]]),
        ]
        for name in ["server", "document_url"] { all[name] = Schemas.nullableString }
        for name in ["can_remove", "can_refresh"] { all[name] = ["type": "boolean"] }
        return all
    }()
    static let detail = Schemas.object(detailProperties)
    static let outcome: JSONValue = {
        var all = detailProperties
        for name in ["added_tools", "removed_tools", "faults"] { all[name] = ["type": "array", "items": Schemas.string] }
        all["unlisted_fault_count"] = ["type": "integer"]
        return Schemas.object(all)
    }()
}
