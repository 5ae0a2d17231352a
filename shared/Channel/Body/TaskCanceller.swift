import Synchronization

/// Cancels one structured child task from outside, for an event loop that learns that its work is not wanted any more.
///
/// A task group cancels all of its children or none, and a second task for each request just to be cancellable would cost as much as
/// the request itself. So the child registers itself while its work runs.
struct TaskCanceller: ~Copyable, Sendable {
    /// Carries the reference into the lock.
    ///
    /// `@unchecked Sendable`: the reference is valid while the closure of `withUnsafeCurrentTask` runs. ``run(_:)`` stores it inside
    /// that closure and removes it before the closure returns, both under the lock, and ``cancel()`` uses it only under the same lock.
    /// The one operation used, `cancel`, is also part of `Task` and therefore allowed from other tasks, as its documentation says.
    private struct Reference: @unchecked Sendable {
        let task: UnsafeCurrentTask
    }

    private let isCancelled = Atomic(false)
    private let current = Mutex<Reference?>(nil)

    /// Runs work in the calling task so that ``cancel()`` reaches it; it starts cancelled if that was called before.
    func run(_ work: @Sendable () async -> Void) async {
        await withUnsafeCurrentTask { task in
            guard let task else { return await work() }
            let reference = Reference(task: task)
            self.current.withLock { $0 = reference }
            // After registering: whoever cancels either saw the registration or was seen here.
            if self.isCancelled.load(ordering: .sequentiallyConsistent) { task.cancel() }
            await work()
            self.current.withLock { $0 = nil }
        }
    }

    /// Cancels the work, now or when it starts.
    ///
    /// Cancellation handlers run inside this call. They may come back here (and return at once), but the caller must hold no lock that
    /// they take.
    func cancel() {
        guard !self.isCancelled.exchange(true, ordering: .sequentiallyConsistent) else { return }
        self.current.withLock { $0?.task.cancel() }
    }
}
