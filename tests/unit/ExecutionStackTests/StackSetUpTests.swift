import Database
import ExecutionStack
import JSON
import Model
import Sandbox
import Store
import Synchronization
import TestSupport
import Testing

/// The stack of a request, and the run for which it was made, which fail or are left by their caller at each of their steps: nothing of them
/// stays, and the next request works.
@Suite("The set-up of a request's stack", .timeLimit(.minutes(5)))
struct StackSetUpTests {
    /// What happens to a step.
    enum Way: String, CaseIterable {
        /// It does not work.
        case fails
        /// It worked, and nobody hears of it.
        case answerLost
        /// The caller leaves before it.
        case abandonedBefore
        /// The caller leaves when it has worked.
        case abandonedAfter
    }

    /// What a request goes through, in order; statements by their text.
    enum Step: String, CaseIterable {
        case revision = "SELECT organization_id, revision FROM organization_revisions"
        case policies = "FROM policies WHERE organization_id = $1 ORDER BY id LIMIT"
        case standing = "FROM api_keys"
        case catalog
        case row = "INSERT INTO executions"
        case sandbox
        case end = "UPDATE executions SET state = $5"
    }

    /// A sandbox in which every program returns 1, that counts what runs in it and holds up or fails as it is told.
    private final class CountedSandbox: SandboxRunning {
        private let running = Mutex(0)
        let tampering = Mutex<(@Sendable () async throws -> Void)?>(nil)

        var runningCount: Int { self.running.withLock { $0 } }

        func run(
            _ program: SandboxProgram, onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
            onLog: @Sendable @escaping (SandboxLogLine) -> Void
        ) async throws(SandboxError) -> SandboxRunReport {
            self.running.withLock { $0 += 1 }
            defer { self.running.withLock { $0 -= 1 } }
            do {
                try await self.tampering.withLock { $0 }?()
            } catch {
                throw SandboxError(Task.isCancelled ? .cancelled : .unavailable, "no process could be started")
            }
            return SandboxRunReport(outcome: .returned(JSONText(1)))
        }
    }

    /// Everything that a request takes and may leave behind.
    private struct Footprint: Hashable {
        var runningRows: Int
        var running: Int
        var inSandbox: Int

        static let nothing = Footprint(runningRows: 0, running: 0, inSandbox: 0)

        init(runningRows: Int, running: Int, inSandbox: Int) {
            self.runningRows = runningRows
            self.running = running
            self.inSandbox = inSandbox
        }

        init(_ fixture: StackFixture, _ sandbox: CountedSandbox) async throws {
            let rows = try await fixture.store.executions.list(in: fixture.tenant.organization.id).items
            self.runningRows = rows.count { !$0.state.isTerminal }
            self.running = fixture.core.runningExecutions
            self.inSandbox = sandbox.runningCount
        }
    }

    private static let away = DatabaseError(code: .unavailable, message: "away")
    private static let unknown = DatabaseError(code: .unavailable, message: "away", isOutcomeUnknown: true)

    private static func tampering(_ way: Way, _ latch: Gate) -> TamperedDatabase.Tampering {
        let hold: @Sendable () async throws -> Void = {
            await latch.wait()
            try Task.checkCancellation()
        }
        return switch way {
        case .fails: .init(before: { throw Self.away })
        case .answerLost: .init(after: { throw Self.unknown })
        case .abandonedBefore: .init(before: hold)
        case .abandonedAfter: .init(after: hold)
        }
    }

