import Engine
import Model
import Synchronization

/// Rules in memory, which can change, fail, or keep their reader waiting.
final class FakeAuthority: AuthoritySource {
    struct Unreachable: Error {}

    struct State {
        var revision: Int64 = 1
        var policies: [Policy] = []
        var isActive = true
        var isFailing = false
        var revisionReads = 0
        var policyReads = 0
        /// What the next reads of the revision wait for, in order, and where they announce themselves.
        var gates: [(arrived: Gate, proceed: Gate)] = []
    }

    let state = Mutex(State())

    func set(_ policies: (String, PolicyAction)...) {
        self.state.withLock { state in
            state.policies = policies.map { Policy(id: PolicyID(), pattern: $0.0, action: $0.1, createdAt: .now()) }
            state.revision += 1
        }
    }

    func revision(of organization: OrganizationID) async throws -> Int64 {
        let (result, gate) = self.state.withLock { state in
            state.revisionReads += 1
            let result: Result<Int64, any Error> = state.isFailing ? .failure(Unreachable()) : .success(state.revision)
            return (result, state.gates.isEmpty ? nil : state.gates.removeFirst())
        }
        gate?.arrived.open()
        await gate?.proceed.wait()
        try Task.checkCancellation()
        return try result.get()
    }

    func policies(of organization: OrganizationID) async throws -> [Policy] {
        self.state.withLock { state in
            state.policyReads += 1
            return state.policies
        }
    }

    func isActive(_ principal: Principal) async throws -> Bool { self.state.withLock { $0.isActive } }
}

/// A monotonic clock for the authority cache that a test moves.
final class ManualInstant: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { self.instant.withLock { $0 } }

    func advance(by duration: Duration) { self.instant.withLock { $0 += duration } }
}
