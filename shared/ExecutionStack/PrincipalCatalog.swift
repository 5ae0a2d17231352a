package import Catalog
package import Engine
import JSON
package import Model

/// The catalog as one principal sees it, in the words of the engine.
package struct PrincipalCatalog: StackCatalog {
    private let catalog: Catalog
    private let principal: Principal

    package init(catalog: Catalog, principal: Principal) {
        self.catalog = catalog
        self.principal = principal
    }

    package func tool(at address: ToolAddress, revision: Int64) async throws -> (any EngineTool)? {
        try await self.catalog.tool(at: address, principal: self.principal, revision: revision).map(CatalogTool.init)
    }

    package func search(_ query: ToolQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundTool> {
        let search = ToolSearch(query: query.query, namespace: query.namespace, limit: query.limit, offset: query.offset)
        let page = try await self.catalog.search(
            search, principal: self.principal, revision: rules.revision, policies: rules.policies)
        let items = page.items.map { tool in
            FoundTool(
                path: tool.address.description, name: tool.address.tool, description: tool.description,
                integration: tool.address.integration, score: tool.score)
        }
        return DiscoveryPage(items: items, total: page.total)
    }

    package func describe(_ address: ToolAddress, under rules: AuthoritySnapshot) async throws -> DescribedTool? {
        let tool = try await self.catalog.describe(
            address, principal: self.principal, revision: rules.revision, policies: rules.policies)
        return tool.map { tool in
            DescribedTool(
                path: tool.path, name: tool.name, description: tool.description, inputTypeScript: tool.inputTypeScript,
                outputTypeScript: tool.outputTypeScript, typeScriptDefinitions: tool.typeScriptDefinitions)
        }
    }

    package func suggestions(for path: String, count: Int, under rules: AuthoritySnapshot) async throws -> [String] {
        try await self.catalog.suggestions(
            for: path, count: count, principal: self.principal, revision: rules.revision, policies: rules.policies)
    }

    package func sources(_ query: SourceQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundSource> {
        let page = try await self.catalog.sources(
            query: query.query, limit: query.limit, offset: query.offset, principal: self.principal, revision: rules.revision,
            policies: rules.policies)
        let items = page.items.map { source in
            FoundSource(
                id: source.slug, name: source.name, description: source.description, kind: source.kind.rawValue,
                canRemove: source.canRemove, canRefresh: source.canRefresh, toolCount: source.toolCount)
        }
        return DiscoveryPage(items: items, total: page.total)
    }

    package func prepareSearch(revision: @escaping @Sendable () async throws -> Int64) async throws {
        try await self.catalog.prepareSearch(for: self.principal, revision: revision)
    }

    package func inventory(limit: Int, under rules: AuthoritySnapshot) async throws -> (items: [InventoryItem], total: Int) {
        let page = try await self.catalog.sources(
            limit: limit, principal: self.principal, revision: rules.revision, policies: rules.policies)
        return (page.items.map { InventoryItem(slug: $0.slug, name: $0.name) }, page.total)
    }

    package func tools(
        integration: String?, after: ToolAddress?, limit: Int, under rules: AuthoritySnapshot
    ) async throws -> (tools: [ListedTool], hasMore: Bool) {
        try await self.catalog.tools(
            integration: integration, after: after, limit: limit, principal: self.principal, revision: rules.revision,
            policies: rules.policies)
    }

    package func details(of address: ToolAddress, under rules: AuthoritySnapshot) async throws -> ToolDetails? {
        try await self.catalog.details(of: address, principal: self.principal, revision: rules.revision, policies: rules.policies)
    }
}

/// A tool of the catalog as the engine calls it.
private struct CatalogTool: EngineTool {
    let tool: ResolvedTool

    struct Call: PreparedCall {
        let call: PreparedToolCall

        func invoke(_ context: CallContext) async -> CallEnd {
            await self.call.invoke(principal: context.principal, execution: context.execution)
        }
    }

    init(_ tool: ResolvedTool) { self.tool = tool }

    var effect: ToolEffect { self.tool.effect }

    func prepare(_ arguments: JSONObject) throws(ToolError) -> any PreparedCall { Call(call: try self.tool.prepare(arguments)) }
}
