package import Engine
import Service

/// What programs may do and show.
///
/// Configuration keys: the bounds below.
package struct EngineSettings: Sendable {
    package let limits: EngineLimits
    package let owner: ExecutionOwner.Limits

    init(_ reader: inout SettingsReader, sandbox: SandboxSettings) {
        var limits = EngineLimits()
        limits.sandbox = sandbox.limits
        Self.readAnswer(&reader, &limits.answer)
        limits.calls.maxArgumentValues = reader.integer(
            "roost.engine.max_argument_values", default: limits.calls.maxArgumentValues, in: 1...10_000_000,
            "Values in one call's argument.")
        limits.calls.maxArgumentBytes = reader.byteCount(
            "roost.engine.max_argument_bytes", default: limits.calls.maxArgumentBytes, "One call's argument as JSON.")
        limits.calls.maxDiscoveryPage = reader.integer(
            "roost.engine.max_discovery_page", default: limits.calls.maxDiscoveryPage, in: 1...1000, "Items on a page of tools.search.")
        limits.callNoteDelay = reader.duration(
            "roost.engine.call_note_delay", default: limits.callNoteDelay,
            "How long the end of a call that may write waits to be stored with others.")
        self.limits = limits
        var owner = ExecutionOwner.Limits()
        owner.cancelPollInterval = reader.duration(
            "roost.engine.cancel_poll_interval", default: owner.cancelPollInterval,
            "How often the database is asked who wants an execution stopped.")
        owner.sweepInterval = reader.duration(
            "roost.engine.sweep_interval", default: owner.sweepInterval, "How often executions of dead processes are looked for.")
        owner.drainTimeout = reader.duration(
            "roost.engine.drain_timeout", default: owner.drainTimeout, "How long running executions may go on after SIGTERM.")
        owner.endTimeout = reader.duration(
            "roost.engine.end_timeout", default: owner.endTimeout,
            "How long writing the end of an execution is tried while its caller waits.")
        owner.maxUnrecordedEnds = reader.integer(
            "roost.engine.max_unrecorded_ends", default: owner.maxUnrecordedEnds, in: 1...100_000, "Ends kept to be written later.")
        self.owner = owner
    }

    private static func readAnswer(_ reader: inout SettingsReader, _ answer: inout AnswerLimits) {
        answer.maxTextCharacters = reader.integer(
            "roost.engine.max_text_characters", default: answer.maxTextCharacters, in: 100...1_000_000,
            "Characters of a result that an agent is shown.")
        answer.maxStructuredBytes = reader.byteCount(
            "roost.engine.max_structured_bytes", default: answer.maxStructuredBytes, in: 1024...512 << 10, "A result in structured content."
        )
        answer.maxPreviewCharacters = reader.integer(
            "roost.engine.max_preview_characters", default: answer.maxPreviewCharacters, in: 0...100_000,
            "What is shown of a result that was cut.")
        answer.maxLogLines = reader.integer("roost.engine.max_log_lines", default: answer.maxLogLines, in: 0...100_000, "Log lines shown.")
        answer.maxLogBytes = reader.byteCount("roost.engine.max_log_bytes", default: answer.maxLogBytes, "Log lines shown, together.")
        answer.maxEmittedItems = reader.integer(
            "roost.engine.max_emitted_items", default: answer.maxEmittedItems, in: 0...10_000, "Emitted values shown.")
        answer.maxEmittedBytes = reader.byteCount(
            "roost.engine.max_emitted_bytes", default: answer.maxEmittedBytes, "Emitted values shown, together.")
        answer.maxErrorCharacters = reader.integer(
            "roost.engine.max_error_characters", default: answer.maxErrorCharacters, in: 100...1_000_000,
            "Characters of what a program threw.")
    }
}
