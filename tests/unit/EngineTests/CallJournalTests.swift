import JSON
import Model
import Sandbox
import Store
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// What is written of calls before and after they are sent, and what is told of them when the program is ended from outside.
@Suite(.timeLimit(.minutes(1))) struct CallJournalTests {
    private let harness = EngineHarness()

    init() { self.harness.authority.set(("api.*", .allow)) }

    private var records: FakeRecords { self.harness.records }

    private func ends() -> [UInt32: CallOutcome] {
        self.records.state.withLock { state in
            Dictionary(uniqueKeysWithValues: state.callEnds.map { ($0.sequence, $0.outcome) })
        }
    }

    @Test("A call that may write is recorded before it is sent, and a read is not")
    func recordedBefore() async throws {
        let records = self.records
        let seen = Mutex<[[UInt32]]>([])
        for (name, effect) in [("get", ToolEffect.read), ("post", .write)] {
            self.harness.catalog.add("api.org.main.\(name)", effect) { _, _ in
                seen.withLock { $0.append(records.state.withLock { $0.startedCalls.map(\.sequence) }) }
                return .success(data: JSONText(1), http: nil)
            }
        }
        _ = try await self.harness.result { realm in
            _ = await realm.call("api.org.main.get", id: 1)
            _ = await realm.call("api.org.main.post", id: 2)
            return nil
        }
        #expect(seen.withLock { $0 } == [[], [2]])
        #expect(self.ends() == [2: .done])
        let drafts = self.records.state.withLock { $0.startedCalls }
        #expect(drafts.map(\.address.description) == ["api.org.main.post"])
    }

    @Test("A call that cannot be recorded is not sent, and the program is told to try again")
    func unrecorded() async throws {
        self.records.state.withLock { $0.failingCalls = [FakeRecords.Unreachable()] }
        self.harness.catalog.add("api.org.main.post", .write)
        let answers = try await self.harness.result { realm in
            [
                await realm.call("api.org.main.post", id: 1)["error"]?["code"] ?? .null,
                await realm.call("api.org.main.post", id: 2)["ok"] ?? .null,
            ]
        }
        #expect(answers == ["call_not_recorded", true])
        #expect(self.harness.catalog.calls.withLock { $0.count } == 1)
        #expect(self.ends() == [1: .notSent, 2: .done], "the row may be there although its writing failed")
    }

    @Test("A call whose execution belongs to somebody else is not sent, and the run stops")
    func stale() async throws {
        self.records.state.withLock { $0.failingCalls = [StoreError(code: .ownerLost, message: "lost")] }
        self.harness.catalog.add("api.org.main.post", .write)
        let answer = try await self.harness.engine(Self.calling("api.org.main.post", ids: [1])).execute("return 1")
        #expect(answer.failure?.code == "execution_interrupted")
        #expect(answer.failure?.isRetryable == true, "nothing left")
        #expect(answer.failure?.calls?.listed.map(\.outcome) == [.notSent])
        #expect(self.harness.catalog.calls.withLock { $0.isEmpty })
    }

    @Test("Once the lease does not certainly hold no call is sent, not even one that only reads", arguments: ToolEffect.allCases)
    func leaseLapsed(effect: ToolEffect) async throws {
        self.harness.catalog.add("api.org.main.call", effect)
        let lease = self.harness.lease
        let answer = try await self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                _ = await realm.call("api.org.main.call", id: 1)
                lease.set(nil)
                _ = await realm.call("api.org.main.call", id: 2)
                await Gate().wait()
                throw SandboxError(.cancelled, "killed")
            }
        ).execute("return 1")
        #expect(answer.failure?.code == "execution_interrupted")
        #expect(self.harness.catalog.calls.withLock { $0.count } == 1)
        #expect(self.records.state.withLock { $0.startedCalls.count } == (effect == .write ? 1 : 0))
        #expect(answer.failure?.isRetryable == (effect == .read))
    }

    @Test("A call whose recording outlasts the lease is not sent")
    func leaseLapsesWhileRecording() async throws {
        let gate = (arrived: Gate(), proceed: Gate())
        self.records.state.withLock { $0.callGate = gate }
        self.harness.catalog.add("api.org.main.post", .write)
        let engine = self.harness.engine(Self.calling("api.org.main.post", ids: [1]))
        async let answer = engine.execute("return 1")
        await gate.arrived.wait()
        self.harness.lease.set(ReplicaLease(replica: ReplicaID(), epoch: 2))
        gate.proceed.open()
        let failure = try await answer.failure
        #expect(failure?.code == "execution_interrupted")
        #expect(failure?.calls?.listed.map(\.outcome) == [.notSent])
        #expect(self.harness.catalog.calls.withLock { $0.isEmpty })
        // Under a lease that is over nothing more is written: whoever ends the execution says of the row that its outcome is unknown.
        #expect(self.ends().isEmpty)
    }

    @Test("A run stops within the margin of its lease although the database does not answer")
    func partitioned() async throws {
        let started = Gate()
        let owner = self.harness.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        async let answer = self.harness.engine(.endless(started: started)).execute("for (;;) {}")
        await started.wait()
        // The look at who wants to cancel hangs, as in a partition.
        self.records.state.withLock { $0.hangingCancelReads = true }
        await self.harness.clock.waitForSleepers(2)
        self.harness.clock.advance(by: .milliseconds(250))
        self.harness.lease.set(nil)
        #expect(try await answer.failure?.code == "execution_interrupted")
    }

    @Test("Ends are written a little later, together, and again when that failed")
    func notes() async throws {
        self.harness.catalog.add("api.org.main.post", .write)
        self.records.state.withLock { $0.failingCallEnds = 1 }
        let (called, proceed) = (Gate(), Gate())
        let records = self.records
        async let answer = self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                _ = await realm.call("api.org.main.post", id: 1)
                _ = await realm.call("api.org.main.post", id: 2)
                called.open()
                await proceed.wait()
                _ = await realm.call("api.org.main.post", id: 3)
                return SandboxRunReport(outcome: .returned(nil))
            }
        ).execute("return 1")
        await called.wait()
        // The look at the key, and the ends that wait.
        await self.harness.runClock.waitForSleepers(2)
        #expect(records.state.withLock { $0.callEnds.isEmpty })
        self.harness.runClock.advance(by: .milliseconds(100))
        while records.state.withLock({ $0.failingCallEnds }) > 0 { await Task.yield() }
        proceed.open()
        #expect(try await answer.state == .completed)
        #expect(self.ends() == [1: .done, 2: .done, 3: .done])
    }

    @Test("Ends that were written in time are not written again with the end of the execution")
    func notedOnce() async throws {
        self.harness.catalog.add("api.org.main.post", .write)
        let (called, proceed) = (Gate(), Gate())
        async let answer = self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                _ = await realm.call("api.org.main.post", id: 1)
                called.open()
                await proceed.wait()
                return SandboxRunReport(outcome: .returned(nil))
            }
        ).execute("return 1")
        await called.wait()
        await self.harness.runClock.waitForSleepers(2)
        self.harness.runClock.advance(by: .milliseconds(100))
        while self.records.state.withLock({ $0.callEnds.isEmpty }) { await Task.yield() }
        proceed.open()
        let execution = try await answer.execution
        #expect(self.records.state.withLock { $0.ends[execution]?.calls } == [])
    }

    @Test(
        "Whatever ends a program from outside, its answer tells what its calls came to",
        arguments: [StopReason.cancelled, .timedOut, .revoked, .draining])
    func told(reason: StopReason) async throws {
        self.harness.catalog.add("api.org.main.post", .write)
        self.harness.catalog.add("api.org.main.get", .read)
        let hanging = Gate()
        self.harness.catalog.add(
            "api.org.main.hang", .write,
            ending: { _, _ in
                hanging.open()
                await Gate().wait()
                return CallEnd(.outcomeUnknown, .failure(CancellationError()))
            })
        self.harness.catalog.add(
            "api.org.main.refused", .write,
            ending: { _, _ in
                let error = ToolError(code: "address_refused", message: "no", retryable: false)
                return CallEnd(.notSent, .success(.failure(error)))
            })
        let engine = self.harness.engine(
            ScriptedSandbox { (realm) async throws(SandboxError) in
                for (id, name) in [(1, "post"), (2, "get"), (3, "refused"), (4, "hang")] as [(UInt32, String)] {
                    _ = await realm.call("api.org.main.\(name)", id: id)
                }
                throw SandboxError(.cancelled, "killed")
            })
        async let running = engine.execute("return 1", within: .seconds(30))
        await hanging.wait()
        let owner = self.harness.owner
        let execution = try #require(self.records.state.withLock { $0.drafts.keys.first })
        var draining: Task<Void, Never>?
        switch reason {
        case .cancelled: owner.cancel(execution)
        case .draining:
            draining = Task { await owner.drain() }
            await self.harness.clock.waitForSleepers(1)
            self.harness.clock.advance(by: .seconds(20))
        case .revoked:
            self.harness.authority.state.withLock { state in
                state.isActive = false
                state.revision += 1
            }
            await self.harness.runClock.waitForSleepers(3)
            self.harness.runClock.advance(by: .seconds(2))
        default:
            await self.harness.runClock.waitForSleepers(3)
            self.harness.runClock.advance(by: .seconds(30))
        }
        let answer = try await running
        await draining?.value
        let error = try #require(try answer.structuredContent.value()["error"])
        #expect(error["retryable"] == false)
        #expect(error["callCount"] == 4)
        func call(_ sequence: Int, _ name: String, _ effect: String, _ outcome: String) -> JSONValue {
            [
                "sequence": .int(sequence), "address": .string("api.org.main.\(name)"), "effect": .string(effect),
                "outcome": .string(outcome),
            ]
        }
        #expect(
            error["calls"] == [
                call(1, "post", "write", "done"), call(2, "get", "read", "done"), call(3, "refused", "write", "not_sent"),
                call(4, "hang", "write", "outcome_unknown"),
            ])
        let text = answer.content.first.flatMap { if case .text(let text) = $0 { text } else { nil } }
        #expect(text?.contains("\n\nCalls:\n1. api.org.main.post (write): done\n2. api.org.main.get (read): done\n") == true)
        #expect(self.ends() == [1: .done, 3: .notSent, 4: .outcomeUnknown])
    }

    @Test("The sweep stores what is known of the calls, and says that nothing was changed only when none may have written")
    func swept() async throws {
        let call = ExecutionCall(
            sequence: 2, address: "api.org.main.post", effect: .write, outcome: .outcomeUnknown, startedAt: .now(), endedAt: .now())
        for (calls, isRetryable) in [
            (ExecutionCalls.none, true), (ExecutionCalls(listed: [call], count: 1, effectiveCount: 1), false),
        ] {
            self.records.state.withLock { $0.orphan = (ExecutionID(), calls) }
            await self.harness.owner.sweep()
            let outcome = try #require(self.records.state.withLock { $0.sweptOutcome }).value()
            let error = try #require(outcome["structuredContent"]?["error"])
            #expect(outcome["isError"] == true)
            #expect(error["code"] == "execution_interrupted")
            #expect(error["retryable"] == .bool(isRetryable))
            #expect(error["callCount"] == .int(calls.count))
            #expect(error["calls"]?[0]?["outcome"] == (calls.count > 0 ? "outcome_unknown" : nil))
        }
    }

    @Test("An execution that runs is not run a second time under its name")
    func twice() async throws {
        let started = Gate()
        let execution = ExecutionID()
        let engine = self.harness.engine(.endless(started: started))
        async let first = engine.execute("for (;;) {}", as: execution)
        await started.wait()
        let error = await #expect(throws: EngineError.self) { try await engine.execute("return 1", as: execution) }
        #expect(error?.execution == execution)
        #expect(self.harness.owner.runningCount == 1)
        self.harness.owner.cancel(execution)
        #expect(try await first.execution == execution)
    }

    /// A program that makes calls and then waits to be stopped.
    private static func calling(_ path: String, ids: [UInt32]) -> ScriptedSandbox {
        ScriptedSandbox { (realm) async throws(SandboxError) in
            for id in ids { _ = await realm.call(path, id: id) }
            await Gate().wait()
            throw SandboxError(.cancelled, "killed")
        }
    }
}

