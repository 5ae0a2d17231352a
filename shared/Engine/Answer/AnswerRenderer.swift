import JSON
import Model
import Sandbox

/// Shapes what a run put out into what the agent is told and what is stored.
struct AnswerRenderer {
    let execution: ExecutionID
    let limits: AnswerLimits

    /// The answer of a run that returned.
    func answer(result: JSONText?, output: SandboxOutput) -> RenderedAnswer {
        let logs = LogSection(output.logs, limits: self.limits)
        return self.rendered(
            state: .completed, failure: nil, text: self.text(result, emittedCount: output.emitted.count) + logs.text,
            structured: self.structured(output, logs) { writer in
                writer.member("status", "completed")
                writer.member("executionId", .string(self.execution.rawValue))
                writer.key("result")
                self.writeResult(result, to: &writer)
            }, output: output)
    }

    /// The answer of a run that did not complete.
    func answer(failure: ExecutionFailure, state: ExecutionState, output: SandboxOutput) -> RenderedAnswer {
        let logs = LogSection(output.logs, limits: self.limits)
        let failure = failure.cut(maxCharacters: self.limits.maxErrorCharacters)
        return self.rendered(
            state: state, failure: failure,
            text: self.cut("Error: \(failure.text)" + self.stackText(failure) + (failure.calls?.text ?? "") + logs.text),
            structured: self.structured(output, logs) { writer in
                writer.member("status", "error")
                writer.member("executionId", .string(self.execution.rawValue))
                writer.key("error")
                failure.write(to: &writer)
            }, output: output)
    }

    private func rendered(
        state: ExecutionState, failure: ExecutionFailure?, text: String, structured: JSONText, output: SandboxOutput
    ) -> RenderedAnswer {
        func answer(maxEmittedBytes: Int) -> ExecutionAnswer {
            let emitted = EmittedContent(
                output.emitted, maxItems: self.limits.maxEmittedItems, maxBytes: maxEmittedBytes,
                maxTextCharacters: self.limits.maxEmittedTextCharacters)
            return ExecutionAnswer(
                execution: self.execution, state: state, content: [.text(text)] + emitted.blocks, structuredContent: structured,
                failure: failure)
        }
        let emittedBytes = output.emitted.reduce(0) { $0 + $1.bytes.count }
        let given = answer(maxEmittedBytes: self.limits.maxEmittedBytes)
        let isStoredWhole = emittedBytes <= self.limits.maxStoredEmittedBytes
        let stored = (isStoredWhole ? given : answer(maxEmittedBytes: self.limits.maxStoredEmittedBytes)).toolResult
        guard stored.bytes.count > self.limits.maxStoredBytes else { return RenderedAnswer(answer: given, stored: stored) }
        let note = ExecutionAnswer(
            execution: self.execution, state: state,
            content: [.text("[the answer of \(stored.bytes.count) bytes was too large to be stored]")],
            structuredContent: JSONText(["status": "not_stored", "executionId": .string(self.execution.rawValue)]), failure: failure)
        return RenderedAnswer(answer: given, stored: note.toolResult)
    }

    // MARK: Text

    private func text(_ result: JSONText?, emittedCount: Int) -> String {
        guard let result, !ResultText.isNone(result) else {
            guard emittedCount > 0 else { return "(no result)" }
            return "(no result; \(emittedCount) \(emittedCount == 1 ? "item was" : "items were") shown to the user)"
        }
        let text = ResultText(result, maxCharacters: self.limits.maxTextCharacters)
        guard text.isCut else { return text.text }
        return text.text + EmittedContent.cutMarker(self.limits.maxTextCharacters, result.bytes.count)
            + "\nReturn less: filter, count or summarise the data in the program."
    }

    private func stackText(_ failure: ExecutionFailure) -> String {
        failure.stack.isEmpty ? "" : "\n" + failure.stack
    }

    private func cut(_ text: String) -> String {
        let limit = self.limits.maxTextCharacters
        guard let prefix = text.prefix(ifLongerThan: limit) else { return text }
        return "\(prefix)\n… [cut: these are the first \(limit) characters of \(text.unicodeScalars.count)]"
    }

    // MARK: Structured content

    private func structured(_ output: SandboxOutput, _ logs: LogSection, _ body: (inout JSONWriter) -> Void) -> JSONText {
        var writer = JSONWriter()
        writer.beginObject()
        body(&writer)
        if !output.emitted.isEmpty { writer.member("emitted", .int(output.emitted.count)) }
        writer.member("logs", .array(logs.lines.map(JSONValue.string)))
        writer.endObject()
        return writer.finish()
    }

    /// The result byte for byte, or what stands for one that is too large: see `ExecuteTool.outputSchema`.
    private func writeResult(_ result: JSONText?, to writer: inout JSONWriter) {
        guard let result, !ResultText.isNone(result) else { return writer.null() }
        guard result.bytes.count > self.limits.maxStructuredBytes else { return writer.raw(result) }
        writer.beginObject()
        writer.member("truncated", true)
        writer.member("byteCount", .int(result.bytes.count))
        writer.member("preview", .string(ResultText(result, maxCharacters: self.limits.maxPreviewCharacters).text))
        writer.member(
            "message",
            .string(
                """
                The result has \(result.bytes.count) bytes as JSON; at most \(self.limits.maxStructuredBytes) are given here. Return less: \
                filter, count or summarise the data in the program.
                """))
        writer.endObject()
    }
}

/// An answer, and the form of it that is stored with the execution: the same but for large emitted values.
struct RenderedAnswer {
    let answer: ExecutionAnswer
    let stored: JSONText
}

extension String {
    /// The first characters (Unicode scalars) of a text that has more of them; nil for a shorter one.
    func prefix(ifLongerThan count: Int) -> Substring? {
        let scalars = self.unicodeScalars
        guard let end = scalars.index(scalars.startIndex, offsetBy: count, limitedBy: scalars.endIndex), end < scalars.endIndex else {
            return nil
        }
        return self[..<end]
    }
}
