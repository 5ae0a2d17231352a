internal import Synchronization

/// Lets so many look-ups through at once; others wait for their turn, in the order in which they came, so many of them and so long.
///
/// Keys that nobody knows cost a statement each, before any rate could apply to whoever sends them. Those that are looked up at once
/// leave the database to everybody else.
final class LookUpGate: Sendable {
    private struct State {
        var free: Int
        var waiters: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var lastID: UInt64 = 0
    }

    private let maxWaiting: Int
    private let wait: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - width: How many are through at once.
    ///   - maxWaiting: How many wait.
    ///   - wait: How long each of them waits.
    init(width: Int, maxWaiting: Int, wait: Duration) {
        self.maxWaiting = maxWaiting
        self.wait = wait
        self.state = Mutex(State(free: width))
    }

    /// How many wait.
    var waitingCount: Int { self.state.withLock(\.waiters.count) }

    /// Waits for a turn, which ends with ``leave()``; false when too many wait already, it takes too long, or the task is cancelled.
    func enter() async -> Bool {
        let atOnce: Bool? = self.state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return true
            }
            return state.waiters.count < self.maxWaiting ? nil : false
        }
        if let atOnce { return atOnce }
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await self.turn(id) }
            group.addTask {
                try? await Task.sleep(for: self.wait)
                return nil
            }
            defer { group.cancelAll() }
            for await hasTurn in group {
                if let hasTurn { return hasTurn }
                // The time is up. A turn that came at the same moment counts, and is to be ended.
                group.cancelAll()
            }
            return false
        }
    }

    /// Ends a turn; the next in the line has it.
    func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst().continuation
        }
        next?.resume(returning: true)
    }

    private func turn(_ id: UInt64) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let atOnce: Bool? = self.state.withLock { state in
                    // Cancellation that came before the continuation was there is seen here; later it is seen by the handler.
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    guard state.waiters.count < self.maxWaiting else { return false }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let atOnce { continuation.resume(returning: atOnce) }
            }
        } onCancel: {
            self.giveUp(id)
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiter = self.state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
        }
        waiter?.resume(returning: false)
    }
}
