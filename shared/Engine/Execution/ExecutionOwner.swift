package import Logging
package import Model
import ServiceLifecycle
import Store
import Synchronization

/// The executions that one process owns: takes them in, stops them when the database, the lease or the process says so, and ends what
/// other processes left when they died. One for a process.
///
/// A service: ``run()`` does the watching, without which nothing is stopped from outside and nothing is swept, and drains when the
/// process shuts down. What it needs for that (the database, the lease, the sandbox) has to be shut down after it.
package final class ExecutionOwner: Service {
    /// The bounds of an owner.
    ///
    /// Configuration keys (`roost.engine.<name>`): the names in parentheses.
    package struct Limits: Sendable, Hashable {
        /// How often the database is asked who wants an execution stopped, while any runs and nobody told (`cancel_poll_interval`, 250 ms).
        package var cancelPollInterval: Duration = .milliseconds(250)
        /// How often executions of dead owners are looked for (`sweep_interval`, 2 s).
        package var sweepInterval: Duration = .seconds(2)
        /// How long running executions may go on once the process drains, before they are interrupted (`drain_timeout`, 20 s).
        package var drainTimeout: Duration = .seconds(20)
        /// How long the end of an execution is tried to be written while its caller waits (`end_timeout`, 5 s).
        package var endTimeout: Duration = .seconds(5)
        /// Ends kept in memory for later because they could not be written in that time (`max_unrecorded_ends`, 256). The oldest beyond
        /// that is forgotten; its row is ended by a sweep once this process is gone.
        package var maxUnrecordedEnds = 256

        package init() {}
    }

    private let records: any ExecutionRecords
    private let lease: any LeaseSource
    private let limits: Limits
    private let answer: AnswerLimits
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state = Mutex(OwnerState())

    /// - Parameter answer: How much is told of what dead owners left.
    package init(
        records: any ExecutionRecords, lease: any LeaseSource, limits: Limits = Limits(), answer: AnswerLimits = AnswerLimits(),
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.records = records
        self.lease = lease
        self.limits = limits
        self.answer = answer
        self.clock = clock
        self.logger = logger
    }

    /// How many executions run here now.
    package var runningCount: Int { self.state.withLock { $0.running.count } }

    /// Stops an execution if it runs here; it ends `cancelled`. False when it does not run here.
    @discardableResult
    package func cancel(_ execution: ExecutionID) -> Bool {
        guard let running = self.state.withLock({ $0.running[execution] }) else { return false }
        running.signal.stop(.cancelled)
        return true
    }

    /// Whether the lease still holds under which an execution was begun, asked right before anything is done that others see: a process
    /// that was stopped and goes on later does not know by itself that its time is up.
    func holds(_ lease: ReplicaLease) -> Bool { self.lease.currentLease == lease }

    // MARK: The life of one execution

    /// Takes an execution in under the lease that holds now.
    ///
    /// - Throws: ``EngineError`` while the process drains or has no lease.
    func begin(_ execution: ExecutionID) throws(EngineError) -> OwnerState.Running {
        guard let lease = self.lease.currentLease else {
            throw EngineError(code: .unavailable, message: "This process cannot run programs at the moment. Try again later.")
        }
        let running = OwnerState.Running(lease: lease, signal: StopSignal())
        switch self.state.withLock({ $0.begin(execution, running) }) {
        case .begun: return running
        case .taken: throw .alreadyBegun(execution)
        case .draining:
            throw EngineError(code: .draining, message: "This process is shutting down and runs no more programs. Try again.")
        }
    }

    /// What lets the calls of an execution out that was taken in.
    func journal(of execution: ExecutionID, in organization: OrganizationID, _ running: OwnerState.Running) -> CallJournal {
        CallJournal(
            CallJournal.Subject(execution: execution, organization: organization, lease: running.lease), records: self.records,
            lease: self.lease, signal: running.signal, logger: self.logger)
    }

    /// Writes the first state of an execution.
    ///
    /// The write is waited for although the caller may be gone: cancelled in the middle it might happen all the same, unseen. Where that
    /// stays in doubt, because the database went away, the row is looked for and ended by ``sweep()``. Longer than the lease holds nobody
    /// waits.
    func recordStart(_ draft: ExecutionDraft) async throws(EngineError) {
        let (records, lease) = (self.records, self.lease)
        let result = await Task {
            await LeasedWrite.attempt(under: draft.owner, of: lease) { try await records.start(draft) }
        }.value
        guard case .failure(let cause) = result else { return }
        if let cause = cause as? StoreError, cause.code == .alreadyExists { throw .alreadyBegun(draft.id, cause: cause) }
        // The store's own refusals wrote nothing.
        if !(cause is StoreError) {
            let end = ExecutionEnd(state: .failed, outcome: nil, errorCode: EngineError.Code.unavailable.description)
            let start = OwnerState.UnrecordedEnd(
                execution: draft.id, organization: draft.principal.organization, lease: draft.owner, end: end)
            self.state.withLock { $0.doubt(start, sweeps: Self.doubtfulSweeps, limit: self.limits.maxUnrecordedEnds) }
        }
        throw EngineError(
            code: .unavailable, message: "The program was not run, because its start could not be stored. Try again later.",
            execution: draft.id, cause: cause)
    }

    /// For how many sweeps the row of a start in doubt is looked for: a minute, which outlasts every statement that may still write it.
    private static let doubtfulSweeps = 30

    /// Writes the end of an execution, trying again for a while when that fails.
    ///
    /// A write that hangs is given up once that while is over, or the lease.
    ///
    /// - Parameter calls: What is told of the execution's calls when it cannot be written.
    /// - Throws: ``EngineError`` with code `end_not_recorded` when it could not be written; it is then kept and tried again while this
    ///   process holds its lease, and left to the sweep after that.
    func recordEnd(_ unrecorded: OwnerState.UnrecordedEnd, _ calls: CallReport) async throws(EngineError) -> ExecutionRepository.Finish {
        try await self.recordEnd(unrecorded, calls, on: self.clock)
    }

    private func recordEnd<C: Clock<Duration>>(
        _ unrecorded: OwnerState.UnrecordedEnd, _ calls: CallReport, on clock: C
    ) async throws(EngineError) -> ExecutionRepository.Finish {
        let start = clock.now
        var delay = Duration.milliseconds(50)
        while true {
            guard self.holds(unrecorded.lease) else {
                // Under a lease that may be over nothing is written; should it turn out to hold, this is written then.
                _ = self.state.withLock { $0.keep(unrecorded, limit: self.limits.maxUnrecordedEnds) }
                return .alreadyEnded(.failed, errorCode: ExecutionRepository.interruptedCode)
            }
            let left = self.limits.endTimeout - start.duration(to: clock.now)
            let result = await LeasedWrite.attempt(under: unrecorded.lease, of: self.lease, within: left, on: clock) {
                try await self.write(unrecorded)
            }
            switch result {
            case .success(let finish): return finish
            case .failure(let cause):
                guard self.holds(unrecorded.lease) else { continue }
                let isInTime = start.duration(to: clock.now) + delay < self.limits.endTimeout
                guard isInTime, (try? await clock.sleep(for: delay)) != nil, start.duration(to: clock.now) < self.limits.endTimeout else {
                    throw self.keep(unrecorded, calls, cause: cause)
                }
                delay = min(delay * 2, .seconds(1))
            }
        }
    }

    /// Lets an execution go, whatever became of it.
    func finish(_ execution: ExecutionID) {
        for waiter in self.state.withLock({ $0.finish(execution) }) { waiter.resume() }
    }

    /// One attempt; an execution that is no longer ours ended long ago, or will be ended by its new owner.
    private func write(_ unrecorded: OwnerState.UnrecordedEnd) async throws -> ExecutionRepository.Finish {
        do {
            return try await self.records.finish(
                unrecorded.execution, in: unrecorded.organization, by: unrecorded.lease, with: unrecorded.end)
        } catch let error as StoreError where error.code == .ownerLost || error.code == .notFound {
            return .alreadyEnded(.failed, errorCode: ExecutionRepository.interruptedCode)
        }
    }

    private func keep(_ unrecorded: OwnerState.UnrecordedEnd, _ calls: CallReport, cause: any Error) -> EngineError {
        let isDropped = self.state.withLock { $0.keep(unrecorded, limit: self.limits.maxUnrecordedEnds) }
        self.logger.error(
            "the end of an execution could not be stored",
            metadata: ["execution": "\(unrecorded.execution)", "cause": "\(cause)", "dropped-another": "\(isDropped)"])
        return EngineError(
            code: .endNotRecorded,
            message: """
                The program ran to its end, but its outcome could not be stored. \(ExecutionFailure.advice(calls.isRepeatable)) \
                Execution \(unrecorded.execution) tells its state once the database can be written again.
                """, execution: unrecorded.execution, calls: calls, cause: cause)
    }

    // MARK: Watching

    /// Watches until shutdown (cancellations asked for in the database, the lease, ends to be written, orphans), then drains: takes no
    /// more executions, waits for the running ones up to the bound, interrupts the rest and waits for their ends.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.stopWithTheLease() }
            group.addTask { await self.keepWatching() }
            group.addTask { await self.every(self.limits.sweepInterval) { await self.sweep() } }
            group.addTask {
                // Cancellation without a graceful shutdown leaves no time: what runs is interrupted at once.
                try? await gracefulShutdown()
                await self.drain()
                await self.watch()
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Takes no more executions and returns when none is left.
    package func drain() async {
        self.state.withLock { $0.drain() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.untilIdle() }
            group.addTask {
                // Whether the time is up, the last one ended, or whoever drains was cancelled: what still runs is stopped.
                try? await self.clock.sleep(for: self.limits.drainTimeout)
                for running in self.state.withLock({ Array($0.running.values) }) { running.signal.stop(.draining) }
                await self.untilIdle()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func untilIdle() async {
        await withCheckedContinuation { continuation in
            let isWaiting = self.state.withLock { $0.waitUntilIdle(continuation) }
            if !isWaiting { continuation.resume() }
        }
    }

    /// Stops what runs under a lease in the moment in which it ends. Nothing else may be waited for here, least of all the database, which
    /// cannot be reached then.
    private func stopWithTheLease() async {
        while !Task.isCancelled, let lease = try? await self.lease.lease() {
            await self.lease.untilLost(lease)
            self.stopOrphans()
        }
    }

    /// Looks after every pause, and at once when somebody wants one of the executions here stopped.
    private func keepWatching() async {
        await StoreChanges.repeating(
            self.records.cancellations(), isMeant: { self.lease.currentLease?.replica == $0 },
            or: { try await self.clock.sleep(for: self.limits.cancelPollInterval) }
        ) { await self.watch() }
    }

    private func every(_ interval: Duration, _ body: () async -> Void) async {
        while (try? await self.clock.sleep(for: interval)) != nil { await body() }
    }

    /// One look at what may stop the executions here, and another try at what could not be written.
    func watch() async {
        self.stopOrphans()
        let lease = self.lease.currentLease
        let (isIdle, unrecorded) = self.state.withLock { state in (state.running.isEmpty, state.takeUnrecorded(under: lease)) }
        for end in unrecorded { await self.retry(end) }
        guard let lease, !isIdle else { return }
        do {
            for execution in try await self.records.cancelled(of: lease) { self.cancel(execution) }
        } catch {
            self.logger.warning("cancellations cannot be read", metadata: ["cause": "\(error)"])
        }
    }

    /// Stops what runs under a lease that does not certainly hold any more; asks nobody but this process's own clock.
    func stopOrphans() {
        let lease = self.lease.currentLease
        for orphan in self.state.withLock({ $0.orphans(under: lease) }) { orphan.signal.stop(.leaseLost) }
    }

    private func retry(_ unrecorded: OwnerState.UnrecordedEnd) async {
        do {
            _ = try await self.write(unrecorded)
        } catch {
            _ = self.state.withLock { $0.keep(unrecorded, limit: self.limits.maxUnrecordedEnds) }
        }
    }

    /// One look for what dead owners left, and for rows that this one wrote without knowing.
    func sweep() async {
        for start in self.state.withLock({ $0.takeDoubtful(under: self.lease.currentLease) }) { await self.end(start) }
        do {
            let limits = self.answer
            let count = try await self.records.sweepOrphans { ExecutionAnswer.interrupted($0, $1, limits: limits).toolResult }
            if count > 0 { self.logger.notice("ended executions of dead owners", metadata: ["count": "\(count)"]) }
        } catch {
            self.logger.warning("executions of dead owners cannot be looked for", metadata: ["cause": "\(error)"])
        }
    }

    private func end(_ doubtful: OwnerState.DoubtfulStart) async {
        let start = doubtful.end
        do {
            _ = try await self.records.finish(start.execution, in: start.organization, by: start.lease, with: start.end)
        } catch let error as StoreError where error.code == .ownerLost {
            // Its new owner ends it.
        } catch {
            // Not there yet, or the database is still away.
            let sweeps = error is StoreError ? doubtful.sweepsLeft - 1 : doubtful.sweepsLeft
            self.state.withLock { $0.doubt(start, sweeps: sweeps, limit: self.limits.maxUnrecordedEnds) }
        }
    }
}
