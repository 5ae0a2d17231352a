package import NIOCore

/// Runs tasks on one event loop, for work that only looks something up and passes bytes on.
///
/// On the shared pool each wait of such a task costs two wake-ups of other threads, which is more than the work between them. Everything
/// else on the loop stands still while such a task computes: what takes longer than reading ``maxBytes`` leaves the loop, with
/// `withTaskExecutorPreference(globalConcurrentExecutor)`.
package final class EventLoopExecutor: TaskExecutor {
    /// The largest message, in bytes, that is read on an event loop: about a tenth of a millisecond (docs/benchmarks.md, checking JSON).
    package static let maxBytes = 64 << 10

    private let loop: any EventLoop

    /// An executor for tasks on `loop`.
    package init(_ loop: any EventLoop) { self.loop = loop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
