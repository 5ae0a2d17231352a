package import Engine
package import Logging
package import Model
package import Sandbox
package import Store

/// What knows no request and no session: one for a process, shared by every stack made in it.
package struct CoreServices: Sendable {
    let sandbox: any SandboxRunning
    let catalogs: any StackCatalogs
    let authority: AuthorityCache
    let owner: ExecutionOwner
    let limits: EngineLimits
    let logger: Logger

    /// Takes services that run elsewhere: whoever makes them runs the sandbox and the owner, and ends them after the last stack.
    package init(
        sandbox: any SandboxRunning, catalogs: any StackCatalogs, authority: AuthorityCache, owner: ExecutionOwner,
        limits: EngineLimits = EngineLimits(), logger: Logger
    ) {
        self.sandbox = sandbox
        self.catalogs = catalogs
        self.authority = authority
        self.owner = owner
        self.limits = limits
        self.logger = logger
    }

    /// How many executions run in this process now: a measure of its load.
    package var runningExecutions: Int { self.owner.runningCount }
}

/// What a stack is made from: the core, and what belongs to the request or the session. The gateway has one form of it, the
/// session-service another, and nothing else may differ between the two ways to a run.
package protocol StackServices: Sendable {
    var core: CoreServices { get }
    /// Access to the database for this request or session.
    var store: Store { get }
}

/// Gives out one organization's catalog as one principal sees it.
package protocol StackCatalogs: Sendable {
    func catalog(for principal: Principal, store: Store) async throws -> any StackCatalog
}

/// A catalog as a stack needs it: what the engine asks for, and what an agent is told beforehand.
package protocol StackCatalog: EngineCatalog {
    /// The integrations on which the principal has a connection that shows at least one tool, sorted by slug, at most `limit`; and how
    /// many there are.
    func inventory(limit: Int, under rules: AuthoritySnapshot) async throws -> (items: [InventoryItem], total: Int)
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
