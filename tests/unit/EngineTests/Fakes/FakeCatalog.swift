import Engine
import JSON
import Model
import Policies
import Synchronization

/// A catalog of a few tools that are closures.
final class FakeCatalog: EngineCatalog {
    struct Tool: EngineTool {
        let effect: ToolEffect
        /// Names that the arguments must hold.
        var required: [String] = []
        let invoke: @Sendable (JSONObject, CallContext) async -> CallEnd

        func prepare(_ arguments: JSONObject) throws(ToolError) -> any PreparedCall {
            for name in self.required where arguments[name] == nil {
                throw ToolError(code: "invalid_tool_arguments", message: "`\(name)` is missing", retryable: false)
            }
            return Call(invoke: self.invoke, arguments: arguments)
        }
    }

    private struct Call: PreparedCall {
        let invoke: @Sendable (JSONObject, CallContext) async -> CallEnd
        let arguments: JSONObject

        func invoke(_ context: CallContext) async -> CallEnd { await self.invoke(self.arguments, context) }
    }

    private let tools = Mutex<[ToolAddress: Tool]>([:])
    /// Addresses whose tool was called.
    let calls = Mutex<[String]>([])

    /// Adds a tool that answers with its arguments.
    func add(_ address: String, _ effect: ToolEffect, required: [String] = []) {
        self.add(address, effect, required: required) { arguments, _ in
            .success(data: JSONText(.object(arguments)), http: .init(status: 200, headers: [("a", "1"), ("a", "2")]))
        }
    }

    func add(
        _ address: String, _ effect: ToolEffect, required: [String] = [],
        _ invoke: @escaping @Sendable (JSONObject, CallContext) async throws -> ToolResult
    ) {
        self.add(
            address, effect, required: required,
            ending: { arguments, context in
                do {
                    return CallEnd(.done, .success(try await invoke(arguments, context)))
                } catch {
                    return CallEnd(.outcomeUnknown, .failure(error))
                }
            })
    }

    /// Adds a tool that says itself what became of a call.
    func add(
        _ address: String, _ effect: ToolEffect, required: [String] = [],
        ending invoke: @escaping @Sendable (JSONObject, CallContext) async -> CallEnd
    ) {
        guard let parsed = ToolAddress(address) else { preconditionFailure("a test's address is wrong") }
        let tool = Tool(effect: effect, required: required) { [self] arguments, context in
            self.calls.withLock { $0.append(address) }
            return await invoke(arguments, context)
        }
        self.tools.withLock { $0[parsed] = tool }
    }

    func tool(at address: ToolAddress, revision: Int64) async throws -> (any EngineTool)? { self.tools.withLock { $0[address] } }

    func search(_ query: ToolQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundTool> {
        let found = self.visible(rules).filter { $0.tool.contains(query.query) }
        let items = found.dropFirst(query.offset).prefix(query.limit).map { address in
            FoundTool(path: "\(address)", name: address.tool, description: "d", integration: address.integration, score: 1.5)
        }
        return DiscoveryPage(items: Array(items), total: found.count)
    }

    func describe(_ address: ToolAddress, under rules: AuthoritySnapshot) async throws -> DescribedTool? {
        guard self.visible(rules).contains(address) else { return nil }
        return DescribedTool(
            path: "\(address)", name: address.tool, description: "d", inputTypeScript: "{}", outputTypeScript: "unknown",
            typeScriptDefinitions: [("ToolError", "type ToolError = {}")])
    }

    func suggestions(for path: String, count: Int, under rules: AuthoritySnapshot) async throws -> [String] {
        Array(self.visible(rules).map(\.description).filter { $0.hasPrefix(path.prefix(3)) }.prefix(count))
    }

    func sources(_ query: SourceQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundSource> {
        let source = FoundSource(id: "api", name: "API", description: "", kind: "openapi", canRemove: true, canRefresh: false, toolCount: 3)
        return DiscoveryPage(items: [source], total: 1)
    }

    private func visible(_ rules: AuthoritySnapshot) -> [ToolAddress] {
        self.tools.withLock { Array($0.keys) }.filter(rules.policies.isVisible).sorted { $0.description < $1.description }
    }
}