    @Test(
        "a request that fails at any step, or is left at it, ends typed and leaves nothing, and the next one works",
        arguments: Step.allCases, Way.allCases)
    func request(step: Step, way: Way) async throws {
        let sandbox = CountedSandbox()
        try await StackFixture.with(sandbox: sandbox) { fixture async throws in
            let latch = Gate()
            let tampering = Self.tampering(way, latch)
            let isTampered = Recorder<Void>()
            let hook: @Sendable () async throws -> Void = {
                isTampered.record(())
                try await tampering.before()
                try await tampering.after()
            }
            switch step {
            case .catalog: fixture.catalogs.making.withLock { $0 = hook }
            case .sandbox: sandbox.tampering.withLock { $0 = hook }
            default: fixture.database.tamper(with: step.rawValue, tampering)
            }
            let request = Task { () async throws -> ExecutionReply in try await fixture.request().execute("return 1") }
            if way == .abandonedBefore || way == .abandonedAfter {
                await latch.waitForVisitor()
                request.cancel()
                latch.open()
            }
            try Self.check(await request.result, step, way)
            #expect(fixture.database.tamperedCount + isTampered.elements.count == 1)
            fixture.catalogs.making.withLock { $0 = nil }
            sandbox.tampering.withLock { $0 = nil }
            try await eventually { try await Footprint(fixture, sandbox) == .nothing }
            #expect(try await fixture.request().execute("return 1").state == .completed)
            #expect(try await Footprint(fixture, sandbox) == .nothing)
        }
    }

    /// What the caller is told, by the step at which it happened.
    private static func check(_ result: Result<ExecutionReply, any Error>, _ step: Step, _ way: Way) throws {
        switch result {
        case .failure(let error as ExecutionStackError):
            #expect(error.code == .unavailable, "\(error)")
            #expect(step != .end && step != .sandbox, "what has run is told")
        case .failure(let error):
            // Only somebody who left is told nothing of ours.
            #expect(error is CancellationError && (way == .abandonedBefore || way == .abandonedAfter), "\(error)")
        case .success(let reply):
            switch (step, way) {
            // The end is written again until it is there.
            case (.end, _): #expect(reply.state == .completed)
            case (.sandbox, .fails), (.sandbox, .answerLost): #expect(reply.state == .failed && reply.failure?.code == "unavailable")
            case (.sandbox, _), (.row, .abandonedBefore), (.row, .abandonedAfter):
                #expect(reply.state == .cancelled || reply.state == .completed)
            default: Issue.record("a request that failed at \(step) was answered \(reply.state)")
            }
        }
    }

    @Test("two requests that race for one execution's name: one of them runs, the other is refused, and nothing of it stays")
    func racing() async throws {
        let sandbox = CountedSandbox()
        try await StackFixture.with(sandbox: sandbox) { fixture async throws in
            let (latch, name) = (Gate(), ExecutionID())
            sandbox.tampering.withLock { $0 = { await latch.wait() } }
            let first = Task { () async throws -> ExecutionReply in try await fixture.request().execute("return 1", as: name) }
            await latch.waitForVisitor()
            let refused = await #expect(throws: ExecutionStackError.self) { try await fixture.request().execute("return 1", as: name) }
            #expect(refused?.execution == name)
            #expect(try await Footprint(fixture, sandbox) == Footprint(runningRows: 1, running: 1, inSandbox: 1))
            latch.open()
            #expect(try await first.value.state == .completed)
            #expect(try await Footprint(fixture, sandbox) == .nothing)
            // Nor is it run again when it has ended.
            await #expect(throws: ExecutionStackError.self) { try await fixture.request().execute("return 1", as: name) }
            #expect(try await fixture.store.executions.list(in: fixture.tenant.organization.id).items.count == 1)
            #expect(try await Footprint(fixture, sandbox) == .nothing)
        }
    }

    @Test("requests that wait together for rules which cannot be read all fail, and all of the next work")
    func together() async throws {
        let sandbox = CountedSandbox()
        try await StackFixture.with(sandbox: sandbox) { fixture async throws in
            let latch = Gate()
            fixture.database.tamper(
                with: Step.revision.rawValue,
                .init(before: {
                    await latch.wait()
                    throw Self.away
                }))
            let requests = (0..<8).map { _ in Task { try await fixture.request() } }
            await latch.waitForVisitor()
            // One who leaves takes nobody with it.
            requests[3].cancel()
            latch.open()
            for request in requests {
                guard case .failure(let error) = await request.result else { continue }
                #expect((error as? ExecutionStackError)?.code == .unavailable, "\(error)")
            }
            for _ in 0..<8 { #expect(try await fixture.request().execute("return 1").state == .completed) }
            #expect(try await Footprint(fixture, sandbox) == .nothing)
        }
    }
}
