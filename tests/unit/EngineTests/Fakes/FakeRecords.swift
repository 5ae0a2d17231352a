import Engine
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
        /// How many of the next starts are written, and fail all the same.
        var lostStarts = 0
        /// Starts arrive and wait here, and are not written for a task that is cancelled meanwhile.
        var startGate: (arrived: Gate, proceed: Gate)?
        /// How many of the next ends fail.
        var failingEnds = 0
        /// What every end is answered with instead of being written.
        var finish: Result<ExecutionRepository.Finish, StoreError>?
        var endAttempts = 0
        var cancelReads = 0
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
        try Task.checkCancellation()
        return try self.state.withLock { state in
            state.endAttempts += 1
            if state.failingEnds > 0 {
                state.failingEnds -= 1
                throw Unreachable()
            }
            if let finish = state.finish { return try finish.get() }
            state.ends[execution] = end
            return .recorded
        }
    }

    func cancelled(of lease: ReplicaLease) async throws -> [ExecutionID] {
        self.state.withLock { state in
            state.cancelReads += 1
            return state.cancelRequests
        }
    }

    func sweepOrphans() async throws -> Int {
        self.state.withLock { state in
            state.sweeps += 1
            return 0
        }
    }
}

typealias FakeLease = ManualLease

extension ManualLease: LeaseSource {}
