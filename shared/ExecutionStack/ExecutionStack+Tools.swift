package import Catalog
import Engine
package import Model

extension ExecutionStack {
    /// The tools that the principal's programs can call, in the order of addresses; blocked ones are left out.
    ///
    /// - Parameters:
    ///   - integration: The slug of the only integration that counts; nil for all.
    ///   - after: The last address of the page before.
    ///   - limit: How many at most.
    package func tools(
        integration: String? = nil, after: ToolAddress? = nil, limit: Int
    ) async throws(ExecutionStackError) -> (tools: [ListedTool], hasMore: Bool) {
        do {
            return try await self.catalog.tools(integration: integration, after: after, limit: limit, under: try await self.rules())
        } catch {
            throw .unavailable(error)
        }
    }

    /// One tool with its schemas and types; a blocked one is as good as absent.
    package func tool(_ address: ToolAddress) async throws(ExecutionStackError) -> ToolDetails {
        let details: ToolDetails?
        do {
            details = try await self.catalog.details(of: address, under: try await self.rules())
        } catch {
            throw .unavailable(error)
        }
        guard let details else { throw ExecutionStackError(code: .notFound, message: "There is no tool at this address.") }
        return details
    }

    private func rules() async throws -> AuthoritySnapshot { try await self.core.authority.snapshot(for: self.scope.principal) }
}
