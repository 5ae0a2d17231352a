package import Model

/// A tool call that is about to be sent.
package struct ExecutionCallDraft: Sendable, Hashable {
    /// Its number within the execution, counted from one.
    package let sequence: UInt32
    package let address: ToolAddress
    package let effect: ToolEffect

    package init(sequence: UInt32, address: ToolAddress, effect: ToolEffect) {
        self.sequence = sequence
        self.address = address
        self.effect = effect
    }
}

/// How a tool call ended.
package struct ExecutionCallEnd: Sendable, Hashable {
    package let sequence: UInt32
    package let outcome: CallOutcome

    package init(sequence: UInt32, outcome: CallOutcome) {
        self.sequence = sequence
        self.outcome = outcome
    }
}

/// What is stored of one tool call.
package struct ExecutionCall: Sendable, Hashable {
    package let sequence: UInt32
    /// The tool's address as it was called.
    package let address: String
    package let effect: ToolEffect
    /// Nil while its process has not said how it ended. Of an execution that ended, it never is.
    package let outcome: CallOutcome?
    package let startedAt: Timestamp
    package let endedAt: Timestamp?

    package init(
        sequence: UInt32, address: String, effect: ToolEffect, outcome: CallOutcome?, startedAt: Timestamp, endedAt: Timestamp?
    ) {
        self.sequence = sequence
        self.address = address
        self.effect = effect
        self.outcome = outcome
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

/// The stored tool calls of an execution: those that may write.
package struct ExecutionCalls: Sendable, Hashable {
    /// In the order in which they were made, up to ``StoreLimits/maxListedCalls``; of more, those without an answer first.
    package let listed: [ExecutionCall]
    /// How many there are.
    package let count: Int
    /// How many of them may have had an effect: all but those that were not sent.
    package let effectiveCount: Int

    package init(listed: [ExecutionCall], count: Int, effectiveCount: Int) {
        self.listed = listed
        self.count = count
        self.effectiveCount = effectiveCount
    }

    /// None.
    package static let none = ExecutionCalls(listed: [], count: 0, effectiveCount: 0)
}
