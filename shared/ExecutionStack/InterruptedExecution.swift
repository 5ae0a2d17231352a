import Engine
package import JSON
package import Model

/// What is told of an execution whose answer does not come: the same in the data of a JSON-RPC error as in structured content.
package struct InterruptedExecution: Sendable, Hashable {
    package let execution: ExecutionID
    /// The state that it is in, where that is known.
    package let state: ExecutionState?
    private let calls: CallReport

    /// Whether the same program may be sent again without anything happening twice.
    package var isRetryable: Bool { self.calls.isRepeatable }

    /// What to do now, in a sentence.
    package var advice: String { ExecutionFailure.advice(self.isRetryable) }

    /// `{executionId, retryable, calls, callCount, callsComplete}`; without the last being true there may be calls that are not among them.
    package var data: JSONObject {
        [
            "executionId": .string(self.execution.rawValue), "retryable": .bool(self.isRetryable), "calls": self.calls.json,
            "callCount": .int(self.calls.count), "callsComplete": .bool(self.calls.isComplete),
        ]
    }

    init(execution: ExecutionID, state: ExecutionState? = nil, calls: CallReport) {
        self.execution = execution
        self.state = state
        self.calls = calls
    }
}
