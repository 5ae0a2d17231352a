import NIOCore

/// Runs tasks on the event loop of the connection that they serve.
///
/// A request that only looks something up and passes bytes on then needs no other thread: on the shared pool each of its waits costs two
/// wake-ups, which is more than the work between them. What computes for long must leave the loop (``RouteTable`` does), because all
/// connections of the loop stand still for it.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
