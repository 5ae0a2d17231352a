import Catalog
import Engine
import ExecutionStack
import JSON
import Model
import Policies
import Synchronization

/// Gives every organization and principal the same few tools, which are closures.
final class FakeCatalogs: Sendable {
    typealias Body = @Sendable (JSONObject, CallContext) async throws -> ToolResult

    let tools = Mutex<[ToolAddress: FakeTool]>([:])
    let isFailing = Mutex(false)
    /// Runs in the middle of making a catalog.
    let making = Mutex<(@Sendable () async throws -> Void)?>(nil)

    struct Unreachable: Error {}

    func add(_ address: String, _ effect: ToolEffect = .read, required: [String] = [], _ body: @escaping Body) {
        guard let address = ToolAddress(address) else { preconditionFailure("a test's address is wrong") }
        self.tools.withLock { $0[address] = FakeTool(effect: effect, required: required, body: body) }
    }

    func catalog() async throws -> any StackCatalog {
        try await self.making.withLock { $0 }?()
        if self.isFailing.withLock({ $0 }) { throw Unreachable() }
        return FakeCatalog(catalogs: self)
    }
}

struct FakeTool: EngineTool {
    let effect: ToolEffect
    let required: [String]
    let body: FakeCatalogs.Body

    private struct Call: PreparedCall {
        let tool: FakeTool
        let arguments: JSONObject

        func invoke(_ context: CallContext) async -> CallEnd {
            do {
                return CallEnd(.done, .success(try await self.tool.body(self.arguments, context)))
            } catch {
                return CallEnd(.outcomeUnknown, .failure(error))
            }
        }
    }

    func prepare(_ arguments: JSONObject) throws(ToolError) -> any PreparedCall {
        for name in self.required where arguments[name] == nil {
            throw ToolError(code: "invalid_tool_arguments", message: "`\(name)` is missing", retryable: false)
        }
        return Call(tool: self, arguments: arguments)
    }
}

struct FakeCatalog: StackCatalog {
    let catalogs: FakeCatalogs

    func tool(at address: ToolAddress, revision: Int64) async throws -> (any EngineTool)? { self.catalogs.tools.withLock { $0[address] } }

    func search(_ query: ToolQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundTool> {
        let found = self.visible(rules).filter { $0.description.contains(query.query) }
        let items = found.dropFirst(query.offset).prefix(query.limit).map {
            FoundTool(path: "\($0)", name: $0.tool, description: "", integration: $0.integration, score: 1)
        }
        return DiscoveryPage(items: Array(items), total: found.count)
    }

    func describe(_ address: ToolAddress, under rules: AuthoritySnapshot) async throws -> DescribedTool? {
        guard self.visible(rules).contains(address) else { return nil }
        return DescribedTool(
            path: "\(address)", name: address.tool, description: "", inputTypeScript: "{}", outputTypeScript: "unknown",
            typeScriptDefinitions: [])
    }

    func suggestions(for path: String, count: Int, under rules: AuthoritySnapshot) async throws -> [String] {
        Array(self.visible(rules).map(\.description).prefix(count))
    }

    func sources(_ query: SourceQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundSource> {
        DiscoveryPage(items: [], total: 0)
    }

    func inventory(limit: Int, under rules: AuthoritySnapshot) async throws -> (items: [InventoryItem], total: Int) {
        let slugs = Set(self.visible(rules).map(\.integration)).sorted()
        return (slugs.prefix(limit).map { InventoryItem(slug: $0, name: $0.uppercased()) }, slugs.count)
    }

    func tools(
        integration: String?, after: ToolAddress?, limit: Int, under rules: AuthoritySnapshot
    ) async throws -> (tools: [ListedTool], hasMore: Bool) { ([], false) }

    func details(of address: ToolAddress, under rules: AuthoritySnapshot) async throws -> ToolDetails? { nil }

    private func visible(_ rules: AuthoritySnapshot) -> [ToolAddress] {
        self.catalogs.tools.withLock { Array($0.keys) }.filter(rules.policies.isVisible).sorted { $0.description < $1.description }
    }
}
