import Engine
import JSON
import Model
import Sandbox
import Store
import Synchronization
import TestSupport
import Testing

@Suite struct EngineTests {
    private let harness = EngineHarness()

    private func ending(_ execution: ExecutionID) -> ExecutionEnd? { self.harness.records.state.withLock { $0.ends[execution] } }

    @Test("A run's row is written before its program runs, and its end before the answer")
    func rows() async throws {
        let records = self.harness.records
        let engine = self.harness.engine(
            ScriptedSandbox { realm in
                let draft = records.state.withLock { $0.drafts.values.first }
                #expect(draft?.seed == realm.program.seed)
                #expect(draft?.startedAt == realm.program.startTime)
                #expect(records.state.withLock { $0.ends.isEmpty })
                return SandboxRunReport(outcome: .returned(JSONText(2)))
            })
        let answer = try await engine.execute("return 1 + 1")
        let draft = try #require(records.state.withLock { $0.drafts[answer.execution] })
        #expect(draft.owner == self.harness.lease.currentLease)
        #expect(draft.principal == self.harness.principal)
        #expect(draft.codeHash.count == 64)
        #expect(self.ending(answer.execution)?.state == .completed)
        #expect(self.ending(answer.execution)?.outcome == answer.toolResult)
        #expect(self.harness.owner.runningCount == 0)
    }

    @Test("A program cannot run another one")
    func nested() async throws {
        var harness = self.harness
        harness.principal = Principal(
            organization: OrganizationID(), account: AccountID(), role: .admin, method: .execution(ExecutionID()))
        let error = await #expect(throws: EngineError.self) { try await harness.engine(.returning { _ in 1 }).execute("return 1") }
        #expect(error?.code == .nestedExecution)
        #expect(harness.records.state.withLock { $0.drafts.isEmpty })
    }

    @Test("Text that cannot be a program is refused before anything is written", arguments: ["", " \n", "return '\0'", "LONG"])
    func invalid(code: String) async throws {
        let code = code == "LONG" ? String(repeating: "x", count: (256 << 10) + 1) : code
        let error = await #expect(throws: EngineError.self) { try await self.harness.engine(.returning { _ in 1 }).execute(code) }
        #expect(error?.code == .invalidProgram)
        #expect(self.harness.records.state.withLock { $0.drafts.isEmpty })
    }

    @Test("A start that cannot be written means that nothing ran")
    func startFails() async throws {
        self.harness.records.state.withLock { $0.failingStarts = 1 }
        let engine = self.harness.engine(
            .returning { _ in
                Issue.record("the program ran")
                return nil
            })
        let error = await #expect(throws: EngineError.self) { try await engine.execute("return 1") }
        #expect(error?.code == .unavailable)
        #expect(error?.isRetryable == true)
        #expect(self.harness.owner.runningCount == 0)
    }

    @Test("A start whose answer was lost is ended as soon as it is found, and forgotten when it never shows", arguments: [true, false])
    func startLost(isWritten: Bool) async throws {
        self.harness.records.state.withLock { state in
            if isWritten { state.lostStarts = 1 } else { state.failingStarts = 1 }
            if !isWritten { state.finish = .failure(StoreError(code: .notFound, message: "no row")) }
        }
        let error = await #expect(throws: EngineError.self) { try await self.harness.engine(.returning { _ in 1 }).execute("return 1") }
        #expect(error?.code == .unavailable)
        let execution = try #require(error?.execution)
        let owner = self.harness.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        for _ in 0..<40 {
            await self.harness.clock.waitForSleepers(2)
            self.harness.clock.advance(by: .seconds(2))
        }
        await self.harness.clock.waitForSleepers(2)
        #expect(self.harness.records.state.withLock { $0.endAttempts } == (isWritten ? 1 : 30))
        #expect(self.ending(execution)?.state == (isWritten ? .failed : nil))
        #expect(self.ending(execution)?.errorCode == (isWritten ? "unavailable" : nil))
    }

