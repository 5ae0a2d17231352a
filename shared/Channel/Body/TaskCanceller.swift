import Synchronization

/// Cancels one structured child task from outside, for an event loop that learns that its work is not wanted any more; or tells who holds
/// the body that the task left behind.
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

    /// Who is to be told.
    private enum Work: Sendable {
        case task(Reference)
        case holder(any ChannelBodyHolder)
    }

    private let isCancelled = Atomic(false)
    private let current = Mutex<Work?>(nil)

    /// Runs work in the calling task so that ``cancel()`` reaches it; it starts cancelled if that was called before.
    func run(_ work: @Sendable () async -> Void) async {
        await withUnsafeCurrentTask { task in
            guard let task else { return await work() }
            let reference = Reference(task: task)
            self.current.withLock { $0 = .task(reference) }
            // After registering: whoever cancels either saw the registration or was seen here.
            if self.isCancelled.load(ordering: .sequentiallyConsistent) { task.cancel() }
            await work()
            self.current.withLock { if case .task? = $0 { $0 = nil } }
        }
    }

    /// Has a holder told in the place of the task that registered it, which is about to end. It is let go of once it was told.
    func hold(_ holder: any ChannelBodyHolder) {
        self.current.withLock { $0 = .holder(holder) }
        if self.isCancelled.load(ordering: .sequentiallyConsistent) { self.takeHolder()?.exchangeEnded() }
    }

    /// Lets go of the holder, which is not to be told any more.
    func release() { _ = self.takeHolder() }

    private func takeHolder() -> (any ChannelBodyHolder)? {
        self.current.withLock { current in
            guard case .holder(let holder)? = current else { return nil }
            current = nil
            return holder
        }
    }

    /// Cancels the work, now or when it starts.
    ///
    /// Cancellation handlers run inside this call. They may come back here (and return at once), but the caller must hold no lock that
    /// they take.
    func cancel() {
        guard !self.isCancelled.exchange(true, ordering: .sequentiallyConsistent) else { return }
        self.current.withLock { if case .task(let reference)? = $0 { reference.task.cancel() } }
        self.takeHolder()?.exchangeEnded()
    }
}
