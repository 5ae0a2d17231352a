import Engine
import JSON
import Model
import Store
import Synchronization
import TestSupport

/// Executions in memory, whose writing can fail.
final class FakeRecords: ExecutionRecords {
    struct Unreachable: Error {}

    struct State {
        var drafts: [ExecutionID: ExecutionDraft] = [:]
        var ends: [ExecutionID: ExecutionEnd] = [:]
        var cancelRequests: [ExecutionID] = []
        /// How many of the next starts fail.
        var failingStarts = 0
        /// What the next start is refused with.
        var startRefusal: StoreError?
        /// How many of the next starts are written, and fail all the same.
        var lostStarts = 0
        /// Starts arrive and wait here, and are not written for a task that is cancelled meanwhile.
        var startGate: (arrived: Gate, proceed: Gate)?
        /// How many of the next ends fail.
        var failingEnds = 0
        /// Ends arrive and wait here, until their task is cancelled or they are let through.
        var endGate: (arrived: Gate, proceed: Gate)?
        /// What every end is answered with instead of being written.
        var finish: Result<ExecutionRepository.Finish, StoreError>?
        var endAttempts = 0
        var cancelReads = 0
        /// Whether such reads are answered only when they are cancelled.
        var hangingCancelReads = false
        /// The calls whose start was written, and the ends of calls in the order of writing, those at the end of the execution too.
        var startedCalls: [ExecutionCallDraft] = []
        var callEnds: [ExecutionCallEnd] = []
        /// What the next starts of calls fail with, in order.
        var failingCalls: [any Error] = []
        /// How many of the next writings of ends fail.
        var failingCallEnds = 0
        /// Starts of calls arrive and wait here.
        var callGate: (arrived: Gate, proceed: Gate)?
        /// What the sweep makes of an execution with these calls.
        var orphan: (execution: ExecutionID, calls: ExecutionCalls)?
        var sweptOutcome: JSONText?
        var sweeps = 0
    }

    let state = Mutex(State())

    func start(_ draft: ExecutionDraft) async throws {
        if let gate = self.state.withLock(\.startGate) {
            gate.arrived.open()
            await gate.proceed.wait()
            try Task.checkCancellation()
        }
        try self.state.withLock { state in
            if let refusal = state.startRefusal { throw refusal }
            if state.failingStarts > 0 {
                state.failingStarts -= 1
                throw Unreachable()
            }
            state.drafts[draft.id] = draft
            if state.lostStarts > 0 {
                state.lostStarts -= 1
                throw Unreachable()
            }
        }
    }

    func finish(
        _ execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease, with end: ExecutionEnd
    ) async throws -> ExecutionRepository.Finish {
        if let gate = self.state.withLock(\.endGate) {
            gate.arrived.open()
            await gate.proceed.wait()
        }
        try Task.checkCancellation()
        return try self.state.withLock { state in
            state.endAttempts += 1
            if state.failingEnds > 0 {
                state.failingEnds -= 1
                throw Unreachable()
            }
            if let finish = state.finish { return try finish.get() }
            state.ends[execution] = end
            state.callEnds += end.calls
            return .recorded
        }
    }

    func cancelled(of lease: ReplicaLease) async throws -> [ExecutionID] {
        if self.state.withLock(\.hangingCancelReads) { await Gate().wait() }
        return self.state.withLock { state in
            state.cancelReads += 1
            return state.cancelRequests
        }
    }

    func startCall(
        _ call: ExecutionCallDraft, of execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws {
        if let gate = self.state.withLock(\.callGate) {
            gate.arrived.open()
            await gate.proceed.wait()
        }
        try self.state.withLock { state in
            if !state.failingCalls.isEmpty { throw state.failingCalls.removeFirst() }
            state.startedCalls.append(call)
        }
    }

    func endCalls(_ ends: [ExecutionCallEnd], of execution: ExecutionID, in organization: OrganizationID) async throws {
        try self.state.withLock { state in
            if state.failingCallEnds > 0 {
                state.failingCallEnds -= 1
                throw Unreachable()
            }
            state.callEnds += ends
        }
    }

    func sweepOrphans(outcome: ExecutionRepository.InterruptedOutcome) async throws -> Int {
        self.state.withLock { state in
            state.sweeps += 1
            guard let orphan = state.orphan else { return 0 }
            state.sweptOutcome = outcome(orphan.execution, orphan.calls)
            return 1
        }
    }
}

typealias FakeLease = ManualLease

extension ManualLease: LeaseSource {}
