import Dispatch

/// Runs an actor's work on a dispatch queue of its own: never on the threads of the concurrency pool, so that it may block, and always
/// in turn with the handlers of the dispatch sources on the same queue.
final class QueueExecutor: SerialExecutor {
    let queue: DispatchQueue

    init(label: String) { self.queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = self.asUnownedSerialExecutor()
        self.queue.async { job.runSynchronously(on: executor) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(self.queue)) }
}
