import Synchronization

/// Collects what concurrent parts of a test saw, and lets the test wait for it without sleeping.
package final class Recorder<Element: Sendable>: Sendable {
    private struct Waiter {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var elements: [Element] = []
        var waiters: [Waiter] = []
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

    /// Returns when at least `count` were recorded.
    package func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = self.state.withLock { state in
                if state.elements.count >= count { return true }
                state.waiters.append(Waiter(count: count, continuation: continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}
