import Synchronization

/// A value that one task waits for and that whoever comes first provides: an event, a time-out or a cancellation.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        /// Leaves for `resolved`, never back.
        case awaited(CheckedContinuation<Value, Never>)
        case resolved(Value)
    }

    private let state = Mutex<State>(.empty)

    /// Provides the value; false when there was one already, which then stays.
    @discardableResult
    func resolve(_ value: Value) -> Bool {
        let (isFirst, continuation) = self.state.withLock { state -> (Bool, CheckedContinuation<Value, Never>?) in
            switch state {
            case .empty:
                state = .resolved(value)
                return (true, nil)
            case .awaited(let continuation):
                state = .resolved(value)
                return (true, continuation)
            case .resolved:
                return (false, nil)
            }
        }
        continuation?.resume(returning: value)
        return isFirst
    }

    /// Waits for the value, whatever becomes of the calling task: whoever wants cancellation to end the wait resolves on it. At most one
    /// task may wait.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value = self.state.withLock { state -> Value? in
                switch state {
                case .empty:
                    state = .awaited(continuation)
                    return nil
                case .awaited:
                    preconditionFailure("two tasks wait for one value")
                case .resolved(let value):
                    return value
                }
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}
