import Synchronization

/// Collects what concurrent parts of a test saw, and lets the test wait for it without sleeping.
package final class Recorder<Element: Sendable>: Sendable {
    private struct Waiter {
        let id: Int
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var elements: [Element] = []
        var waiters: [Waiter] = []
        var nextID = 0
        /// Waits that were cancelled before they had begun.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// An empty recorder.
    package init() {}

    /// What was recorded so far, in order.
    package var elements: [Element] { self.state.withLock(\.elements) }

    /// Adds one and wakes those who waited for it.
    package func record(_ element: Element) {
        let ready = self.state.withLock { state in
            state.elements.append(element)
            let count = state.elements.count
            defer { state.waiters.removeAll { $0.count <= count } }
            return state.waiters.filter { $0.count <= count }
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns when at least `count` were recorded, or the task is cancelled: a test whose time is up must end.
    package func wait(for count: Int) async {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = self.state.withLock { state in
                    if state.elements.count >= count || state.cancelled.remove(id) != nil { return true }
                    state.waiters.append(Waiter(id: id, count: count, continuation: continuation))
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume()
        }
    }
}
