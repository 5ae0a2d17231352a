package import Model
package import Policies

/// The arguments of a search.
package struct ToolSearch: Sendable, Hashable {
    package var query: String
    /// The beginning of a slug or path, in words: `github`, `github.org.main`, `github issues`.
    package var namespace: String?
    package var limit: Int
    package var offset: Int

    package init(query: String, namespace: String? = nil, limit: Int = 12, offset: Int = 0) {
        self.query = query
        self.namespace = namespace
        self.limit = limit
        self.offset = offset
    }
}

/// Part of a list, and how long the whole is.
package struct CatalogPage<Item: Sendable>: Sendable {
    package let items: [Item]
    package let total: Int
}

/// A tool as search shows it.
package struct ScoredTool: Sendable, Hashable {
    package let address: ToolAddress
    package let description: String
    package let effect: ToolEffect
    package let score: Double
}

/// An integration as programs see it.
package struct SourceSummary: Sendable, Hashable {
    package let slug: String
    package let name: String
    package let description: String
    package let kind: Integration.Kind
    package let canRemove: Bool
    package let canRefresh: Bool
    package let toolCount: Int
}

extension Catalog {
    /// The tools that fit a query, best first; ties in the order of paths.
    package func search(
        _ search: ToolSearch, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> CatalogPage<ScoredTool> {
        guard let ranking = ToolRanking(search.query, maxWords: self.limits.maxQueryWords) else { return CatalogPage(items: [], total: 0) }
        let view = try await self.views.view(for: principal.owner, revision: revision)
        let found = try await self.ranked(ranking, namespace: search.namespace, in: view, principal: principal, policies: policies)
        let page = found.dropFirst(max(0, search.offset)).prefix(max(0, search.limit))
        return CatalogPage(items: Array(page), total: found.count)
    }

    private func ranked(
        _ ranking: ToolRanking, namespace: String?, in view: CatalogView, principal: Principal, policies: PolicySet
    ) async throws -> [ScoredTool] {
        let sources = view.sources.filter { !view.accesses(of: $0.record.slug).isEmpty }
        let lists = try await self.views.tools(of: sources, in: principal.organization)
        let namespace = namespace.map { SearchWords($0) }
        var found: [ScoredTool] = []
        for source in sources {
            guard let list = lists[source.record.id] else { continue }
            let slug = source.record.slug
            let integration = SearchWords(slug)
            for access in view.accesses(of: slug) {
                let prefix = SearchWords("\(slug).\(access.owner.rawValue).\(access.name)")
                let fit = ranking.fit(list, at: .init(integration: integration, prefix: prefix))
                for (position, tool) in list.tools.enumerated() {
                    guard let score = ranking.score(position, of: list, fit) else { continue }
                    let address = ToolAddress(integration: slug, owner: access.owner, connection: access.name, tool: tool.name)
                    if let namespace, !integration.starts(with: namespace), !SearchWords(address.description).starts(with: namespace) {
                        continue
                    }
                    guard policies.isVisible(address) else { continue }
                    found.append(ScoredTool(address: address, description: tool.description, effect: tool.effect, score: score))
                }
            }
        }
        let paths = found.map(\.address.description)
        return found.indices.sorted { (found[$1].score, paths[$0]) < (found[$0].score, paths[$1]) }.map { found[$0] }
    }

    /// Paths of at most `count` tools that somebody who wrote `path` may have meant: tools with a like name, first within the same
    /// integration, then anywhere.
    package func suggestions(
        for path: String, count: Int, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> [String] {
        let parts = path.split(separator: ".").map(String.init)
        guard let leaf = parts.last, path.utf8.count <= 1_024 else { return [] }
        let view = try await self.views.view(for: principal.owner, revision: revision)
        var attempts: [(query: String, namespace: String?)] = []
        if let slug = parts.first(where: { view.source($0) != nil }) {
            // The words behind the connection say most, then the last of them, then whatever there is.
            attempts.append((parts.dropFirst(3).joined(separator: " "), slug))
            attempts.append((leaf, slug))
            attempts += SearchWords(leaf, maxWords: 4).words.map { ($0, slug) }
        }
        attempts.append((parts.suffix(2).joined(separator: " "), nil))
        attempts.append((leaf, nil))
        attempts += SearchWords(leaf, maxWords: 4).words.filter { $0.count > 2 }.map { ($0, nil) }
        var suggestions: [String] = []
        for attempt in attempts where suggestions.count < count {
            guard let ranking = ToolRanking(attempt.query, maxWords: self.limits.maxQueryWords) else { continue }
            let found = try await self.ranked(ranking, namespace: attempt.namespace, in: view, principal: principal, policies: policies)
            for tool in found where suggestions.count < count && !suggestions.contains(tool.address.description) {
                suggestions.append(tool.address.description)
            }
            if !suggestions.isEmpty { break }
        }
        return suggestions
    }

    /// A tool as a program's author needs to know it; nil when there is none or it is blocked.
    package func describe(
        _ address: ToolAddress, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> ToolDescription? {
        let view = try await self.views.view(for: principal.owner, revision: revision)
        guard policies.isVisible(address), let (source, _) = view.find(address),
            let stored = try await self.storedTool(address.tool, of: source, in: principal.organization)
        else { return nil }
        return ToolDescription(
            path: address.description, name: address.tool, description: stored.description,
            input: try await self.closure(of: stored.schemas.input, of: source, in: principal.organization),
            output: try await self.closure(of: stored.schemas.output, of: source, in: principal.organization), limits: self.limits)
    }

    /// The integrations on which the principal has a connection that shows at least one tool, by slug; those whose slug, name or
    /// description holds all words of `query` when there is one.
    package func sources(
        query: String? = nil, limit: Int, offset: Int = 0, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> CatalogPage<SourceSummary> {
        let view = try await self.views.view(for: principal.owner, revision: revision)
        let words = SearchWords(query ?? "", maxWords: self.limits.maxQueryWords).words
        let fitting = view.sources.filter { source in
            guard !view.accesses(of: source.record.slug).isEmpty else { return false }
            let text = "\(source.record.slug) \(source.record.name) \(source.record.description)".lowercased()
            return words.allSatisfy { text.contains($0) }
        }
        let lists = try await self.views.tools(of: fitting, in: principal.organization)
        var summaries: [SourceSummary] = []
        for source in fitting {
            let slug = source.record.slug
            let isShown = view.accesses(of: slug).contains { access in
                lists[source.record.id]?.tools.contains { tool in
                    policies.isVisible(ToolAddress(integration: slug, owner: access.owner, connection: access.name, tool: tool.name))
                } ?? false
            }
            guard isShown else { continue }
            summaries.append(
                SourceSummary(
                    slug: slug, name: source.record.name, description: source.record.description, kind: source.record.kind,
                    canRemove: !source.isBuiltIn, canRefresh: !source.isBuiltIn, toolCount: source.record.toolCount))
        }
        return CatalogPage(items: Array(summaries.dropFirst(max(0, offset)).prefix(max(0, limit))), total: summaries.count)
    }
}
