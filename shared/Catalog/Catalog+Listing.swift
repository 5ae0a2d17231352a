package import JSON
package import Model
import OpenAPI
package import Policies
package import Store

/// A tool as lists for people show it.
package struct ListedTool: Sendable, Hashable {
    package let address: ToolAddress
    package let description: String
    package let effect: ToolEffect
    /// What happens to calls of it, and why.
    package let decision: PolicyDecision
}

/// A tool with everything that people may want to know of it.
package struct ToolDetails: Sendable {
    package let tool: ListedTool
    /// JSON Schema 2020-12, complete in itself.
    package let inputSchema: JSONText
    /// JSON Schema 2020-12, complete in itself.
    package let outputSchema: JSONText
    package let typeScript: ToolDescription
}

extension Catalog {
    /// The tools that the principal can call, in the order of addresses. Blocked ones are left out; schemas are not loaded.
    ///
    /// - Parameters:
    ///   - integration: The slug of the only integration that counts; nil for all.
    ///   - after: The last address of the page before.
    ///   - limit: How many at most.
    package func tools(
        integration: String? = nil, after: ToolAddress? = nil, limit: Int, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> (tools: [ListedTool], hasMore: Bool) {
        let view = try await self.views.view(for: principal.owner, revision: revision)
        let sources = view.sources.filter { source in
            let slug = source.record.slug
            guard integration == nil || integration == slug, !view.accesses(of: slug).isEmpty else { return false }
            return after.map { $0.integration <= slug } ?? true
        }
        let lists = try await self.views.tools(of: sources, in: principal.organization)
        var tools: [ListedTool] = []
        for source in sources {
            let slug = source.record.slug
            for access in view.accesses(of: slug) {
                guard let list = lists[source.record.id] else { continue }
                for position in Self.positions(in: list, of: (slug, access), behind: after) {
                    let tool = list[position]
                    let address = ToolAddress(integration: slug, owner: access.owner, connection: access.name, tool: tool.name)
                    let decision = policies.decision(for: address, effect: tool.effect)
                    guard decision.isVisible else { continue }
                    if tools.count == limit { return (tools, true) }
                    tools.append(ListedTool(address: address, description: tool.description, effect: tool.effect, decision: decision))
                }
            }
        }
        return (tools, false)
    }

    /// One tool with its schemas; nil when there is none or it is blocked.
    package func details(
        of address: ToolAddress, principal: Principal, revision: Int64, policies: PolicySet
    ) async throws -> ToolDetails? {
        let view = try await self.views.view(for: principal.owner, revision: revision)
        guard let (source, _) = view.find(address),
            let stored = try await self.storedTool(address.tool, of: source, in: principal.organization)
        else { return nil }
        let decision = policies.decision(for: address, effect: stored.binding.effect)
        guard decision.isVisible else { return nil }
        let input = try await self.closure(of: stored.schemas.input, of: source, in: principal.organization)
        let output = try await self.closure(of: stored.schemas.output, of: source, in: principal.organization)
        return ToolDetails(
            tool: ListedTool(address: address, description: stored.description, effect: stored.binding.effect, decision: decision),
            inputSchema: JSONText(input.document), outputSchema: JSONText(output.document),
            typeScript: ToolDescription(
                path: address.description, name: address.tool, description: stored.description, input: input, output: output,
                limits: self.limits))
    }

    /// The organization's integrations, oldest first; Roost's own API stands first on the first page, beyond the page's size.
    package func integrations(in organization: OrganizationID, _ page: PageRequest = .first) async throws -> Page<Integration> {
        let stored = try await self.store.integrations.list(in: organization, page)
        guard page.cursor == nil, let builtIn = self.builtIn else { return stored }
        return Page(items: [builtIn.record] + stored.items, next: stored.next)
    }

    /// One integration of the organization; nil when there is none.
    package func integration(_ id: IntegrationID, in organization: OrganizationID) async throws -> IntegrationDetails? {
        if let builtIn = self.builtIn, builtIn.record.id == id {
            return IntegrationDetails(
                integration: builtIn.record, authMethods: [.none], server: nil, documentURL: nil, canRemove: false, canRefresh: false)
        }
        guard let record = try await self.store.integrations.find(id, in: organization) else { return nil }
        let configuration = OpenAPIConfiguration(json: try record.config.value(limits: self.limits.json))
        return IntegrationDetails(record, configuration ?? OpenAPIConfiguration(server: nil, authMethods: [.none]))
    }

    /// The tools of a connection behind an address.
    private static func positions(
        in list: ToolList, of place: (slug: String, access: CatalogView.Access), behind after: ToolAddress?
    ) -> Range<Int> {
        guard let after else { return list.indices }
        let (here, there) = (
            (place.slug, place.access.owner.rawValue, place.access.name), (after.integration, after.owner.rawValue, after.connection)
        )
        if here == there { return list.firstPosition(notBefore: Array(after.tool.utf8) + [0])..<list.endIndex }
        return here > there ? list.indices : list.endIndex..<list.endIndex
    }
}
