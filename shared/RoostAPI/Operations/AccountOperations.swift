import HTTPTypes
import Identity
import JSON
import Model

/// Accounts of the caller's organization: who there is, and who may not act any more.
extension Operation {
    static let accountOperations: [Operation] = [.accountsList, .accountsDisable, .accountsEnable]

    /// `GET /accounts`.
    package static let accountsList = Operation(
        "accounts.list", .get, "/accounts", "Lists the organization's accounts, disabled ones too.", permission: .administer,
        parameters: [.limit, .cursor], success: .init(.ok, "A page of accounts.", schema: Schemas.page(of: AccountPieces.schema))
    )

    /// `POST /accounts/{account}/disable`.
    package static let accountsDisable = Operation(
        "accounts.disable", .post, "/accounts/{account}/disable",
        "Lets nobody act as an account, with whatever key or token: its requests are refused within a second, its sessions, streams and "
            + "runs end within five.",
        permission: .administer, parameters: [AccountPieces.account],
        success: .init(.ok, "The disabled account.", schema: AccountPieces.schema)
    )

    /// `POST /accounts/{account}/enable`.
    package static let accountsEnable = Operation(
        "accounts.enable", .post, "/accounts/{account}/enable", "Lets its holder act as a disabled account again.",
        permission: .administer, parameters: [AccountPieces.account],
        success: .init(.ok, "The account.", schema: AccountPieces.schema)
    )
}

/// What the operations on accounts share.
private enum AccountPieces {
    static let account = Operation.Parameter("account", in: .path, "The account's id.")
    static let schema = Schemas.object([
        "id": Schemas.string, "name": Schemas.string, "issuer": Schemas.nullableString, "subject": Schemas.nullableString,
        "disabled_at": Schemas.nullableTime, "created_at": Schemas.time,
    ])
}
