/// Where an execution stands. It leaves `running` and `waiting` exactly once, for one of the other four, and then never changes.
package enum ExecutionState: String, Sendable, Hashable, CaseIterable {
    /// Its program runs; may move to every other state.
    case running
    /// It waits for a person; may move to every other state.
    case waiting
    /// Its program returned.
    case completed
    /// Its program threw, broke a limit, or lost the process that ran it.
    case failed
    /// Nobody answered in time.
    case expired
    /// Its owner or an admin stopped it.
    case cancelled

    /// Whether the execution is over.
    package var isTerminal: Bool {
        switch self {
        case .running, .waiting: false
        case .completed, .failed, .expired, .cancelled: true
        }
    }
}
