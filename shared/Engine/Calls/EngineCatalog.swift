package import JSON
package import Model

/// What the engine asks of one organization's catalog on behalf of one principal.
///
/// Everything that lists or finds takes the policies in force and leaves blocked tools out. Only ``tool(at:revision:)`` does not: the
/// engine decides itself about the one tool that a program calls.
package protocol EngineCatalog: Sendable {
    /// The tool at an address; nil when there is none, or the principal has no such connection. What is answered is no older than
    /// `revision`.
    func tool(at address: ToolAddress, revision: Int64) async throws -> (any EngineTool)?

    /// The tools that fit a query, best first.
    func search(_ query: ToolQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundTool>

    /// A tool as a program's author needs to know it; nil when there is none or it is blocked.
    func describe(_ address: ToolAddress, under rules: AuthoritySnapshot) async throws -> DescribedTool?

    /// Paths of at most `count` tools that somebody who wrote `path` may have meant.
    func suggestions(for path: String, count: Int, under rules: AuthoritySnapshot) async throws -> [String]

    /// The integrations that fit a query.
    func sources(_ query: SourceQuery, under rules: AuthoritySnapshot) async throws -> DiscoveryPage<FoundSource>
}

/// One tool, found and ready to be called.
package protocol EngineTool: Sendable {
    var effect: ToolEffect { get }

    /// Checks arguments and builds the call, without any effect.
    ///
    /// - Throws: ``ToolError`` with code `invalid_tool_arguments`, or another that says why the call could not be sent.
    func prepare(_ arguments: JSONObject) throws(ToolError) -> any PreparedCall
}

/// A call that only has to be sent.
package protocol PreparedCall: Sendable {
    /// Sends the call and reads the answer. Expected failures are results; what failed beyond that is a defect, or the call was cancelled.
    func invoke(_ context: CallContext) async -> CallEnd
}

/// In whose name and within which run a call is made.
package struct CallContext: Sendable {
    package let principal: Principal
    package let execution: ExecutionID
    /// The call's number within its run, counted from one.
    package let sequence: UInt32

    package init(principal: Principal, execution: ExecutionID, sequence: UInt32) {
        self.principal = principal
        self.execution = execution
        self.sequence = sequence
    }
}

/// The arguments of `tools.search`.
package struct ToolQuery: Sendable, Hashable {
    package let query: String
    package let namespace: String?
    package let limit: Int
    package let offset: Int

    package init(query: String, namespace: String?, limit: Int, offset: Int) {
        self.query = query
        self.namespace = namespace
        self.limit = limit
        self.offset = offset
    }
}

/// The arguments of `tools.roost.sources.list`.
package struct SourceQuery: Sendable, Hashable {
    /// Words to look for in slugs, names and descriptions; nil for all.
    package let query: String?
    package let limit: Int
    package let offset: Int

    package init(query: String?, limit: Int, offset: Int) {
        self.query = query
        self.limit = limit
        self.offset = offset
    }
}

/// Part of a list, and how long the whole is.
package struct DiscoveryPage<Item: Sendable>: Sendable {
    package let items: [Item]
    package let total: Int

    package init(items: [Item], total: Int) {
        self.items = items
        self.total = total
    }
}

/// A tool as `tools.search` shows it.
package struct FoundTool: Sendable, Hashable {
    package let path: String
    package let name: String
    package let description: String
    package let integration: String
    package let score: Double

    package init(path: String, name: String, description: String, integration: String, score: Double) {
        self.path = path
        self.name = name
        self.description = description
        self.integration = integration
        self.score = score
    }
}

/// A tool as `tools.describe.tool` shows it.
package struct DescribedTool: Sendable {
    package let path: String
    package let name: String
    package let description: String
    package let inputTypeScript: String
    package let outputTypeScript: String
    /// Declarations that the two types use, by name.
    package let typeScriptDefinitions: [(name: String, declaration: String)]

    package init(
        path: String, name: String, description: String, inputTypeScript: String, outputTypeScript: String,
        typeScriptDefinitions: [(name: String, declaration: String)]
    ) {
        self.path = path
        self.name = name
        self.description = description
        self.inputTypeScript = inputTypeScript
        self.outputTypeScript = outputTypeScript
        self.typeScriptDefinitions = typeScriptDefinitions
    }
}

/// An integration as `tools.roost.sources.list` shows it.
package struct FoundSource: Sendable, Hashable {
    /// The slug.
    package let id: String
    package let name: String
    package let description: String
    package let kind: String
    package let canRemove: Bool
    package let canRefresh: Bool
    package let toolCount: Int

    package init(
        id: String, name: String, description: String, kind: String, canRemove: Bool, canRefresh: Bool, toolCount: Int
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.kind = kind
        self.canRemove = canRemove
        self.canRefresh = canRefresh
        self.toolCount = toolCount
    }
}