    @Test("A caller that goes away while the start is written leaves nothing running")
    func callerGoneAtStart() async throws {
        let gate = (arrived: Gate(), proceed: Gate())
        self.harness.records.state.withLock { $0.startGate = gate }
        let engine = self.harness.engine(.returning { _ in 1 })
        let caller = Task { try await engine.execute("return 1") }
        await gate.arrived.wait()
        caller.cancel()
        gate.proceed.open()
        let answer = try await caller.value
        #expect(self.ending(answer.execution)?.state == answer.state)
        #expect(self.harness.records.state.withLock { $0.drafts.count } == 1)
    }

    @Test("An end that was written although its answer was lost is answered as it is stored")
    func endLost() async throws {
        self.harness.records.state.withLock { $0.finish = .success(.alreadyEnded(.completed, errorCode: nil)) }
        let answer = try await self.harness.engine(.returning { _ in 1 }).execute("return 1")
        #expect(answer.failure == nil)
        #expect(answer.state == .completed)
    }

    @Test("An end is tried again until it is written")
    func endRetried() async throws {
        self.harness.records.state.withLock { $0.failingEnds = 3 }
        async let answer = self.harness.engine(.returning { _ in 1 }).execute("return 1")
        for _ in 0..<3 {
            // The pause, and not the bound of the write.
            await self.harness.clock.waitForSleeper(within: .seconds(1))
            self.harness.clock.advance(by: .seconds(1))
        }
        #expect(self.ending(try await answer.execution)?.state == .completed)
    }

    @Test("An end that cannot be written in time is an error that says so, and is written later")
    func endFails() async throws {
        self.harness.records.state.withLock { $0.failingEnds = 1 }
        let engine = self.harness.engine(.returning { _ in 1 })
        let answer = Task { try await engine.execute("return 1") }
        await self.harness.clock.waitForSleeper(within: .seconds(1))
        self.harness.clock.advance(by: .seconds(6))
        let error = await #expect(throws: EngineError.self) { try await answer.value }
        #expect(error?.code == .endNotRecorded)
        #expect(error?.calls?.count == 0)
        #expect(error?.isRetryable == true, "it had made no call that may write")
        let execution = try #require(error?.execution)
        #expect(self.ending(execution) == nil)

        await self.harness.watch()
        #expect(self.ending(execution)?.state == .completed)
    }

