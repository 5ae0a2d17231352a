import JSON
package import Model
package import OpenAPI
package import Store

/// All integrations, connections and tools, as principals see them. One serves a whole process.
///
/// Every read takes the principal and the organization's revision as the caller knows it: what is answered is no older than that. Reads
/// that list or find also take the policies in force and leave blocked tools out; ``tool(at:principal:revision:)`` does not, since its
/// caller decides about the one tool that is called.
package final class Catalog: Sendable {
    /// Adds, refreshes and removes.
    package let editor: CatalogEditor
    let limits: CatalogLimits
    let store: Store
    let builtIn: BuiltInIntegration?
    let views: CatalogViews
    private let caller: ToolCaller
    private let ready: RecentlyUsed<ReadyKey, ReadyTool>

    private struct ReadyKey: Hashable, Sendable {
        let integration: IntegrationID
        let revision: Int64
        let tool: String
    }

    /// - Parameters:
    ///   - upstream: The guarded client; documents are fetched and calls are sent with it.
    ///   - builtIn: Roost's own API; nil in tests that do without.
    package init(
        store: Store, vault: any SecretSealing, upstream: any UpstreamSending, builtIn: BuiltInIntegration?,
        limits: CatalogLimits = CatalogLimits()
    ) {
        self.limits = limits
        self.store = store
        self.builtIn = builtIn
        self.views = CatalogViews(store: store, builtIn: builtIn, limits: limits)
        self.caller = ToolCaller(store: store, vault: vault, upstream: upstream, builtIn: builtIn, limits: limits)
        self.ready = RecentlyUsed(maxCost: limits.maxReadySchemaBytes)
        self.editor = CatalogEditor(
            store: store, vault: vault, fetcher: DocumentFetcher(upstream: upstream, limits: limits), builtIn: builtIn, limits: limits,
            gate: ReadGate(maxReaders: limits.maxConcurrentReads))
    }

    /// The tool at an address, ready to be called; nil when there is none or the principal has no such connection.
    package func tool(at address: ToolAddress, principal: Principal, revision: Int64) async throws -> ResolvedTool? {
        let view = try await self.views.view(for: principal.owner, revision: revision)
        guard let (source, access) = view.find(address),
            let tool = try await self.readyTool(address.tool, of: source, in: principal.organization)
        else { return nil }
        return ResolvedTool(
            address: address, integration: source.record.id, connection: access.id, effect: tool.binding.effect,
            description: tool.description,
            tool: tool, source: source, access: access, caller: self.caller)
    }

    /// Reads what a principal's first search needs, so that it need not wait: for the moment when a session is opened, in the background.
    ///
    /// Does nothing for a principal that is known here, and while others read: then the first search reads what it needs itself.
    package func prepareSearch(for principal: Principal, revision: @escaping @Sendable () async throws -> Int64) async throws {
        guard self.views.mayPrepare(for: principal.owner) else { return }
        let view = try await self.views.view(for: principal.owner, revision: try await revision())
        let connected = view.sources.filter { !view.accesses(of: $0.record.slug).isEmpty }
        _ = try await self.views.tools(of: connected, in: principal.organization)
    }

    private func readyTool(_ name: String, of source: CatalogView.Source, in organization: OrganizationID) async throws -> ReadyTool? {
        let key = ReadyKey(integration: source.record.id, revision: source.revision, tool: name)
        if let tool = self.ready.value(for: key) { return tool }
        guard let stored = try await self.storedTool(name, of: source, in: organization) else { return nil }
        let closure = try await self.closure(of: stored.schemas.input, of: source, in: organization)
        let tool = ReadyTool(description: stored.description, binding: stored.binding, input: closure, limits: self.limits)
        // The number of tools is bounded by giving each at least its share of the bytes.
        let share = max(1, self.limits.maxReadySchemaBytes / max(1, self.limits.maxReadyTools))
        self.ready.keep(tool, for: key, cost: max(share, closure.byteCount))
        return tool
    }
}

extension Catalog {
    /// A tool with everything that is stored of it.
    struct StoredTool {
        let description: String
        let binding: OperationBinding
        let schemas: (input: JSONText?, output: JSONText?)
    }

    /// Reads a tool from the database, or takes it from the built-in integration.
    func storedTool(_ name: String, of source: CatalogView.Source, in organization: OrganizationID) async throws -> StoredTool? {
        if source.isBuiltIn {
            return self.builtIn?.tool(name).map {
                StoredTool(description: $0.description, binding: $0.binding, schemas: ($0.inputSchema, $0.outputSchema))
            }
        }
        guard let record = try await self.store.tools.find(name, integrationSlug: source.record.slug, in: organization),
            record.integration == source.record.id,
            let binding = OperationBinding(json: try record.binding.value(limits: self.limits.json))
        else { return nil }
        let schemas = try await self.store.tools.schemas(of: name, integration: source.record.id, in: organization)
        return StoredTool(description: record.description, binding: binding, schemas: (schemas?.input, schemas?.output))
    }

    /// A schema of a tool with the definitions that it reaches.
    func closure(of schema: JSONText?, of source: CatalogView.Source, in organization: OrganizationID) async throws -> SchemaClosure {
        try await SchemaClosure.make(schema, limits: self.limits) { names in
            if source.isBuiltIn { return self.builtIn?.definitions(names) ?? [:] }
            return try await self.store.tools.definitions(names, integration: source.record.id, in: organization)
        }
    }
}
