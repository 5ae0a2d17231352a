import Logging
import Model
import Store
import Synchronization

/// Lets the tool calls of one run out, and knows what became of them.
///
/// Before a call that may write is sent, its row is committed under the lease of the run's owner; its end is written a little later, with
/// others, or with the end of the execution. A read costs no statement. No call at all is sent once the lease does not certainly hold: by
/// then another process may have ended the execution and said what its calls came to.
final class CallJournal: Sendable {
    /// The run is over or about to be stopped: the call was not sent.
    struct RunIsOver: Error {}

    /// Of which execution, and under which lease.
    struct Subject: Sendable {
        let execution: ExecutionID
        let organization: OrganizationID
        let lease: ReplicaLease
    }

    private let subject: Subject
    private let records: any ExecutionRecords
    private let source: any LeaseSource
    private let signal: StopSignal
    private let logger: Logger
    private let ledger = Mutex(CallLedger())
    private let ends: AsyncStream<Void>
    private let ended: AsyncStream<Void>.Continuation

    init(_ subject: Subject, records: any ExecutionRecords, lease source: any LeaseSource, signal: StopSignal, logger: Logger) {
        self.subject = subject
        self.records = records
        self.source = source
        self.signal = signal
        self.logger = logger
        (self.ends, self.ended) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Sends a call, if it may be sent.
    ///
    /// - Throws: ``RunIsOver``, ``ToolError`` when it cannot be recorded that the call is sent, or what `send` failed with.
    func perform(_ call: ExecutionCallDraft, _ send: () async -> CallEnd) async throws -> ToolResult {
        try self.checkLease()
        guard self.ledger.withLock({ $0.prepare(call) }) else { throw RunIsOver() }
        do {
            if call.effect == .write { try await self.record(call) }
        } catch {
            self.end(call, .notSent)
            throw error
        }
        guard self.ledger.withLock({ $0.send(call.sequence) }) else { throw RunIsOver() }
        let end = await send()
        self.end(call, end.outcome)
        return try end.result.get()
    }

    /// What is told of the calls so far.
    var report: CallReport { self.ledger.withLock { $0.report } }

    /// Ends the run: lets no further call out, and gives the ends that are still to be written.
    func close() -> [ExecutionCallEnd] {
        self.ledger.withLock { ledger in
            ledger.close()
            return ledger.takeUnwritten()
        }
    }

    /// Writes ends as they come, those of `delay` together, until the task is cancelled. What cannot be written is written with the next,
    /// or with the end of the execution.
    func keepWriting(after delay: Duration, sleep: @Sendable (Duration) async throws -> Void) async {
        for await _ in self.ends {
            guard (try? await sleep(delay)) != nil else { return }
            let ends = self.ledger.withLock { $0.takeUnwritten() }
            guard !ends.isEmpty else { continue }
            do {
                try await self.records.endCalls(ends, of: self.subject.execution, in: self.subject.organization)
            } catch {
                self.ledger.withLock { $0.giveBack(ends) }
                guard !Task.isCancelled else { return }
                self.logger.warning(
                    "the ends of calls could not be stored", metadata: ["execution": "\(self.subject.execution)", "cause": "\(error)"])
            }
        }
    }

    private func end(_ call: ExecutionCallDraft, _ outcome: CallOutcome) {
        self.ledger.withLock { $0.end(call.sequence, outcome) }
        if call.effect == .write { self.ended.yield(()) }
    }

    /// Writes that a call is about to be sent.
    private func record(_ call: ExecutionCallDraft) async throws {
        let subject = self.subject
        do {
            try await self.records.startCall(call, of: subject.execution, in: subject.organization, by: subject.lease)
        } catch let error as StoreError where error.code == .ownerLost {
            self.signal.stop(.leaseLost)
            throw RunIsOver()
        } catch {
            if Task.isCancelled { throw RunIsOver() }
            self.logger.error(
                "a call could not be recorded before it is sent", metadata: ["execution": "\(subject.execution)", "cause": "\(error)"])
            throw ToolError(
                code: "call_not_recorded",
                message: "The call may change something and could not be recorded, so it was not made. Try again later.", retryable: true)
        }
        // Committing takes time, and what is sent after the lease is sent for nobody.
        try self.checkLease()
    }

    /// Stops the run when its lease does not certainly hold any more.
    private func checkLease() throws(RunIsOver) {
        guard self.source.currentLease != self.subject.lease else { return }
        self.signal.stop(.leaseLost)
        throw RunIsOver()
    }
}
