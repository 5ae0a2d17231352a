package import Database

/// All of an installation's state, as repositories of plain values over one database.
///
/// Every call takes the organization whose rows it may see and change; what crosses organizations says so in its comment and returns
/// no tenant data. A call that changes something is acknowledged when it returns: the change then survives any crash.
/// Repositories hold no state of their own, so that a store is as cheap to pass around as the database it stands on.
package struct Store: Sendable {
    /// The bounds that the repositories enforce.
    package let limits: StoreLimits
    private let context: StoreContext

    /// - Parameters:
    ///   - database: brought up to date by ``migrate()`` of this or another process.
    ///   - limits: the same in every process of an installation.
    package init(database: any Database, limits: StoreLimits = StoreLimits()) {
        self.limits = limits
        self.context = StoreContext(database: database, limits: limits)
    }

    /// Brings the schema up to date; safe when several processes start at once. Returns the ids of the steps that it took.
    @discardableResult
    package func migrate() async throws -> [String] {
        try await Migrations(Schema.migrations).run(on: self.context.database)
    }

    /// Tenants and their revisions.
    package var organizations: OrganizationRepository { OrganizationRepository(context: self.context) }
    /// Who acts within an organization.
    package var accounts: AccountRepository { AccountRepository(context: self.context) }
    /// API keys.
    package var keys: KeyRepository { KeyRepository(context: self.context) }
    /// Running processes of both services.
    package var replicas: ReplicaRepository { ReplicaRepository(context: self.context) }
    /// MCP sessions.
    package var sessions: SessionRepository { SessionRepository(context: self.context) }
    /// Configured sources.
    package var integrations: IntegrationRepository { IntegrationRepository(context: self.context) }
    /// Tools, their schemas and bindings.
    package var tools: ToolRepository { ToolRepository(context: self.context) }
    /// Connections.
    package var connections: ConnectionRepository { ConnectionRepository(context: self.context) }
    /// Sealed credentials.
    package var secrets: SecretRepository { SecretRepository(context: self.context) }
    /// Policies.
    package var policies: PolicyRepository { PolicyRepository(context: self.context) }
    /// Runs of agent code.
    package var executions: ExecutionRepository { ExecutionRepository(context: self.context) }
    /// Stored documents.
    package var blobs: BlobRepository { BlobRepository(context: self.context) }
}
