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
    ///   - versions: the form that records are written in; only tests of two versions side by side have another one.
    package init(database: any Database, limits: StoreLimits = StoreLimits(), writing versions: RecordVersions = .current) {
        self.limits = limits
        self.context = StoreContext(database: database, limits: limits, versions: versions)
    }

    /// Brings the schema up to date; safe when several processes start at once. Returns the ids of the steps that it took.
    ///
    /// On PostgreSQL it is for the role that owns the tables, which no service connects as, and gives the services' role its rights.
    ///
    /// - Parameter serviceRole: the PostgreSQL role that services connect as; made when it is missing and the caller may make roles.
    @discardableResult
    package func migrate(serviceRole: String = Store.defaultServiceRole) async throws -> [String] {
        let database = self.context.database
        guard database.dialect == .postgreSQL else { return try await Migrations(Schema.migrations).run(on: database) }
        let wall = try TenantWall(role: serviceRole)
        return try await Migrations(Schema.migrations).run(on: database) { try await wall.raise(on: $0) }
    }

    /// What a service calls before anything else: sees to it that the database is one that it can use, or throws.
    ///
    /// On SQLite it brings the schema up to date, because the file is the service's own. On PostgreSQL it refuses a schema that is not
    /// up to date, and a role for which the wall between organizations does not stand.
    package func prepare() async throws {
        switch self.context.database.dialect {
        case .sqlite: try await self.migrate()
        case .postgreSQL: try await ServiceAccess(database: self.context.database).check()
        }
    }

    /// The PostgreSQL role that services connect as, unless the installation names another.
    package static let defaultServiceRole = "roost_service"

    /// Whether the database holds every step of this version's schema, and none of a later one.
    package func isMigrated() async throws -> Bool {
        do {
            return try await Migrations(Schema.migrations).isCurrent(on: self.context.database)
        } catch let error as DatabaseError where error.code == .invalidStatement {
            // There is no table of stamps in a new database.
            return false
        }
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
    /// Streams of MCP sessions that clients may take up again.
    package var sessionStreams: SessionStreamRepository { SessionStreamRepository(context: self.context) }
    /// Configured sources.
    package var integrations: IntegrationRepository { IntegrationRepository(context: self.context) }
    /// Tools, their schemas and bindings.
    package var tools: ToolRepository { ToolRepository(context: self.context) }
    /// Connections.
    package var connections: ConnectionRepository { ConnectionRepository(context: self.context) }
    /// Sealed credentials.
    package var secrets: SecretRepository { SecretRepository(context: self.context) }
    /// The wrapped keys under which credentials are sealed.
    package var dataKeys: DataKeyRepository { DataKeyRepository(context: self.context) }
    /// Policies.
    package var policies: PolicyRepository { PolicyRepository(context: self.context) }
    /// Runs of agent code.
    package var executions: ExecutionRepository { ExecutionRepository(context: self.context) }
    /// The tool calls of executions.
    package var calls: ExecutionCallRepository { ExecutionCallRepository(context: self.context) }
    /// Stored documents.
    package var blobs: BlobRepository { BlobRepository(context: self.context) }
}
