import Database
import Model

/// What every repository works with.
struct StoreContext: Sendable {
    let database: any Database
    let limits: StoreLimits
    /// The form that records are written in.
    var versions = RecordVersions.current

    /// Statements about one organization, each committing alone.
    func connection(_ organization: OrganizationID) -> any DatabaseConnection {
        self.database.connection(in: .organization(organization))
    }

    /// Statements that cross organizations and return nothing of theirs but ids.
    var installation: any DatabaseConnection { self.database.connection(in: .installation) }

    /// The one place in which policies, connections, integrations, keys and members change: raises the organization's revision and
    /// runs `body` in the same transaction. Every process compares revisions, so that a change made elsewhere would bind nobody.
    ///
    /// The revision is raised first: on PostgreSQL its row lock puts the organization's changes in a line, which makes counts
    /// checked by ``ensureRoom(for:of:limit:on:)`` exact. Whoever listens is told the organization's id, so that a change binds at once
    /// and not when the other processes compare the next time.
    func change<Result: Sendable>(
        _ organization: OrganizationID, _ body: (any DatabaseConnection) async throws -> Result
    ) async throws -> Result {
        try await self.refusing {
            try await self.database.transaction(in: .organization(organization)) { connection in
                let raised = try await connection.execute(
                    "UPDATE organization_revisions SET revision = revision + 1 WHERE organization_id = $1", organization)
                guard raised == 1 else { throw StoreError(code: .notFound, message: "there is no such organization") }
                let result = try await body(connection)
                try await self.database.announce(organization.rawValue, on: .revisions, over: connection)
                return result
            }
        }
    }

    /// Turns violated constraints into refusals that say what is wrong in Roost's words.
    func refusing<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as DatabaseError {
            switch error.code {
            case .uniqueViolation:
                throw StoreError(code: .alreadyExists, message: Self.messages[error.constraint ?? ""] ?? "such a row exists already")
            case .foreignKeyViolation:
                throw StoreError(code: .notFound, message: "something that the row refers to does not exist in this organization")
            case .checkViolation, .notNullViolation:
                throw StoreError(code: .invalidValue, message: "a value is not one that its field admits")
            case .invalidValue: throw StoreError(code: .invalidValue, message: "a text holds a NUL character")
            default: throw error
            }
        }
    }

    /// Refuses when a table already holds `limit` of the organization's rows, as counted by `statement`.
    func ensureRoom(
        for what: String, limit: Int, on connection: any DatabaseConnection, _ statement: Statement, _ organization: OrganizationID
    ) async throws {
        guard let row = try await connection.query(statement, organization).first else { return }
        var reader = row.reader()
        let count: Int = try reader.next()
        guard count < limit else {
            throw StoreError(code: .limitReached, message: "the organization has \(limit) \(what), which is the limit; remove some first")
        }
    }

    /// Refuses a text that is too long.
    func check(_ text: String?, _ field: String, maxBytes: Int) throws(StoreError) {
        guard (text?.utf8.count ?? 0) <= maxBytes else {
            throw StoreError(code: .invalidValue, message: "\(field) is longer than \(maxBytes) bytes")
        }
    }

    private static let messages = [
        "organizations_slug": "an organization with this slug exists already",
        "accounts_identity": "an account with this issuer and subject exists already",
        "integrations_slug": "an integration with this slug exists already",
        "connections_address": "a connection with this name exists already on the integration for this owner",
        "api_keys_hash": "this key exists already",
        "installation_keys_hash": "this key exists already",
    ]
}

extension DatabaseConnection {
    /// The only or first row of a result as a record; nil when there is none.
    func first<Record>(_ statement: Statement, _ parameters: any DatabaseConvertible..., as make: (DatabaseRow) throws -> Record)
        async throws
        -> Record?
    {
        try await self.query(statement, values: parameters.map(\.databaseValue)).first.map(make)
    }

    /// Every row of a result as a record.
    func all<Record>(_ statement: Statement, _ parameters: any DatabaseConvertible..., as make: (DatabaseRow) throws -> Record) async throws
        -> [Record]
    {
        try await self.query(statement, values: parameters.map(\.databaseValue)).map(make)
    }
}

extension DatabaseRow {
    /// The only column of a row.
    func single<Value: DatabaseConvertible>(_: Value.Type = Value.self) throws -> Value {
        var reader = self.reader()
        return try reader.next()
    }
}

extension Duration {
    /// Whole microseconds, the unit in which the database keeps time.
    var microseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
