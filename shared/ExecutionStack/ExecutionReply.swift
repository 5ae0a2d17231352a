import Engine
package import JSON
package import Model

/// What an agent is told about an execution that ended, the same over MCP and REST.
package struct ExecutionReply: Sendable {
    /// One block of what an agent is shown.
    package enum Content: Sendable, Hashable {
        case text(String)
        /// A whole MCP content block as JSON: `image`, `audio`, `resource`, `resource_link`, or a text block with annotations.
        case block(type: String, JSONText)
    }

    /// Why an execution did not complete.
    package struct Failure: Sendable, Hashable {
        /// A stable snake-case code.
        package let code: String
        package let message: String
        /// The place in the text that was sent, both counted from one.
        package let line: Int?
        package let column: Int?
        /// Whether the same program may be sent again without anything happening twice.
        package let isRetryable: Bool
        /// What its tool calls came to, where the program was ended from outside.
        package let calls: InterruptedExecution?
    }

    package let execution: ExecutionID
    /// The terminal state that the execution is in.
    package let state: ExecutionState
    package let content: [Content]
    /// An object as ``AgentTool/execute`` describes in its output schema.
    package let structuredContent: JSONText
    /// Nil when the execution completed.
    package let failure: Failure?
    /// All of it as the result of an MCP `tools/call`: `{content, structuredContent, isError}`.
    package let toolResult: JSONText

    init(_ answer: ExecutionAnswer) {
        self.execution = answer.execution
        self.state = answer.state
        self.content = answer.content.map { block in
            switch block {
            case .text(let text): .text(text)
            case .block(let type, let json): .block(type: type, json)
            }
        }
        self.structuredContent = answer.structuredContent
        self.failure = answer.failure.map { failure in
            Failure(
                code: failure.code, message: failure.message, line: failure.line, column: failure.column, isRetryable: failure.isRetryable,
                calls: failure.calls.map { InterruptedExecution(execution: answer.execution, calls: $0) })
        }
        self.toolResult = answer.toolResult
    }
}
