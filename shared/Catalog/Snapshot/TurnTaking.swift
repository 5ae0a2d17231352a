import Synchronization

/// Lets a few in at a time for each key, the others in the order in which they came. Waiting ends with the task that waits.
///
/// How many wait is for the callers to bound: each is a call that is under way anyhow.
final class TurnTaking<Key: Hashable & Sendable>: Sendable {
    private struct Line {
        var insideCount = 0
        var waiters: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    private struct State {
        var lines: [Key: Line] = [:]
        var lastID: UInt64 = 0
    }

    private let maxInside: Int
    private let state = Mutex(State())

    /// - Parameter maxInside: how many are inside at once, for each key.
    init(maxInside: Int) { self.maxInside = max(1, maxInside) }

    /// Whether nobody is inside.
    func isFree(_ key: Key) -> Bool { self.state.withLock { $0.lines[key] == nil } }

    /// Runs `body` when it is the caller's turn.
    func withTurn<Result>(_ key: Key, _ body: () async throws -> Result) async throws -> Result {
        try await self.enter(key)
        defer { self.leave(key) }
        return try await body()
    }

    private func enter(_ key: Key) async throws {
        let id = self.state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = self.state.withLock { state -> Result<Void, any Error>? in
                    // Cancellation that came before is seen here; later it is seen by the handler.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.lines[key, default: Line()].insideCount < self.maxInside {
                        state.lines[key, default: Line()].insideCount += 1
                        return .success(())
                    }
                    state.lines[key]?.waiters.append((id, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.lines[key]?.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.lines[key]?.waiters.remove(at: index).continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private func leave(_ key: Key) {
        let next = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard var line = state.lines[key] else { return nil }
            // The place goes from one to the next: nobody slips in between.
            let next = line.waiters.isEmpty ? nil : line.waiters.removeFirst().continuation
            if next == nil { line.insideCount -= 1 }
            state.lines[key] = line.insideCount == 0 ? nil : line
            return next
        }
        next?.resume()
    }
}
