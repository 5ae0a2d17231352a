import Model
import Store

/// What one process runs at the moment, as a value: no I/O and no waiting. ``ExecutionOwner`` performs what it says.
struct OwnerState {
    /// An execution that runs here.
    struct Running {
        let lease: ReplicaLease
        let signal: StopSignal
    }

    /// An end that could not be written yet.
    struct UnrecordedEnd {
        let execution: ExecutionID
        let organization: OrganizationID
        let lease: ReplicaLease
        let end: ExecutionEnd
    }

    /// A start of which nobody knows whether it was written. Its program was not run.
    struct DoubtfulStart {
        let end: UnrecordedEnd
        let sweepsLeft: Int
    }

    private(set) var running: [ExecutionID: Running] = [:]
    private(set) var isDraining = false
    private var unrecorded: [UnrecordedEnd] = []
    private var doubtful: [DoubtfulStart] = []
    private var idleWaiters: [CheckedContinuation<Void, Never>] = []

    /// What came of taking an execution in.
    enum Beginning {
        case begun
        case draining
        /// It runs already.
        case taken
    }

    /// Takes an execution in.
    mutating func begin(_ execution: ExecutionID, _ running: Running) -> Beginning {
        guard !self.isDraining else { return .draining }
        guard self.running[execution] == nil else { return .taken }
        self.running[execution] = running
        return .begun
    }

    /// Lets an execution go; gives those who waited for the last one.
    mutating func finish(_ execution: ExecutionID) -> [CheckedContinuation<Void, Never>] {
        self.running[execution] = nil
        guard self.running.isEmpty else { return [] }
        defer { self.idleWaiters = [] }
        return self.idleWaiters
    }

    /// Takes nothing in any more.
    mutating func drain() { self.isDraining = true }

    /// Keeps somebody waiting until nothing runs; false when nothing does.
    mutating func waitUntilIdle(_ waiter: CheckedContinuation<Void, Never>) -> Bool {
        guard !self.running.isEmpty else { return false }
        self.idleWaiters.append(waiter)
        return true
    }

    /// The executions that were begun under another lease than the one that holds now.
    func orphans(under lease: ReplicaLease?) -> [Running] { self.running.values.filter { $0.lease != lease } }

    /// Keeps an end for later, dropping the oldest beyond `limit`; returns whether one was dropped.
    mutating func keep(_ end: UnrecordedEnd, limit: Int) -> Bool {
        self.unrecorded.append(end)
        guard self.unrecorded.count > limit else { return false }
        self.unrecorded.removeFirst()
        return true
    }

    /// Keeps a start in doubt for so many more looks, forgetting the oldest beyond `limit`.
    mutating func doubt(_ start: UnrecordedEnd, sweeps: Int, limit: Int) {
        guard sweeps > 0 else { return }
        self.doubtful.append(DoubtfulStart(end: start, sweepsLeft: sweeps))
        if self.doubtful.count > limit { self.doubtful.removeFirst() }
    }

    /// Takes all starts in doubt of leases that still hold; the others are the sweep's.
    mutating func takeDoubtful(under lease: ReplicaLease?) -> [DoubtfulStart] {
        defer { self.doubtful = [] }
        return self.doubtful.filter { $0.end.lease == lease }
    }

    /// Takes all kept ends of leases that still hold; those of another lease are the sweep's. Without a lease all are kept, because the
    /// one they belong to may yet turn out to hold.
    mutating func takeUnrecorded(under lease: ReplicaLease?) -> [UnrecordedEnd] {
        guard let lease else { return [] }
        defer { self.unrecorded = [] }
        return self.unrecorded.filter { $0.lease == lease }
    }
}
