package import Sandbox

/// All bounds of a run in one place.
///
/// Configuration keys (`roost.engine.<name>`): the names in parentheses.
package struct EngineLimits: Sendable, Hashable {
    /// What the program itself may use.
    package var sandbox = SandboxLimits()
    /// What its tool calls may carry.
    package var calls = CallLimits()
    /// What of its output is shown and stored.
    package var answer = AnswerLimits()
    /// How often it is looked at whether the key of a running program was revoked (2 s): with the age that an answer may have, well
    /// within the 5 s in which a revoked key's streams must end.
    package var standingInterval: Duration = .seconds(2)

    /// How long the end of a call that may write waits to be written with others (`call_note_delay`, 100 ms). When the process dies before,
    /// the call counts as `outcome_unknown`.
    package var callNoteDelay: Duration = .milliseconds(100)

    package init() {}
}
