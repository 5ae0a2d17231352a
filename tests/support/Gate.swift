import Synchronization

/// Holds tasks up until a test lets them pass.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var hasVisitor = false
        var visitors: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits until the gate is open; ignores cancellation.
    package func wait() async {
        await withCheckedContinuation { continuation in
            let (ready, isOpen) = self.state.withLock { state in
                state.hasVisitor = true
                if !state.isOpen { state.visitors.append(continuation) }
                defer { state.watchers = [] }
                return (state.watchers, state.isOpen)
            }
            if isOpen { continuation.resume() }
            for watcher in ready { watcher.resume() }
        }
    }

    /// Waits until somebody stands at the gate or has passed it.
    package func waitForVisitor() async {
        await withCheckedContinuation { continuation in
            let hasVisitor = self.state.withLock { state in
                if !state.hasVisitor { state.watchers.append(continuation) }
                return state.hasVisitor
            }
            if hasVisitor { continuation.resume() }
        }
    }

    /// Lets everybody pass, from now on too.
    package func open() {
        let visitors = self.state.withLock { state in
            state.isOpen = true
            defer { state.visitors = [] }
            return state.visitors
        }
        for visitor in visitors { visitor.resume() }
    }
}
