package import Catalog
package import Engine
package import Logging
package import Model
package import Sandbox
package import Store

/// What knows no request and no session: one for a process, shared by every stack made in it.
package struct CoreServices: Sendable {
    let sandbox: any SandboxRunning
    let catalog: @Sendable (Principal) async throws -> any StackCatalog
    let authority: AuthorityCache
    let owner: ExecutionOwner
    let limits: EngineLimits
    let logger: Logger

    /// Takes services that run elsewhere: whoever makes them runs the sandbox and the owner, and ends them after the last stack.
    package init(
        sandbox: any SandboxRunning, catalog: Catalog, authority: AuthorityCache, owner: ExecutionOwner,
        limits: EngineLimits = EngineLimits(), logger: Logger
    ) {
        self.init(
            sandbox: sandbox, catalog: { PrincipalCatalog(catalog: catalog, principal: $0) }, authority: authority, owner: owner,
            limits: limits, logger: logger)
    }

    /// The same with another way to a principal's catalog.
    package init(
        sandbox: any SandboxRunning, catalog: @escaping @Sendable (Principal) async throws -> any StackCatalog, authority: AuthorityCache,
        owner: ExecutionOwner, limits: EngineLimits = EngineLimits(), logger: Logger
    ) {
        self.sandbox = sandbox
        self.catalog = catalog
        self.authority = authority
        self.owner = owner
        self.limits = limits
        self.logger = logger
    }

    /// How many executions run in this process now: a measure of its load.
    package var runningExecutions: Int { self.owner.runningCount }

    /// Refuses a principal that may not act any more. As fresh as the rules of a tool call, and from memory as often as those are.
    ///
    /// - Throws: ``ExecutionStackError`` when the principal's key was revoked, or that cannot be found out.
    package func checkStanding(of principal: Principal) async throws(ExecutionStackError) {
        let isActive: Bool
        do {
            isActive = try await self.authority.isActive(principal)
        } catch {
            throw .unavailable(error)
        }
        guard isActive else {
            throw ExecutionStackError(code: .revoked, message: "The key was revoked. Sign in with another one.")
        }
    }

    /// Reads an organization's rules anew for whatever is asked next, because they were heard to have changed.
    package func forgetRules(of organization: OrganizationID) { self.authority.forget(organization) }
}

/// What a stack is made from: the core, and what belongs to the request or the session. The gateway has one form of it, the
/// session-service another, and nothing else may differ between the two ways to a run.
package protocol StackServices: Sendable {
    var core: CoreServices { get }
    /// Access to the database for this request or session.
    var store: Store { get }
}

/// A catalog as a stack needs it: what the engine asks for, and what an agent is told beforehand.
package protocol StackCatalog: EngineCatalog {
    /// The integrations on which the principal has a connection that shows at least one tool, sorted by slug, at most `limit`; and how
    /// many there are.
    func inventory(limit: Int, under rules: AuthoritySnapshot) async throws -> (items: [InventoryItem], total: Int)

    /// The tools that the principal can call, in the order of addresses, without blocked ones.
    func tools(
        integration: String?, after: ToolAddress?, limit: Int, under rules: AuthoritySnapshot
    ) async throws -> (tools: [ListedTool], hasMore: Bool)

    /// Reads what the first search needs, unless it was read before. `revision` is asked for only then.
    func prepareSearch(revision: @escaping @Sendable () async throws -> Int64) async throws

    /// One tool with its schemas; nil when there is none or it is blocked.
    func details(of address: ToolAddress, under rules: AuthoritySnapshot) async throws -> ToolDetails?
}

extension StackCatalog {
    /// There is nothing to read.
    package func prepareSearch(revision: @escaping @Sendable () async throws -> Int64) async throws {}
}

/// An integration as the description of `execute` names it.
package struct InventoryItem: Sendable, Hashable {
    package let slug: String
    package let name: String

    package init(slug: String, name: String) {
        self.slug = slug
        self.name = name
    }
}
