import JSON
import Model
import OpenAPI
import Store

/// Gives each principal its view, and the tools of integrations, from memory as long as they are current.
///
/// A view is current when it was made at the organization's revision that the caller hands in or at a later one; so whoever reads the
/// revision for every call never works with a view older than that reading. Tools are kept by integration and its own revision, which
/// only a refresh raises: a changed policy or connection reads no tools again.
struct CatalogViews: Sendable {
    private struct ToolKey: Hashable, Sendable {
        let integration: IntegrationID
        let revision: Int64
    }

    private let store: Store
    private let builtIn: BuiltInIntegration?
    private let views: RecentlyUsed<Principal.Owner, (revision: Int64, view: CatalogView)>
    private let lists: RecentlyUsed<ToolKey, ToolList>

    init(store: Store, builtIn: BuiltInIntegration?, limits: CatalogLimits) {
        self.store = store
        self.builtIn = builtIn
        self.views = RecentlyUsed(maxCost: limits.maxViews)
        self.lists = RecentlyUsed(maxCost: limits.maxIndexedTools)
    }

    /// The principal's view, no older than `revision`.
    func view(for owner: Principal.Owner, revision: Int64) async throws -> CatalogView {
        if let (known, view) = self.views.value(for: owner), known >= revision { return view }
        let view = CatalogView(
            integrations: try await self.store.integrations.all(in: owner.organization),
            connections: try await self.store.connections.usable(by: owner.account, in: owner.organization), builtIn: self.builtIn)
        self.views.keep((revision, view), for: owner)
        return view
    }

    /// The tools of several integrations of one organization, by integration.
    func tools(of sources: [CatalogView.Source], in organization: OrganizationID) async throws -> [IntegrationID: ToolList] {
        var found: [IntegrationID: ToolList] = [:]
        var missing: [CatalogView.Source] = []
        for source in sources {
            if source.isBuiltIn {
                found[source.record.id] = self.builtIn?.tools
            } else if let list = self.lists.value(for: ToolKey(integration: source.record.id, revision: source.revision)) {
                found[source.record.id] = list
            } else {
                missing.append(source)
            }
        }
        guard !missing.isEmpty else { return found }
        // One statement for all, as most often all or one are missing and rows are small: schemas and bindings are not read.
        var entries: [IntegrationID: [ToolEntry]] = [:]
        for row in try await self.store.tools.searchRows(in: organization) {
            entries[row.integration, default: []].append(ToolEntry(name: row.name, description: row.description, effect: row.effect))
        }
        for source in missing {
            let list = ToolList(tools: (entries[source.record.id] ?? []).sorted { $0.name < $1.name })
            found[source.record.id] = list
            self.lists.keep(list, for: ToolKey(integration: source.record.id, revision: source.revision), cost: max(1, list.tools.count))
        }
        return found
    }
}
