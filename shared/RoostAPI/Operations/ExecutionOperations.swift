import HTTPTypes
import Identity
import JSON
import Model

/// Executions over REST: the same stack, programs and answers as over MCP.
extension Operation {
    static let executionOperations: [Operation] = [.executionsRun, .executionsList, .executionsShow, .executionsCancel, .agentTools]

    /// `POST /executions`.
    package static let executionsRun = Operation(
        "executions.run", .post, "/executions", "Runs a program and answers when it ended.", permission: .run,
        body: Schemas.object(["code": Schemas.string]),
        success: .init(
            .ok, "What became of it; a program that failed is a success of this operation.",
            schema: Schemas.object(["id": Schemas.string, "state": ExecutionPieces.state, "outcome": ExecutionPieces.outcome]))
    )

    /// `GET /executions`.
    package static let executionsList = Operation(
        "executions.list", .get, "/executions", "Lists executions, newest first: an admin's organization's, anybody else's own.",
        permission: .read, parameters: [.limit, .cursor],
        success: .init(.ok, "A page of executions.", schema: Schemas.page(of: ExecutionPieces.schema))
    )

    /// `GET /executions/{execution}`.
    package static let executionsShow = Operation(
        "executions.show", .get, "/executions/{execution}", "Shows an execution with its outcome and its calls.", permission: .read,
        parameters: [ExecutionPieces.id], success: .init(.ok, "The execution.", schema: ExecutionPieces.schema)
    )

    /// `POST /executions/{execution}/cancel`.
    package static let executionsCancel = Operation(
        "executions.cancel", .post, "/executions/{execution}/cancel",
        "Asks for an execution to be stopped; it ends `cancelled` within a second, wherever it runs.", permission: .cancelOwn,
        parameters: [ExecutionPieces.id],
        success: .init(.ok, "The state that it is in now.", schema: Schemas.object(["id": Schemas.string, "state": ExecutionPieces.state]))
    )

    /// `GET /agent/tools`.
    package static let agentTools = Operation(
        "agent.tools", .get, "/agent/tools", "Shows the tools that an agent sees over MCP, as the caller would see them.",
        permission: .read,
        success: .init(.ok, "The tools.", schema: Schemas.object(["tools": ["type": "array", "items": ["type": "object"]]]))
    )
}

/// What the operations on executions share.
private enum ExecutionPieces {
    static let id = Operation.Parameter("execution", in: .path, "The execution's id.")
    static let state = Schemas.words(ExecutionState.allCases.map(\.rawValue))
    static let outcome: JSONValue = [
        "type": ["object", "null"],
        "description": "`{content, structuredContent, isError}` as MCP's `tools/call` answers it; null while it runs.",
    ]
    static let integer: JSONValue = ["type": "integer"]
    static let calls: JSONValue = [
        "type": "array",
        "description": "Its tool calls that may write: the first, of `call_count`. `outcome` is null while a call is under way.",
        "items": Schemas.object([
            "sequence": integer, "address": Schemas.string, "effect": Schemas.words(ToolEffect.allCases.map(\.rawValue)),
            "outcome": ["enum": .array(CallOutcome.allCases.map { .string($0.rawValue) } + [.null])], "started_at": Schemas.time,
            "ended_at": Schemas.nullableTime,
        ]),
    ]
    static let schema = Schemas.object(
        [
            "id": Schemas.string, "account": Schemas.string, "client": Schemas.string, "state": state, "code_hash": Schemas.string,
            "started_at": Schemas.time, "ended_at": Schemas.nullableTime, "error_code": Schemas.nullableString, "outcome": outcome,
            "calls": calls, "call_count": integer,
        ], optional: ["outcome", "calls", "call_count"])
}
