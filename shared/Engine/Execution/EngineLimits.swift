package import Sandbox

/// All bounds of a run in one place.
package struct EngineLimits: Sendable, Hashable {
    /// What the program itself may use.
    package var sandbox = SandboxLimits()
    /// What its tool calls may carry.
    package var calls = CallLimits()
    /// What of its output is shown and stored.
    package var answer = AnswerLimits()

    package init() {}
}
