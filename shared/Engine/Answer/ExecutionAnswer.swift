package import JSON
package import Model
import Sandbox
package import Store

/// What an agent is told about an execution that ended: the same over MCP and REST.
package struct ExecutionAnswer: Sendable {
    package let execution: ExecutionID
    /// The terminal state that the execution is in.
    package let state: ExecutionState
    /// The text, then what the program emitted, in order.
    package let content: [ContentBlock]
    /// `{status, executionId, result, emitted?, logs}` or `{status, executionId, error, emitted?, logs}`.
    package let structuredContent: JSONText
    /// Why it did not complete; nil when it did.
    package let failure: ExecutionFailure?

    package init(
        execution: ExecutionID, state: ExecutionState, content: [ContentBlock], structuredContent: JSONText, failure: ExecutionFailure?
    ) {
        self.execution = execution
        self.state = state
        self.content = content
        self.structuredContent = structuredContent
        self.failure = failure
    }

    /// What is said of an execution whose process died, so that nothing is known of it but its calls.
    package static func interrupted(_ execution: ExecutionID, _ calls: CallReport, limits: AnswerLimits) -> ExecutionAnswer {
        AnswerRenderer(execution: execution, limits: limits)
            .answer(failure: .interrupted(calls), state: .failed, output: SandboxOutput()).answer
    }

    /// The same of one that was ended, with what is stored of its calls.
    package static func interrupted(_ execution: ExecutionID, _ calls: ExecutionCalls, limits: AnswerLimits) -> ExecutionAnswer {
        self.interrupted(execution, CallReport(calls, hasEnded: true), limits: limits)
    }

    /// The result of an MCP `tools/call`: `{content, structuredContent, isError}`.
    package var toolResult: JSONText {
        let size = self.content.reduce(self.structuredContent.bytes.count) { $0 + $1.byteCount + 64 }
        var writer = JSONWriter(reservingCapacity: size)
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for block in self.content { block.write(to: &writer) }
        writer.endArray()
        writer.key("structuredContent")
        writer.raw(self.structuredContent)
        writer.member("isError", .bool(self.failure != nil))
        writer.endObject()
        return writer.finish()
    }
}

/// Why an execution did not complete, as an agent sees it.
package struct ExecutionFailure: Error, Sendable, Hashable {
    /// A stable snake-case code: `program_threw`, `syntax_error`, `cpu_limit`, `cancelled`, `execution_interrupted`, …
    package let code: String
    /// What happened and what to do about it.
    package let message: String
    /// What was thrown, for `program_threw`: `TypeError`.
    package let name: String?
    /// The place in the text that was sent, both counted from one.
    package let line: Int?
    package let column: Int?
    /// The frames in the program; empty when there are none.
    package let stack: String
    /// Whether the same program may succeed later without doing anything twice.
    package let isRetryable: Bool
    /// What its tool calls came to, where the program was ended from outside; nil where it ended by itself.
    package let calls: CallReport?

    package init(
        code: String, message: String, name: String? = nil, line: Int? = nil, column: Int? = nil, stack: String = "",
        isRetryable: Bool = false, calls: CallReport? = nil
    ) {
        self.code = code
        self.message = message
        self.name = name
        self.line = line
        self.column = column
        self.stack = stack
        self.isRetryable = isRetryable
        self.calls = calls
    }

    /// The failure in one line: `TypeError: x is not a function (line 3, column 5)`.
    package var text: String {
        var text = self.name.map { "\($0): \(self.message)" } ?? self.message
        if let line = self.line {
            text += self.column.map { " (line \(line), column \($0))" } ?? " (line \(line))"
        }
        return text
    }

    /// The failure with its message and stack cut.
    func cut(maxCharacters: Int) -> ExecutionFailure {
        func cut(_ text: String) -> String { text.prefix(ifLongerThan: maxCharacters).map { "\($0)…" } ?? text }
        return ExecutionFailure(
            code: self.code, message: cut(self.message), name: self.name, line: self.line, column: self.column, stack: cut(self.stack),
            isRetryable: self.isRetryable, calls: self.calls)
    }

    /// The failure as structured content has it.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("code", .string(self.code))
        writer.member("message", .string(self.message))
        if let name = self.name { writer.member("name", .string(name)) }
        if let line = self.line { writer.member("line", .int(line)) }
        if let column = self.column { writer.member("column", .int(column)) }
        if !self.stack.isEmpty { writer.member("stack", .string(self.stack)) }
        writer.member("retryable", .bool(self.isRetryable))
        if let calls = self.calls {
            writer.member("calls", calls.json)
            writer.member("callCount", .int(calls.count))
        }
        writer.endObject()
    }
}
