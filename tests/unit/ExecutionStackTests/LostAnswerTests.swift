import Engine
import ExecutionStack
import JSON
import Model
import Store
import TestSupport
import Testing

/// What is found out of calls whose answers did not reach their clients.
@Suite(.timeLimit(.minutes(2))) struct LostAnswerTests {
    /// An execution that runs in the tenant's name, with one write begun.
    private static func start(_ fixture: StackFixture) async throws -> ExecutionID {
        let (store, tenant) = (fixture.store, fixture.tenant)
        let draft = ExecutionDraft(
            principal: tenant.principal, session: nil, client: .mcp, codeHash: "", seed: 0, startedAt: .now(), owner: tenant.lease)
        try await store.executions.start(draft)
        let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "post")
        try await store.calls.start(
            ExecutionCallDraft(sequence: 1, address: address, effect: .write), of: draft.id, in: tenant.organization.id, by: tenant.lease)
        return draft.id
    }

    private static func answers(_ fixture: StackFixture) -> LostAnswers {
        LostAnswers(services: StackFixture.RequestServices(core: fixture.core, store: fixture.store))
    }

    /// Both ways to find out, on a clock that stands still.
    private static func find(_ execution: ExecutionID, in organization: OrganizationID, _ fixture: StackFixture) async throws
        -> [LostAnswer?]
    {
        let answers = Self.answers(fixture)
        return [
            try await answers.find(execution, in: organization),
            await answers.findOut(execution, in: organization, within: .seconds(6), on: ManualClock()),
        ]
    }

    @Test("An execution that ended by itself is told by its outcome, whether or not it was to succeed and its owner lives")
    func ended() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            for (state, code) in [(ExecutionState.completed, nil), (.failed, "program_threw"), (.cancelled, "cancelled")] {
                let execution = try await Self.start(fixture)
                let outcome = JSONText(["content": [], "structuredContent": ["result": 7], "isError": .bool(code != nil)])
                let end = ExecutionEnd(state: state, outcome: outcome, errorCode: code)
                try await fixture.store.executions.finish(execution, in: organization, by: fixture.tenant.lease, with: end)
                for found in try await Self.find(execution, in: organization, fixture) { #expect(found == .outcome(outcome)) }
            }
        }
    }

    @Test("One that runs is said to run once its owner has shown itself alive, and not before")
    func running() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture)
            let (answers, clock) = (Self.answers(fixture), ManualClock())
            async let finding = answers.findOut(execution, in: organization, within: .seconds(6), on: clock)
            for _ in 0..<3 {
                // The bound, and the pause between two looks.
                await clock.waitForSleepers(2)
                clock.advance(by: .milliseconds(300))
            }
            for _ in 1...2 {
                // The first renewal may have been on its way when it died.
                await clock.waitForSleepers(2)
                try await fixture.renewLease(of: execution)
                clock.advance(by: .milliseconds(300))
            }
            guard case .running(let told) = try #require(await finding) else { return #expect(Bool(false)) }
            #expect(told.state == .running && !told.isRetryable)
            #expect(told.data["calls"]?.array?.map { $0["outcome"] } == ["outcome_unknown"])
            #expect(try await fixture.store.executions.find(execution, in: organization)?.state == .running)
        }
    }

    @Test("One whose owner died is ended, and told with its calls; the same when somebody else has ended it")
    func interrupted() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture)
            try await fixture.store.replicas.deregister(fixture.tenant.lease)
            for _ in 0..<2 {
                for found in try await Self.find(execution, in: organization, fixture) {
                    guard case .interrupted(let told)? = found else { return #expect(Bool(false), "\(String(describing: found))") }
                    #expect(told.state == .failed && !told.isRetryable)
                    #expect(told.data["callCount"] == 1)
                }
            }
            let record = try #require(try await fixture.store.executions.find(execution, in: organization))
            #expect(record.errorCode == "execution_interrupted")
        }
    }

    @Test("Of one that never began, or is another organization's, nothing is known and nothing promised")
    func unknown() async throws {
        try await StackFixture.with { fixture in
            let stranger = try await fixture.store.makeTenant("stranger")
            let execution = try await Self.start(fixture)
            for (execution, organization) in [
                (ExecutionID(), fixture.tenant.organization.id), (execution, stranger.organization.id),
            ] {
                for found in try await Self.find(execution, in: organization, fixture) {
                    #expect(found == .interrupted(InterruptedExecution(unknown: execution)))
                }
            }
            #expect(!InterruptedExecution(unknown: execution).isRetryable)
        }
    }

    @Test("An owner that is neither seen to live nor to be dead is waited for no longer than the bound")
    func bounded() async throws {
        try await StackFixture.with { fixture in
            let execution = try await Self.start(fixture)
            let (answers, clock) = (Self.answers(fixture), ManualClock())
            async let finding = answers.findOut(execution, in: fixture.tenant.organization.id, within: .seconds(6), on: clock)
            for _ in 0..<20 {
                await clock.waitForSleepers(2)
                clock.advance(by: .milliseconds(300))
            }
            #expect(await finding == nil)
        }
    }
}
