import Synchronization

/// How many jobs there may be at once, waiting ones included, in one queue or several.
final class JobLimit: Sendable {
    private let maxJobs: Int
    private let count = Atomic(0)

    init(_ maxJobs: Int) { self.maxJobs = maxJobs }

    /// Makes room for a job; false when there is none.
    func take() -> Bool {
        if self.count.add(1, ordering: .relaxed).newValue <= self.maxJobs { return true }
        self.giveBack()
        return false
    }

    /// A job has ended.
    func giveBack() { self.count.subtract(1, ordering: .relaxed) }
}
