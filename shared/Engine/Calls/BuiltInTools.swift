import JSON
import Model
import Sandbox

/// The tools that every program has whatever is connected: `search`, `describe.tool`, `roost.sources.list`.
///
/// They give plain values, not `{ok, …}`; called wrongly they throw.
struct BuiltInTools {
    let catalog: any EngineCatalog
    let limits: CallLimits

    /// Answers the call, or nil when its path names no built-in tool.
    func reply(path: String, argument: JSONText?, under rules: AuthoritySnapshot) async throws -> SandboxReply? {
        switch path {
        case "search": .value(try await self.search(argument, rules))
        case "describe.tool": .value(try await self.describe(argument, rules))
        case "roost.sources.list": .value(try await self.sources(argument, rules))
        default: nil
        }
    }

    private var argumentLimits: JSONLimits { JSONLimits(maxBytes: 16 << 10, maxDepth: 8, maxValues: 100) }

    private func search(_ argument: JSONText?, _ rules: AuthoritySnapshot) async throws -> JSONText {
        let arguments = try BuiltInArguments(
            of: "search", argument, allowed: ["query", "namespace", "limit", "offset"], limits: self.argumentLimits)
        let query = ToolQuery(
            query: try arguments.string("query") ?? "", namespace: try arguments.string("namespace"),
            limit: try arguments.integer("limit", default: 12, in: 1...self.limits.maxDiscoveryPage),
            offset: try arguments.integer("offset", default: 0, in: 0...self.limits.maxDiscoveryOffset))
        // An empty query gives an empty page and not everything: whatever an agent meant, ten thousand tools are no answer.
        let isEmpty = query.query.allSatisfy(\.isWhitespace)
        let page = isEmpty ? DiscoveryPage(items: [], total: 0) : try await self.catalog.search(query, under: rules)
        return Self.page(page, offset: query.offset) { writer, tool in
            writer.member("path", .string(tool.path))
            writer.member("name", .string(tool.name))
            writer.member("description", .string(tool.description))
            writer.member("integration", .string(tool.integration))
            writer.member("score", .double(tool.score))
        }
    }

    private func sources(_ argument: JSONText?, _ rules: AuthoritySnapshot) async throws -> JSONText {
        let arguments = try BuiltInArguments(
            of: "roost.sources.list", argument, allowed: ["query", "limit", "offset"], limits: self.argumentLimits)
        let query = SourceQuery(
            query: try arguments.string("query"),
            limit: try arguments.integer("limit", default: 50, in: 1...self.limits.maxDiscoveryPage),
            offset: try arguments.integer("offset", default: 0, in: 0...self.limits.maxDiscoveryOffset))
        let page = try await self.catalog.sources(query, under: rules)
        return Self.page(page, offset: query.offset) { writer, source in
            writer.member("id", .string(source.id))
            writer.member("name", .string(source.name))
            if !source.description.isEmpty { writer.member("description", .string(source.description)) }
            writer.member("kind", .string(source.kind))
            writer.member("canRemove", .bool(source.canRemove))
            writer.member("canRefresh", .bool(source.canRefresh))
            writer.member("toolCount", .int(source.toolCount))
        }
    }

    private func describe(_ argument: JSONText?, _ rules: AuthoritySnapshot) async throws -> JSONText {
        let arguments = try BuiltInArguments(of: "describe.tool", argument, allowed: ["path"], limits: self.argumentLimits)
        guard let path = try arguments.string("path"), !path.isEmpty else {
            throw CallFault(message: "tools.describe.tool needs `path`, a tool's path as tools.search gives it.")
        }
        if let address = ToolAddress(path), let tool = try await self.catalog.describe(address, under: rules) {
            return Self.description(tool)
        }
        let missing = try await ToolNotFound(path, catalog: self.catalog, limits: self.limits, under: rules)
        return JSONText([
            "path": .string(missing.path),
            "error": [
                "code": .string(ToolNotFound.code), "message": .string(missing.message),
                "suggestions": .array(missing.suggestions.map(JSONValue.string)),
            ],
        ])
    }

    private static func description(_ tool: DescribedTool) -> JSONText {
        let definitions = JSONObject(tool.typeScriptDefinitions.map { (key: $0.name, value: .string($0.declaration)) })
        return JSONText([
            "path": .string(tool.path), "name": .string(tool.name), "description": .string(tool.description),
            "inputTypeScript": .string(tool.inputTypeScript), "outputTypeScript": .string(tool.outputTypeScript),
            "typeScriptDefinitions": .object(definitions),
        ])
    }

    private static func page<Item>(
        _ page: DiscoveryPage<Item>, offset: Int, item: (inout JSONWriter, Item) -> Void
    ) -> JSONText {
        let next = offset + page.items.count
        let hasMore = !page.items.isEmpty && next < page.total
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("items")
        writer.beginArray()
        for element in page.items {
            writer.beginObject()
            item(&writer, element)
            writer.endObject()
        }
        writer.endArray()
        writer.member("total", .int(page.total))
        writer.member("hasMore", .bool(hasMore))
        writer.member("nextOffset", hasMore ? .int(next) : .null)
        writer.endObject()
        return writer.finish()
    }
}

/// That there is no such tool: the same words, whether it does not exist or is blocked.
struct ToolNotFound {
    static let code = "tool_not_found"

    let path: String
    let suggestions: [String]

    init(_ path: String, catalog: any EngineCatalog, limits: CallLimits, under rules: AuthoritySnapshot) async throws {
        self.path = path
        self.suggestions = try await catalog.suggestions(for: path, count: limits.maxSuggestions, under: rules)
    }

    var message: String {
        let known = self.suggestions.isEmpty ? "Find tools with tools.search({query})." : "Did you mean `\(self.suggestions[0])`?"
        return "There is no tool `\(self.path)`. A path is <integration>.<org|user>.<connection>.<tool>. \(known)"
    }

    var error: ToolError {
        let details = JSONText(["suggestions": .array(self.suggestions.map(JSONValue.string))])
        return ToolError(code: Self.code, message: self.message, details: details, retryable: false)
    }
}
