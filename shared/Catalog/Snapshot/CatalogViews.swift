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
    private let limits: CatalogLimits
    /// Those who need the same organization's tools at once wait for the first, and find what it made.
    private let organizations = TurnTaking<OrganizationID>(maxInside: 1)
    /// Who reads and prepares tools, of all organizations: it takes memory and CPU for a moment.
    private let readers: TurnTaking<Reading>

    /// The one line of readers.
    private struct Reading: Hashable, Sendable {}

    init(store: Store, builtIn: BuiltInIntegration?, limits: CatalogLimits) {
        self.store = store
        self.builtIn = builtIn
        self.limits = limits
        self.views = RecentlyUsed(maxCost: limits.maxViews)
        self.lists = RecentlyUsed(maxCost: limits.maxIndexBytes)
        self.readers = TurnTaking(maxInside: limits.maxIndexReaders)
    }

    /// Whether there is no view of a principal here, and nobody is reading tools at the moment.
    func mayPrepare(for owner: Principal.Owner) -> Bool { self.views.value(for: owner) == nil && self.readers.isFree(Reading()) }

    /// The principal's view, no older than `revision`.
    func view(for owner: Principal.Owner, revision: Int64) async throws -> CatalogView {
        if let (known, view) = self.views.value(for: owner), known >= revision { return view }
        let view = CatalogView(
            integrations: try await self.store.integrations.all(in: owner.organization),
            connections: try await self.store.connections.usable(by: owner.account, in: owner.organization), builtIn: self.builtIn)
        self.views.keep((revision, view), for: owner)
        return view
    }

    /// The tools of several integrations of one organization, by integration: those that changed since they were last needed are read
    /// anew, the others come from memory.
    func tools(of sources: [CatalogView.Source], in organization: OrganizationID) async throws -> [IntegrationID: ToolList] {
        let (found, missing) = self.known(sources)
        guard !missing.isEmpty else { return found }
        return try await self.organizations.withTurn(organization) {
            let (nowFound, missing) = self.known(missing)
            let read = try await self.read(missing, in: organization)
            return found.merging(nowFound) { $1 }.merging(read) { $1 }
        }
    }

    private func known(_ sources: [CatalogView.Source]) -> (found: [IntegrationID: ToolList], missing: [CatalogView.Source]) {
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
        return (found, missing)
    }

    /// Reads and prepares the tools of some integrations, several at a time: while the database gives the rows of one, the words of
    /// another are counted.
    private func read(_ sources: [CatalogView.Source], in organization: OrganizationID) async throws -> [IntegrationID: ToolList] {
        var waiting = self.batches(of: sources)[...]
        return try await withThrowingTaskGroup(of: [IntegrationID: ToolList].self) { group in
            func addNext() {
                guard let batch = waiting.popFirst() else { return }
                group.addTask { try await self.readers.withTurn(Reading()) { try await self.read(batch: batch, in: organization) } }
            }
            for _ in 0..<self.limits.maxIndexReaders { addNext() }
            var read: [IntegrationID: ToolList] = [:]
            while let lists = try await group.next() {
                addNext()
                read.merge(lists) { $1 }
            }
            return read
        }
    }

    /// Small integrations go together, so that a thousand of them are no thousand statements; a large one goes alone.
    private func batches(of sources: [CatalogView.Source]) -> [[CatalogView.Source]] {
        var batches: [[CatalogView.Source]] = []
        var room = 0
        for source in sources {
            let count = max(1, source.record.toolCount)
            if count <= room {
                batches[batches.count - 1].append(source)
                room -= count
            } else {
                batches.append([source])
                room = self.limits.maxToolsPerIndexRead - count
            }
        }
        return batches
    }

    private func read(batch: [CatalogView.Source], in organization: OrganizationID) async throws -> [IntegrationID: ToolList] {
        let rows = try await self.store.tools.searchRows(of: batch.map(\.record.id), in: organization)
        // Counting words takes a microsecond for each tool and more, which is too long for a thread that others wait for.
        let lists = try await ReadingThread.run {
            Dictionary(grouping: rows, by: \.integration).mapValues { rows in
                ToolList(tools: rows.map { ToolEntry(name: $0.name, description: $0.description, effect: $0.effect) })
            }
        }
        var read: [IntegrationID: ToolList] = [:]
        for source in batch {
            let list = lists[source.record.id] ?? ToolList(tools: [])
            read[source.record.id] = list
            self.lists.keep(list, for: ToolKey(integration: source.record.id, revision: source.revision), cost: list.byteCount)
        }
        return read
    }
}
