/// What became of a tool call that a program made.
package enum CallOutcome: String, Sendable, Hashable, CaseIterable {
    /// It was answered, whatever the answer says.
    case done
    /// Nothing of it left this process, so that it had no effect.
    case notSent = "not_sent"
    /// It may have been sent and was not answered: whether it had its effect cannot be told.
    case outcomeUnknown = "outcome_unknown"
}

/// How the sending of a tool call ended: what is known of its effect, and what the program gets.
package struct CallEnd: Sendable {
    package let outcome: CallOutcome
    /// Expected failures are results too; what failed here is a defect, or the call was cancelled.
    package let result: Result<ToolResult, any Error>

    package init(_ outcome: CallOutcome, _ result: Result<ToolResult, any Error>) {
        self.outcome = outcome
        self.result = result
    }
}
