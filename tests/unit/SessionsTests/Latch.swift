import Synchronization

/// Holds tasks up until a test opens it. Cancelled ones go on at once, so that a test that fails also ends.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var visits = 0
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// How many tasks have come so far.
    var visits: Int { self.state.withLock { $0.visits } }

    /// Waits until it is open.
    func wait() async {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isHeld = self.state.withLock { state in
                    state.visits += 1
                    guard !state.isOpen, !Task.isCancelled else { return false }
                    state.waiting[id] = continuation
                    return true
                }
                if !isHeld { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }

    /// Waits until somebody came.
    func waitForVisitor() async throws {
        while self.visits == 0 {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Lets everybody go on, from now on too.
    func open() {
        let waiting = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }
}
