/// The place where one result meets the one task that waits for it, in whichever order they come.
enum HeadSlot<Waiter: Sendable, Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, ChannelError>

    case empty
    case waiting(Waiter)
    case filled(Outcome)
    case taken

    /// Whether a result has been put in, taken or not.
    var isFilled: Bool {
        switch self {
        case .empty, .waiting: false
        case .filled, .taken: true
        }
    }

    /// Puts the result in, once; hands out the waiter if it is there. Later results are ignored.
    mutating func fill(_ outcome: Outcome) -> (Waiter, Outcome)? {
        switch self {
        case .empty:
            self = .filled(outcome)
            return nil
        case .waiting(let waiter):
            self = .taken
            return (waiter, outcome)
        case .filled, .taken: return nil
        }
    }

    /// Waits for the result; hands the waiter back with it if it is there already.
    mutating func wait(_ waiter: Waiter) -> (Waiter, Outcome)? {
        switch self {
        case .empty:
            self = .waiting(waiter)
            return nil
        case .filled(let outcome):
            self = .taken
            return (waiter, outcome)
        case .waiting, .taken:
            preconditionFailure("An exchange has one waiting task.")
        }
    }
}
