import Synchronization

/// One request that waits for a connection. Connection, failure, deadline and cancellation race for it, and the first wins.
final class LeaseWaiter: Sendable {
    typealias Outcome = Result<HTTP2Connection, ChannelError>

    private let slot = Mutex(HeadSlot<CheckedContinuation<Outcome, Never>, HTTP2Connection>.empty)

    /// Ends the wait; false when it had ended before.
    @discardableResult
    func end(_ outcome: Outcome) -> Bool {
        let (isFirst, ready) = self.slot.withLock { slot in
            let isFirst = !slot.isFilled
            return (isFirst, slot.fill(outcome))
        }
        if let (waiter, outcome) = ready { waiter.resume(returning: outcome) }
        return isFirst
    }

    /// Waits for the outcome; `begin` puts the waiter where it will be found, after it can be.
    func outcome(begin: () -> Void) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.slot.withLock { $0.wait(continuation) }
                if let (waiter, outcome) = ready { waiter.resume(returning: outcome) }
                begin()
            }
        } onCancel: {
            self.end(.failure(ChannelError(.cancelled, "The request was cancelled while it waited for a connection.")))
        }
    }
}
