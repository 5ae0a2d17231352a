import Engine
import JSON
import Model
import Store
import Synchronization
import TestSupport
import Testing

/// What becomes of runs whose rows a database that says nothing keeps waiting.
@Suite(.timeLimit(.minutes(2))) struct HangingWriteTests {
    private let harness = EngineHarness()

    private func ending(_ execution: ExecutionID) -> ExecutionEnd? { self.harness.records.state.withLock { $0.ends[execution] } }

    @Test("An end that hangs is given up when its time is over, and written later")
    func endHangs() async throws {
        let gate = (arrived: Gate(), proceed: Gate())
        self.harness.records.state.withLock { $0.endGate = gate }
        let engine = self.harness.engine(.returning { _ in 1 })
        let answer = Task { try await engine.execute("return 1") }
        await gate.arrived.wait()
        await self.harness.clock.waitForSleepers(1)
        self.harness.clock.advance(by: .seconds(5))
        let error = await #expect(throws: EngineError.self) { try await answer.value }
        #expect(error?.code == .endNotRecorded)
        let execution = try #require(error?.execution)
        #expect(self.ending(execution) == nil)
        self.harness.records.state.withLock { $0.endGate = nil }
        await self.harness.watch()
        #expect(self.ending(execution)?.state == .completed)
    }

    @Test("An end that hangs is given up in the moment in which the lease is lost, and is not written under the next one")
    func endHangsWithoutLease() async throws {
        let gate = (arrived: Gate(), proceed: Gate())
        self.harness.records.state.withLock { $0.endGate = gate }
        let engine = self.harness.engine(.returning { _ in 1 })
        let answer = Task { try await engine.execute("return 1") }
        await gate.arrived.wait()
        let lease = try #require(self.harness.lease.currentLease)
        self.harness.lease.set(nil)
        let ended = try await answer.value
        #expect(ended.failure?.code == "execution_interrupted")
        self.harness.records.state.withLock { $0.endGate = nil }
        self.harness.lease.set(ReplicaLease(replica: lease.replica, epoch: lease.epoch + 1))
        await self.harness.watch()
        #expect(self.ending(ended.execution) == nil)
    }

    @Test("A start that hangs is given up with the lease")
    func startHangs() async throws {
        let gate = (arrived: Gate(), proceed: Gate())
        self.harness.records.state.withLock { $0.startGate = gate }
        let engine = self.harness.engine(.returning { _ in 1 })
        let answer = Task { try await engine.execute("return 1") }
        await gate.arrived.wait()
        self.harness.lease.set(nil)
        let error = await #expect(throws: EngineError.self) { try await answer.value }
        #expect(error?.code == .unavailable)
        #expect(self.harness.owner.runningCount == 0)
    }
}
