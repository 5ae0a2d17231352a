import Synchronization

/// The bridge from synchronous code to structured tasks: jobs go in from anywhere, and ``run(_:)`` has a child task for each.
///
/// The bound counts jobs that wait and jobs that run together, so it bounds tasks as well as memory.
final class JobQueue<Job: Sendable>: Sendable {
    private struct State {
        var waiting: [Job] = []
        var isFinished = false
        var isRunning = false
        var runner: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let limit: JobLimit

    /// Makes a queue that refuses jobs while as many are waiting or running as the limit allows, which it may share with other queues.
    init(limit: JobLimit) { self.limit = limit }

    /// Makes a queue that refuses jobs while `maxJobs` are waiting or running.
    convenience init(maxJobs: Int) { self.init(limit: JobLimit(maxJobs)) }

    /// Whether the queue takes no more jobs.
    var isFinished: Bool { self.state.withLock { $0.isFinished } }

    /// Why a job was not taken.
    enum Refusal: Error {
        case full
        case finished
    }

    /// Takes a job.
    func push(_ job: Job) throws(Refusal) {
        let runner = try self.state.withLock { state throws(Refusal) in
            guard !state.isFinished else { throw .finished }
            guard self.limit.take() else { throw .full }
            state.waiting.append(job)
            return state.runner.take()
        }
        runner?.resume()
    }

    /// Takes no more jobs. ``run(_:)`` returns when those taken have ended; if it is not running, they are returned to be failed.
    func finish() -> [Job] {
        let (runner, left) = self.state.withLock { state in
            state.isFinished = true
            var left: [Job] = []
            if !state.isRunning {
                left = state.waiting
                state.waiting = []
            }
            return (state.runner.take(), left)
        }
        runner?.resume()
        return left
    }

    /// Runs every job in a child task until the queue is finished and they have all ended. Cancellation finishes the queue and reaches
    /// the children; jobs that were still waiting are run too, cancelled from the start, so that none goes without an answer.
    func run(_ body: @escaping @Sendable (Job) async -> Void) async {
        self.state.withLock { $0.isRunning = true }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                while let jobs = await self.nextJobs() {
                    for job in jobs {
                        group.addTask {
                            await body(job)
                            self.limit.giveBack()
                        }
                    }
                }
            }
        } onCancel: {
            _ = self.finish()
        }
    }

    private func nextJobs() async -> [Job]? {
        while true {
            let step: [Job]?? = self.state.withLock { state in
                if !state.waiting.isEmpty {
                    defer { state.waiting = [] }
                    return .some(state.waiting)
                }
                return state.isFinished ? .some(nil) : nil
            }
            if let step { return step }
            await withCheckedContinuation { continuation in
                let isReady = self.state.withLock { state in
                    guard state.waiting.isEmpty, !state.isFinished else { return true }
                    state.runner = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
