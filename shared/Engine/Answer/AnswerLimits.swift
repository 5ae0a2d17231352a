/// How much of what a run put out an agent is shown, and how much is stored.
///
/// Configuration keys (`roost.engine.<name>`): the names in parentheses.
package struct AnswerLimits: Sendable, Hashable {
    /// Characters (Unicode scalars) of the result in the text, or of error and logs together (`max_text_characters`, 30,000).
    package var maxTextCharacters = 30_000
    /// Bytes of the result in the structured content; a larger one is replaced by a marker (`max_structured_bytes`, 64 KiB).
    package var maxStructuredBytes = 64 << 10
    /// Characters of a replaced result that its marker shows (`max_preview_characters`, 2,000).
    package var maxPreviewCharacters = 2000
    /// Log lines shown (`max_log_lines`, 1,000); the first ones, and how many are missing.
    package var maxLogLines = 1000
    /// Bytes of the log lines shown (`max_log_bytes`, 32 KiB).
    package var maxLogBytes = 32 << 10
    /// Emitted values shown (`max_emitted_items`, 64).
    package var maxEmittedItems = 64
    /// Bytes of the emitted values shown, as JSON, together (`max_emitted_bytes`, 8 MiB).
    package var maxEmittedBytes = 8 << 20
    /// Characters of one emitted value that is shown as text (`max_emitted_text_characters`, 64,000).
    package var maxEmittedTextCharacters = 64_000
    /// Bytes of the emitted values that are stored with the execution, together (`max_stored_emitted_bytes`, 256 KiB).
    package var maxStoredEmittedBytes = 256 << 10

    /// Characters of what a program threw, and of its stack (`max_error_characters`, 8,000).
    package var maxErrorCharacters = 8000
    /// Bytes of a stored answer (`max_stored_bytes`, 1 MiB, which is what the store takes). The bounds above keep below it whatever
    /// characters are escaped; where they were raised, a note is stored instead.
    package var maxStoredBytes = 1 << 20

    package init() {}
}