@Suite struct CallLedgerTests {
    private static func draft(_ sequence: UInt32, _ effect: ToolEffect) -> ExecutionCallDraft {
        ExecutionCallDraft(
            sequence: sequence, address: ToolAddress(integration: "a", owner: .user, connection: "c", tool: "t"), effect: effect)
    }

    @Test("Whatever happens in whatever order: nothing is sent after the end, and what is told of a call fits what was done")
    func randomOrder() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var ledger = CallLedger()
            var (sent, ended, written) = (Set<UInt32>(), [UInt32: CallOutcome](), [UInt32: Int]())
            var isClosed = false
            for _ in 0..<40 {
                let sequence = UInt32.random(in: 1...6, using: &generator)
                switch Int.random(in: 0..<12, using: &generator) {
                case 0..<4: #expect(!(ledger.prepare(Self.draft(sequence, sequence.isMultiple(of: 2) ? .write : .read)) && isClosed))
                case 4..<7:
                    if ledger.send(sequence) {
                        #expect(!isClosed && !sent.contains(sequence))
                        sent.insert(sequence)
                    }
                case 7..<9 where sent.contains(sequence) && ended[sequence] == nil && !isClosed:
                    ended[sequence] = CallOutcome.allCases.randomElement(using: &generator)
                    ledger.end(sequence, ended[sequence] ?? .done)
                case 9:
                    for end in ledger.takeUnwritten() { written[end.sequence, default: 0] += 1 }
                case 10 where Int.random(in: 0..<8, using: &generator) == 0:
                    ledger.close()
                    isClosed = true
                default: break
                }
            }
            ledger.close()
            for end in ledger.takeUnwritten() { written[end.sequence, default: 0] += 1 }
            let report = ledger.report
            for call in report.listed {
                #expect(call.outcome == (ended[call.sequence] ?? (sent.contains(call.sequence) ? .outcomeUnknown : .notSent)))
                #expect(written[call.sequence] == (call.effect == .write ? 1 : nil), "the end of a write is written once, and no read's")
            }
            #expect(report.isRepeatable == report.listed.allSatisfy { $0.effect == .read || $0.outcome == .notSent })
        }
    }

    @Test("Of more calls than are told, those that may have written are")
    func bound() {
        let calls = (1...300 as ClosedRange<UInt32>).map { number in
            CallReport.Call(
                sequence: number, address: "a", effect: number > 290 ? .write : .read, outcome: number == 300 ? .outcomeUnknown : .done)
        }
        let report = CallReport(calls)
        #expect(report.count == 300)
        #expect(report.listed.map(\.sequence) == Array(1...90) + Array(291...300))
        #expect(report.text.hasSuffix("\n… 280 more"))
    }
}

/// Numbers that are the same at every run.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { self.state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
