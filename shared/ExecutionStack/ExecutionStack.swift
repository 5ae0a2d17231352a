import Engine
package import JSON
package import Model
import Store

/// Everything that an organization can run, for one principal: its catalog and the engine, policed and recorded.
///
/// ``make(scope:services:)`` is the only way from an organization to a run. The gateway calls it for a request and the session-service
/// for a session; because neither can build an engine any other way, the two cannot drift apart.
package struct ExecutionStack: Sendable {
    /// For whom it was made.
    package let scope: ExecutionScope

    let catalog: any StackCatalog
    let core: CoreServices
    let store: Store
    private let engine: Engine

    /// Makes the stack of a principal. It holds nothing that would have to be released, also when it fails half way.
    ///
    /// - Throws: ``ExecutionStackError`` when the principal's key was revoked, or the organization's rules and catalog cannot be read.
    package static func make(
        scope: ExecutionScope, services: some StackServices
    ) async throws(ExecutionStackError) -> ExecutionStack {
        let core = services.core
        try await core.checkStanding(of: scope.principal)
        let catalog: any StackCatalog
        do {
            catalog = try await core.catalog(scope.principal)
        } catch {
            throw .unavailable(error)
        }
        return ExecutionStack(scope: scope, core: core, store: services.store, catalog: catalog)
    }

    private init(scope: ExecutionScope, core: CoreServices, store: Store, catalog: any StackCatalog) {
        self.scope = scope
        self.core = core
        self.store = store
        self.catalog = catalog
        let (client, session): (ExecutionRecord.Client, SessionRecordID?) =
            switch scope.client {
            case .rest: (.rest, nil)
            case .mcp(let session): (.mcp, session)
            }
        self.engine = Engine(
            scope: Engine.Scope(principal: scope.principal, client: client, session: session),
            services: Engine.Services(
                sandbox: core.sandbox, catalog: catalog, authority: core.authority, owner: core.owner, logger: core.logger),
            limits: core.limits)
    }

    /// Reads what the first search will need, so that it need not wait; for the background. A failure shows when somebody searches.
    package func prepareSearch() async {
        let (authority, principal) = (self.core.authority, self.scope.principal)
        try? await self.catalog.prepareSearch { try await authority.snapshot(for: principal).revision }
    }

    // MARK: Running

    /// Runs a program and says what became of it. Cancelling the task stops the run, which then ends `cancelled`.
    ///
    /// - Parameters:
    ///   - timeLimit: How long the caller waits; a program that takes longer is stopped and fails with `call_timeout`.
    ///   - execution: What the execution is called. One that is there already is not run again.
    package func execute(
        _ code: String, within timeLimit: Duration? = nil, as execution: ExecutionID = ExecutionID()
    ) async throws(ExecutionStackError) -> ExecutionReply {
        do throws(EngineError) {
            return ExecutionReply(try await self.engine.execute(code, within: timeLimit, as: execution))
        } catch {
            throw ExecutionStackError(error)
        }
    }

    /// Calls one of the tools that ``agentTools()`` lists, within a time and under a name as ``execute(_:within:as:)`` has them.
    package func call(
        _ tool: String, arguments: JSONValue?, within timeLimit: Duration? = nil, as execution: ExecutionID = ExecutionID()
    ) async throws(ExecutionStackError) -> ExecutionReply {
        guard tool == AgentTool.executeName else {
            throw ExecutionStackError(code: .unknownTool, message: "There is no tool `\(tool.prefix(64))`. The one there is: `execute`.")
        }
        guard let members = arguments?.object, let code = members["code"]?.string, members.count == 1 else {
            throw ExecutionStackError(
                code: .invalidArguments, message: "`execute` takes one argument, `code`: a string with the program, in TypeScript.")
        }
        return try await self.execute(code, within: timeLimit, as: execution)
    }

    /// The tools that an agent sees now; their descriptions name the integrations that it can reach now.
    package func agentTools() async throws(ExecutionStackError) -> [AgentTool] {
        do {
            let rules = try await self.core.authority.snapshot(for: self.scope.principal)
            let inventory = try await self.catalog.inventory(limit: AgentTool.maxInventory, under: rules)
            let maxStructuredBytes = self.core.limits.answer.maxStructuredBytes
            return [.execute(inventory: inventory.items, total: inventory.total, maxStructuredBytes: maxStructuredBytes)]
        } catch {
            throw .unavailable(error)
        }
    }
}
