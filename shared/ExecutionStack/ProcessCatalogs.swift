package import Catalog
import Engine
import JSON
package import Model
package import Store

/// The process's catalog in the form in which stacks and the engine ask for it, so that neither of the two modules knows the other.
package struct ProcessCatalogs: StackCatalogs {
    private let catalog: Catalog

    package init(_ catalog: Catalog) { self.catalog = catalog }

    package func catalog(for principal: Principal, store: Store) async throws -> any StackCatalog {
        PrincipalCatalog(catalog: self.catalog, principal: principal)
    }
}

/// The catalog as one principal sees it.
private struct PrincipalCatalog: StackCatalog {
    let catalog: Catalog
    let principal: Principal

    func tool(at address: ToolAddress, revision: Int64) async throws -> (any EngineTool)? {
        try await self.catalog.tool(at: address, principal: self.principal, revision: revision).map(CatalogTool.init)
    }

    func search(_ query: ToolQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundTool> {
        let search = ToolSearch(query: query.query, namespace: query.namespace, limit: query.limit, offset: query.offset)
        let page = try await self.catalog.search(
            search, principal: self.principal, revision: rules.revision, policies: rules.policies)
        let items = page.items.map { tool in
            FoundTool(
                path: tool.address.description, name: tool.address.tool, description: tool.description, integration: tool.address.integration,
                score: tool.score)
        }
        return DiscoveryPage(items: items, total: page.total)
    }

    func describe(_ address: ToolAddress, under rules: AuthoritySnapshot) async throws -> DescribedTool? {
        let description = try await self.catalog.describe(
            address, principal: self.principal, revision: rules.revision, policies: rules.policies)
        return description.map { tool in
            DescribedTool(
                path: tool.path, name: tool.name, description: tool.description, inputTypeScript: tool.inputTypeScript,
                outputTypeScript: tool.outputTypeScript, typeScriptDefinitions: tool.typeScriptDefinitions)
        }
    }

    func suggestions(for path: String, count: Int, under rules: AuthoritySnapshot) async throws -> [String] {
        try await self.catalog.suggestions(
            for: path, count: count, principal: self.principal, revision: rules.revision, policies: rules.policies)
    }

    func sources(_ query: SourceQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundSource> {
        let page = try await self.catalog.sources(
            query: query.query, limit: query.limit, offset: query.offset, principal: self.principal, revision: rules.revision,
            policies: rules.policies)
        let items = page.items.map { source in
            FoundSource(
                id: source.slug, name: source.name, description: source.description, kind: source.kind.rawValue, canRemove: source.canRemove,
                canRefresh: source.canRefresh, toolCount: source.toolCount)
        }
        return DiscoveryPage(items: items, total: page.total)
    }

    func inventory(limit: Int, under rules: AuthoritySnapshot) async throws -> (items: [InventoryItem], total: Int) {
        let page = try await self.catalog.sources(
            limit: limit, principal: self.principal, revision: rules.revision, policies: rules.policies)
        return (page.items.map { InventoryItem(slug: $0.slug, name: $0.name) }, page.total)
    }
}

/// A tool as the engine calls it.
private struct CatalogTool: EngineTool {
    let tool: ResolvedTool

    var effect: ToolEffect { self.tool.effect }

    func prepare(_ arguments: JSONObject) throws(ToolError) -> any PreparedCall { CatalogCall(call: try self.tool.prepare(arguments)) }
}

/// A checked call as the engine sends it.
private struct CatalogCall: PreparedCall {
    let call: PreparedToolCall

    func invoke(_ context: CallContext) async throws -> ToolResult {
        try await self.call.invoke(principal: context.principal, execution: context.execution)
    }
}
