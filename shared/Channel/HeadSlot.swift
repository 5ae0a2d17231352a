/// What a client gets first: the head of the response, with the whole body if that had arrived by then.
typealias HeadResult = Result<ChannelResponse, ChannelError>
/// What the sending task waits on.
typealias HeadContinuation = CheckedContinuation<HeadResult, Never>

/// The place where one response or failure meets the one task that waits for it, in whichever order they come.
enum HeadSlot<Waiter> {
    case empty
    case waiting(Waiter)
    case filled(HeadResult)
    case taken

    /// Whether a result has been put in, taken or not.
    var isFilled: Bool {
        switch self {
        case .empty, .waiting: false
        case .filled, .taken: true
        }
    }

    /// Puts the result in, once; hands out the waiter if it is there. Later results are ignored.
    mutating func fill(_ result: HeadResult) -> (Waiter, HeadResult)? {
        switch self {
        case .empty:
            self = .filled(result)
            return nil
        case .waiting(let waiter):
            self = .taken
            return (waiter, result)
        case .filled, .taken: return nil
        }
    }

    /// Waits for the result; hands the waiter back with it if it is there already.
    mutating func wait(_ waiter: Waiter) -> (Waiter, HeadResult)? {
        switch self {
        case .empty:
            self = .waiting(waiter)
            return nil
        case .filled(let result):
            self = .taken
            return (waiter, result)
        case .waiting, .taken:
            preconditionFailure("An exchange has one waiting task.")
        }
    }
}
