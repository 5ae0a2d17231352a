import HTTPTypes
import Identity
import JSON
import Model

/// Policies of the caller's organization: what happens to calls of the tools that a pattern names.
extension Operation {
    static let policyOperations: [Operation] = [.policiesCreate, .policiesList, .policiesShow, .policiesUpdate, .policiesRemove]

    /// `POST /policies`.
    package static let policiesCreate = Operation(
        "policies.create", .post, "/policies", "Creates a policy; it binds every process within a second.", permission: .administer,
        body: Schemas.object(["pattern": Schemas.string, "action": PolicyPieces.action]),
        success: .init(.created, "The policy.", schema: PolicyPieces.schema)
    )

    /// `GET /policies`.
    package static let policiesList = Operation(
        "policies.list", .get, "/policies", "Lists the organization's policies.", permission: .read, parameters: [.limit, .cursor],
        success: .init(.ok, "A page of policies.", schema: Schemas.page(of: PolicyPieces.schema))
    )

    /// `GET /policies/{policy}`.
    package static let policiesShow = Operation(
        "policies.show", .get, "/policies/{policy}", "Shows a policy.", permission: .read, parameters: [PolicyPieces.id],
        success: .init(.ok, "The policy.", schema: PolicyPieces.schema)
    )

    /// `PATCH /policies/{policy}`.
    package static let policiesUpdate = Operation(
        "policies.update", .patch, "/policies/{policy}", "Changes a policy's action.", permission: .administer,
        parameters: [PolicyPieces.id],
        body: Schemas.object(["action": PolicyPieces.action]), success: .init(.ok, "The policy.", schema: PolicyPieces.schema)
    )

    /// `DELETE /policies/{policy}`.
    package static let policiesRemove = Operation(
        "policies.remove", .delete, "/policies/{policy}", "Removes a policy.", permission: .administer, parameters: [PolicyPieces.id],
        success: .init(.noContent, "It is gone.")
    )
}

/// What the operations on policies share.
private enum PolicyPieces {
    static let id = Operation.Parameter("policy", in: .path, "The policy's id.")
    static let action = Schemas.words(PolicyAction.allCases.map(\.rawValue))
    static let schema = Schemas.object([
        "id": Schemas.string, "pattern": Schemas.string, "action": action, "created_at": Schemas.time,
    ])
}
