import Synchronization

/// Runs what must outlive the request that began it: calls whose client disconnected, and clean-up after a request was cancelled.
///
/// Structured all the same: every job is a child of ``run()``, which returns when it was told that no more will come and all have ended.
final class SessionWork: Sendable {
    typealias Job = @Sendable () async -> Void

    private let maxCount: Int
    private let jobs: AsyncStream<Job>
    private let continuation: AsyncStream<Job>.Continuation
    private let state = Mutex(State())

    private struct State {
        var count = 0
        var isFinished = false
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
    }

    /// - Parameter maxCount: How many jobs there may be at once, waiting ones included: every call, and one small job for every session.
    init(maxCount: Int) {
        self.maxCount = maxCount
        (self.jobs, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(maxCount))
    }

    /// How many jobs there are.
    var count: Int { self.state.withLock { $0.count } }

    /// Begins a job; false when there are as many as there may be, or none are taken any more.
    func start(_ job: @escaping Job) -> Bool {
        let isTaken = self.state.withLock { state in
            guard !state.isFinished, state.count < self.maxCount else { return false }
            state.count += 1
            return true
        }
        guard isTaken else { return false }
        self.continuation.yield(job)
        return true
    }

    /// Runs the jobs. Cancelling it cancels them all.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in self.jobs {
                group.addTask {
                    await job()
                    self.ended()
                }
            }
        }
        // What was taken in but not begun when this was cancelled ends here too, so that nobody waits for it.
        while self.count > 0 { self.ended() }
    }

    /// Takes no more jobs, so that ``run()`` returns when the last has ended.
    func finish() {
        self.state.withLock { $0.isFinished = true }
        self.continuation.finish()
    }

    /// Waits until there is no job; new ones may begin meanwhile.
    func untilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = self.state.withLock { state in
                if state.count > 0 { state.idleWaiters.append(continuation) }
                return state.count == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    private func ended() {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
