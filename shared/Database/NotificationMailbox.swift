import Synchronization

/// Where one listener's announcements wait for it: bounded; what does not fit becomes one `resync`.
final class NotificationMailbox: Sendable {
    private struct State {
        var waiting: ArraySlice<DatabaseNotification> = []
        var reader: CheckedContinuation<DatabaseNotification?, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())
    private let maxBuffered: Int

    init(maxBuffered: Int) { self.maxBuffered = max(1, maxBuffered) }

    /// Adds one.
    func deliver(_ notification: DatabaseNotification) {
        let reader = self.state.withLock { state -> CheckedContinuation<DatabaseNotification?, Never>? in
            guard !state.isFinished else { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            if notification == .resync || state.waiting.count >= self.maxBuffered {
                // Whoever reads everything again needs no earlier announcement.
                state.waiting = [.resync]
            } else {
                state.waiting.append(notification)
            }
            return nil
        }
        reader?.resume(returning: notification)
    }

    /// Nothing comes any more.
    func finish() {
        let reader = self.state.withLock { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    /// Takes the first, or waits for one; nil when there will be none or the task is cancelled.
    func next() async -> DatabaseNotification? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let first = self.state.withLock { state -> DatabaseNotification?? in
                    precondition(state.reader == nil, "one task at a time reads announcements")
                    if let first = state.waiting.popFirst() { return .some(first) }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    state.reader = continuation
                    return nil
                }
                if let first { return continuation.resume(returning: first) }
                // The handler below may have run before there was a reader to wake.
                if Task.isCancelled { self.wakeReader() }
            }
        } onCancel: {
            self.wakeReader()
        }
    }

    private func wakeReader() {
        let reader = self.state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}
