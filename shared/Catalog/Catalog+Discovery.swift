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
        let (offset, limit) = (max(0, search.offset), max(0, search.limit))
        // Nobody pages further than there are tools; a larger number must only not overflow.
        let found = try await self.ranked(
            ranking, namespace: search.namespace, atMost: min(offset, 1 << 40) + min(limit, 1 << 40), in: view, principal: principal,
            policies: policies)
        return CatalogPage(items: found.hits.dropFirst(offset).prefix(limit).map(found.tool), total: found.total)
    }

    /// What a search found, without the addresses and texts of what nobody will look at.
    private struct Ranked {
        /// A list of tools at one connection.
        struct Place {
            let slug: String
            let access: CatalogView.Access
            let list: ToolList
            /// The beginning of its tools' addresses; no other begins with it, since its parts have no dots.
            let prefix: String

            init(slug: String, access: CatalogView.Access, list: ToolList) {
                self.slug = slug
                self.access = access
                self.list = list
                self.prefix = "\(slug).\(access.owner.rawValue).\(access.name)."
            }

            func address(_ position: Int) -> ToolAddress {
                ToolAddress(
                    integration: self.slug, owner: self.access.owner, connection: self.access.name, tool: self.list.name(position))
            }
        }

        /// In the order of their prefixes.
        let places: [Place]
        /// Best first; ties in the order of addresses, which is that of places and within one that of positions.
        let hits: [BestHits.Hit]
        /// How many tools fit.
        let total: Int

        func address(_ hit: BestHits.Hit) -> ToolAddress { self.places[hit.place].address(hit.position) }

        func tool(_ hit: BestHits.Hit) -> ScoredTool {
            let tool = self.places[hit.place].list[hit.position]
            return ScoredTool(address: self.address(hit), description: tool.description, effect: tool.effect, score: Double(hit.score))
        }
    }

    private func ranked(
        _ ranking: ToolRanking, namespace: String?, atMost count: Int, in view: CatalogView, principal: Principal, policies: PolicySet
    ) async throws -> Ranked {
        let sources = view.sources.filter { !view.accesses(of: $0.record.slug).isEmpty }
        let lists = try await self.views.tools(of: sources, in: principal.organization)
        let places = sources.flatMap { source -> [Ranked.Place] in
            guard let list = lists[source.record.id] else { return [] }
            return view.accesses(of: source.record.slug).map { Ranked.Place(slug: source.record.slug, access: $0, list: list) }
        }.sorted { $0.prefix < $1.prefix }
        let namespace = namespace.map { SearchWords($0) }
        var best = BestHits(maxCount: count)
        var last: (list: ToolList, matches: ToolRanking.Matches)?
        for (number, place) in places.enumerated() {
            let position = ToolRanking.Place(integration: SearchWords(place.slug), prefix: SearchWords(place.prefix))
            guard let names = NameFilter(namespace, behind: position.prefix, in: place.list) else { continue }
            // Once for all connections of an integration, which stand together.
            let matches = last.flatMap { $0.list === place.list ? $0.matches : nil } ?? ranking.matches(in: place.list)
            last = (place.list, matches)
            var hidden = HiddenTools(
                in: place.list, integration: place.slug, owner: place.access.owner, connection: place.access.name, policies: policies,
                address: place.address)
            ranking.collect(matches, of: place.list, at: position, number: number, into: &best) { position in
                names.contains(position) && !hidden.contains(position)
            }
        }
        return Ranked(places: places, hits: best.sorted, total: best.total)
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
            let found = try await self.ranked(
                ranking, namespace: attempt.namespace, atMost: count, in: view, principal: principal, policies: policies)
            for path in found.hits.map({ found.address($0).description }) where suggestions.count < count {
                if !suggestions.contains(path) { suggestions.append(path) }
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
        // Whoever lists integrations, as every session does at its beginning, needs their tools only where some are blocked.
        let doubtful = fitting.filter { source in
            view.accesses(of: source.record.slug).contains { access in
                !policies.blocks(integration: source.record.slug, owner: access.owner, connection: access.name).isEmpty
            }
        }
        let lists = try await self.views.tools(of: doubtful, in: principal.organization)
        var summaries: [SourceSummary] = []
        for source in fitting {
            let slug = source.record.slug
            let isShown = view.accesses(of: slug).contains { access in
                guard let list = lists[source.record.id] else { return source.record.toolCount > 0 }
                return list.indices.contains { position in
                    policies.isVisible(
                        ToolAddress(integration: slug, owner: access.owner, connection: access.name, tool: list.name(position)))
                }
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
