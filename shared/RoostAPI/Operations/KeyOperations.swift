import HTTPTypes
import Identity
import JSON
import Model

/// API keys of the caller's organization. Nobody can read a key again; agents and executions can read nothing about keys at all.
extension Operation {
    static let keyOperations: [Operation] = [.keysCreate, .keysList, .keysRevoke]

    /// `POST /keys`.
    package static let keysCreate = Operation(
        "keys.create", .post, "/keys", "Creates an API key, which is shown only here.", permission: .administer,
        body: Schemas.object(["name": Schemas.string, "role": Schemas.words(Principal.Role.allCases.map(\.rawValue))]),
        success: .init(.created, "The key.", schema: Schemas.object(["key": Schemas.string, "record": KeyPieces.schema]))
    )

    /// `GET /keys`.
    package static let keysList = Operation(
        "keys.list", .get, "/keys", "Lists the organization's API keys, revoked ones too, without the keys themselves.",
        permission: .readKeys, parameters: [.limit, .cursor],
        success: .init(.ok, "A page of keys.", schema: Schemas.page(of: KeyPieces.schema))
    )

    /// `DELETE /keys/{key}`.
    package static let keysRevoke = Operation(
        "keys.revoke", .delete, "/keys/{key}", "Revokes an API key for good.", permission: .administer,
        parameters: [.init("key", in: .path, "The key's id.")], success: .init(.ok, "The revoked key.", schema: KeyPieces.schema)
    )
}

/// What the operations on keys share.
private enum KeyPieces {
    static let schema = Schemas.object([
        "id": Schemas.string, "account": Schemas.string, "role": Schemas.string, "name": Schemas.string, "created_at": Schemas.time,
        "revoked_at": Schemas.nullableTime, "last_used_at": Schemas.nullableTime,
    ])
}