    @Test("A name that an execution has is refused as such, here and where another process has begun it", arguments: [true, false])
    func taken(isHere: Bool) async throws {
        let execution = ExecutionID()
        let started = Gate()
        let first = Task { [engine = self.harness.engine(.endless(started: started))] in
            try await engine.execute("for (;;) {}", as: execution)
        }
        await started.wait()
        if !isHere { self.harness.records.state.withLock { $0.startRefusal = StoreError(code: .alreadyExists, message: "taken") } }
        let error = await #expect(throws: EngineError.self) {
            try await self.harness.engine(.returning { _ in 1 }).execute("return 1", as: isHere ? execution : ExecutionID())
        }
        #expect(error?.code == .alreadyBegun)
        #expect(error?.isRetryable == false)
        #expect(error?.execution != nil)
        self.harness.owner.cancel(execution)
        #expect(try await first.value.state == .cancelled)
    }

    @Test(
        "An execution that another process ended meanwhile is answered as interrupted",
        arguments: [
            .success(.alreadyEnded(.failed, errorCode: "execution_interrupted")), .failure(StoreError(code: .ownerLost, message: "lost")),
            .failure(StoreError(code: .notFound, message: "gone")),
        ] as [Result<ExecutionRepository.Finish, StoreError>])
    func ownerLost(finish: Result<ExecutionRepository.Finish, StoreError>) async throws {
        self.harness.records.state.withLock { $0.finish = finish }
        let answer = try await self.harness.engine(.returning { _ in 1 }).execute("return 1")
        #expect(answer.failure?.code == "execution_interrupted")
        #expect(answer.failure?.isRetryable == true, "it had made no call that may write, and can make none any more")
        #expect(self.harness.records.state.withLock { $0.endAttempts } == 1)
    }

    @Test("An execution is cancelled in its own process")
    func cancelHere() async throws {
        let started = Gate()
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}")
        await started.wait()
        let execution = try #require(self.harness.records.state.withLock { $0.drafts.keys.first })
        #expect(self.harness.owner.cancel(execution))
        let ended = try await answer
        #expect(ended.state == .cancelled)
        #expect(ended.failure?.code == "cancelled")
        #expect(ended.content == [.text("Error: The execution was cancelled.\n\nLogs:\n[log] so far")])
        #expect(self.ending(execution)?.state == .cancelled)
        #expect(!self.harness.owner.cancel(execution), "it runs no more")
    }

    @Test("An execution is cancelled through the database, which is asked only while something runs")
    func cancelThere() async throws {
        let owner = self.harness.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        await self.harness.clock.waitForSleepers(2)
        self.harness.clock.advance(by: .milliseconds(250))
        await self.harness.clock.waitForSleepers(2)
        #expect(self.harness.records.state.withLock { $0.cancelReads } == 0)

        let started = Gate()
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}")
        await started.wait()
        self.harness.records.state.withLock { $0.cancelRequests = Array($0.drafts.keys) }
        self.harness.clock.advance(by: .milliseconds(250))
        #expect(try await answer.state == .cancelled)
    }

    @Test("When the caller goes away the run is stopped and its end is written all the same")
    func callerGone() async throws {
        let started = Gate()
        let engine = self.harness.engine(.endless(started: started))
        let caller = Task { try await engine.execute("for (;;) {}") }
        await started.wait()
        caller.cancel()
        let answer = try await caller.value
        #expect(answer.state == .cancelled)
        #expect(self.ending(answer.execution)?.state == .cancelled)
    }

    @Test("A run that takes longer than its caller waits is stopped and fails typed")
    func timedOut() async throws {
        let started = Gate()
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}", within: .seconds(30))
        await started.wait()
        // The limit and the look at the key.
        await self.harness.runClock.waitForSleepers(2)
        self.harness.runClock.advance(by: .seconds(30))
        let ended = try await answer
        #expect(ended.state == .failed)
        #expect(ended.failure?.code == "call_timeout")
        #expect(ended.failure?.isRetryable == true, "nothing was written by its calls")
        #expect(try ended.structuredContent.value()["logs"] == ["[log] so far"])
        #expect(self.ending(ended.execution)?.state == .failed)
        #expect(self.ending(ended.execution)?.errorCode == "call_timeout")
    }

    @Test("A run is stopped within five seconds of the revocation of its key, and not because the database is away")
    func revokedWhileRunning() async throws {
        let started = Gate()
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}")
        await started.wait()
        self.harness.authority.state.withLock { $0.isFailing = true }
        for isFailing in [true, true, false] {
            await self.harness.runClock.waitForSleepers(1)
            #expect(self.harness.owner.runningCount == 1)
            self.harness.authority.state.withLock { state in
                state.isFailing = isFailing
                state.isActive = isFailing
                state.revision += 1
            }
            self.harness.runClock.advance(by: .seconds(2))
        }
        let ended = try await answer
        #expect(ended.state == .failed)
        #expect(ended.failure?.code == "credentials_revoked")
        #expect(EngineLimits().standingInterval + AuthorityCache.Limits().freshness <= .seconds(4))
    }

    @Test(
        "A run whose process loses its lease is interrupted at that moment, without a look at the database, and nothing is written",
        arguments: [true, false])
    func leaseLost(hasNewLease: Bool) async throws {
        let owner = self.harness.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        let started = Gate()
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}")
        await started.wait()
        // The clock stands still.
        self.harness.lease.set(hasNewLease ? ReplicaLease(replica: ReplicaID(), epoch: 2) : nil)
        #expect(try await answer.failure?.code == "execution_interrupted")
        #expect(self.harness.records.state.withLock { $0.endAttempts } == 0)
    }

    @Test("A process that was held up past its lease, and goes on before anybody told it, sends no call and writes no end")
    func staleEpoch() async throws {
        self.harness.catalog.add("api.org.main.get", .read)
        let (lease, replies) = (self.harness.lease, Recorder<JSONValue>())
        let engine = self.harness.engine(
            .returning { realm in
                replies.record(await realm.call("api.org.main.get"))
                lease.set(nil)
                replies.record(await realm.call("api.org.main.get", id: 2))
                return 1
            })
        let answer = try await engine.execute("return 1")
        #expect(replies.elements.first?["ok"] == true)
        #expect(self.harness.catalog.calls.withLock { $0 }.count == 1)
        #expect(answer.failure?.code == "execution_interrupted")
        #expect(self.harness.records.state.withLock { $0.endAttempts } == 0)
    }

    @Test("Without a lease nothing starts")
    func noLease() async throws {
        self.harness.lease.set(nil)
        let error = await #expect(throws: EngineError.self) { try await self.harness.engine(.returning { _ in 1 }).execute("return 1") }
        #expect(error?.code == .unavailable)
    }

    @Test("A draining process takes nothing new, waits for what runs, and interrupts what outlasts the bound", arguments: [true, false])
    func drain(endsInTime: Bool) async throws {
        let (started, proceed) = (Gate(), Gate())
        let finite = ScriptedSandbox { (_) async throws(SandboxError) in
            started.open()
            await proceed.wait()
            if !endsInTime { throw SandboxError(.cancelled, "killed") }
            return SandboxRunReport(outcome: .returned(JSONText(1)))
        }
        async let answer = self.harness.engine(finite).execute("return 1")
        await started.wait()
        async let draining: Void = self.harness.owner.drain()
        await self.harness.clock.waitForSleepers(1)
        let error = await #expect(throws: EngineError.self) { try await self.harness.engine(.returning { _ in 1 }).execute("return 1") }
        #expect(error?.code == .draining)
        if endsInTime { proceed.open() } else { self.harness.clock.advance(by: .seconds(20)) }
        let ended = try await answer
        #expect(ended.state == (endsInTime ? .completed : .failed))
        #expect(ended.failure?.code == (endsInTime ? nil : "execution_interrupted"))
        #expect(ended.failure?.isRetryable ?? true, "nothing was written by its calls")
        await draining
    }

    @Test("An interrupted run that may have written is not to be repeated")
    func interruptedAfterWrite() async throws {
        self.harness.catalog.add("api.org.main.post", .write)
        self.harness.authority.set(("api.*", .allow))
        let started = Gate()
        let engine = self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                _ = await realm.call("api.org.main.post")
                started.open()
                await Gate().wait()
                throw SandboxError(.cancelled, "killed")
            })
        async let answer = engine.execute("return 1")
        await started.wait()
        async let draining: Void = self.harness.owner.drain()
        await self.harness.clock.waitForSleepers(1)
        self.harness.clock.advance(by: .seconds(20))
        #expect(try await answer.failure?.isRetryable == false)
        await draining
    }

    @Test("Orphans of other processes are looked for again and again")
    func sweep() async throws {
        let owner = self.harness.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        for _ in 0..<3 {
            await self.harness.clock.waitForSleepers(2)
            self.harness.clock.advance(by: .seconds(2))
        }
        await self.harness.clock.waitForSleepers(2)
        #expect(self.harness.records.state.withLock { $0.sweeps } == 3)
    }

    @Test("Equal programs at the same time have their own executions")
    func parallel() async throws {
        let engine = self.harness.engine(.returning { _ in 1 })
        let ids = try await withThrowingTaskGroup(of: ExecutionID.self) { group in
            for _ in 0..<50 { group.addTask { try await engine.execute("return 1").execution } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids.count == 50)
        #expect(self.harness.records.state.withLock { $0.ends.count } == 50)
    }
}
