import Engine
import ExecutionStack
import JSON
import Model
import Store
import TestSupport
import Testing

/// What can be told of an execution whose process gives no answer, and from when on.
@Suite(.timeLimit(.minutes(2))) struct InterruptionTests {
    /// A running execution in the tenant's name, with the starts of so many writes.
    private static func start(_ fixture: StackFixture, writes: UInt32 = 0) async throws -> ExecutionID {
        let (store, tenant) = (fixture.store, fixture.tenant)
        let draft = ExecutionDraft(
            principal: tenant.principal, session: nil, client: .mcp, codeHash: "", seed: 0, startedAt: .now(), owner: tenant.lease)
        try await store.executions.start(draft)
        let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "post")
        for sequence in 0..<writes {
            try await store.calls.start(
                ExecutionCallDraft(sequence: sequence + 1, address: address, effect: .write), of: draft.id, in: tenant.organization.id,
                by: tenant.lease)
        }
        return draft.id
    }

    private static let patience = Duration.seconds(5)

    private static func inquiry(_ fixture: StackFixture, _ store: Store? = nil) -> InterruptionInquiry {
        InterruptionInquiry(
            services: StackFixture.RequestServices(core: fixture.core, store: store ?? fixture.store), patience: Self.patience)
    }

    @Test("Where something may have been written, that is told at once, whether or not the owner lives")
    func written() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture, writes: 2)
            try await fixture.store.calls.end([ExecutionCallEnd(sequence: 1, outcome: .done)], of: execution, in: organization)
            let found = await Self.inquiry(fixture).findOut(execution, in: organization, on: ManualClock())
            #expect(!found.isRetryable)
            #expect(found.state == .running)
            #expect(found.data["calls"]?.array?.map { $0["outcome"] } == ["done", "outcome_unknown"])
            #expect(found.data["callCount"] == 2)
            // Its owner may live, and call more.
            #expect(found.data["callsComplete"] == false)
            #expect(try await fixture.store.executions.find(execution, in: organization)?.state == .running)
        }
    }

    @Test("That nothing was written is told only after the owner's lease lapsed and the execution was ended")
    func unwritten() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture)
            let clock = ManualClock()
            let inquiry = Self.inquiry(fixture)
            async let finding = inquiry.findOut(execution, in: organization, on: clock)
            // The next look, and the end of its patience.
            await clock.waitForSleepers(2)
            #expect(try await fixture.store.executions.find(execution, in: organization)?.state == .running)
            try await fixture.store.replicas.deregister(fixture.tenant.lease)
            clock.advance(by: .milliseconds(300))
            let found = await finding
            #expect(found.isRetryable)
            #expect(found.state == .failed)
            #expect(found.data["calls"] == [] && found.data["callsComplete"] == true)
            let record = try #require(try await fixture.store.executions.find(execution, in: organization))
            #expect(record.errorCode == "execution_interrupted")
            #expect(try record.outcome?.value()["structuredContent"]?["error"]?["retryable"] == true)
            // An owner that lives after all can send nothing more that may write.
            let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "post")
            await #expect(throws: StoreError.self) {
                try await fixture.store.calls.start(
                    ExecutionCallDraft(sequence: 1, address: address, effect: .write), of: execution, in: organization,
                    by: fixture.tenant.lease)
            }
        }
    }

    @Test("Of an owner that renews its lease twice after the break, nothing more is waited for; one renewal may be its last")
    func alive() async throws {
        try await StackFixture.with { fixture in
            let (store, organization) = (fixture.store, fixture.tenant.organization.id)
            let execution = try await Self.start(fixture)
            let clock = ManualClock()
            let inquiry = Self.inquiry(fixture)
            async let finding = inquiry.findOut(execution, in: organization, on: clock)
            for _ in 1...2 {
                // Still waiting: the first look has shown no renewal, the second one that may have been on its way.
                await clock.waitForSleepers(2)
                try await fixture.renewLease(of: execution)
                clock.advance(by: .milliseconds(300))
            }
            let found = await finding
            #expect(!found.isRetryable)
            #expect(found.state == .running)
            #expect(try await store.executions.find(execution, in: organization)?.state == .running)
        }
    }

    @Test("An owner of which nobody hears is not waited for longer than the bound, and nothing is promised")
    func silent() async throws {
        try await StackFixture.with { fixture in
            let execution = try await Self.start(fixture)
            let clock = ManualClock()
            let inquiry = Self.inquiry(fixture)
            let organization = fixture.tenant.organization.id
            async let finding = inquiry.findOut(execution, in: organization, on: clock)
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(300))
            await clock.waitForSleepers(2)
            clock.advance(by: Self.patience)
            let found = await finding
            #expect(!found.isRetryable)
            #expect(found.state == .running)
            #expect(try await fixture.store.executions.find(execution, in: organization)?.state == .running)
        }
    }

    @Test("A database that says nothing is not waited for longer than the bound; what was known before it fell silent is told")
    func hangs() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture)
            let database = StallingDatabase(fixture.database)
            let inquiry = Self.inquiry(fixture, Store(database: database, limits: fixture.store.limits))
            for isKnown in [true, false] {
                let clock = ManualClock()
                if !isKnown { database.stall() }
                async let finding = inquiry.findOut(execution, in: organization, on: clock)
                if isKnown {
                    await clock.waitForSleepers(2)
                    database.stall()
                    clock.advance(by: .milliseconds(300))
                }
                await database.waitForVisitor()
                await clock.waitForSleepers(1)
                clock.advance(by: Self.patience)
                let found = await finding
                #expect(!found.isRetryable)
                #expect(found.state == (isKnown ? .running : nil))
                database.goOn()
            }
        }
    }

    @Test("Of a call that began nothing, or is another organization's, nothing is known and nothing promised")
    func unknown() async throws {
        try await StackFixture.with { fixture in
            let inquiry = Self.inquiry(fixture)
            let stranger = try await fixture.store.makeTenant("stranger")
            let execution = try await Self.start(fixture, writes: 1)
            for (execution, organization) in [
                (ExecutionID(), fixture.tenant.organization.id), (execution, stranger.organization.id),
            ] {
                let found = await inquiry.findOut(execution, in: organization, on: ManualClock())
                #expect(!found.isRetryable)
                #expect(found.state == nil)
                #expect(found.data["callCount"] == 0 && found.data["callsComplete"] == false)
            }
        }
    }

    @Test("An execution that its owner ended meanwhile is told as it ended")
    func ended() async throws {
        try await StackFixture.with { fixture in
            let organization = fixture.tenant.organization.id
            let execution = try await Self.start(fixture)
            try await fixture.store.executions.finish(
                execution, in: organization, by: fixture.tenant.lease, with: ExecutionEnd(state: .completed, outcome: nil))
            let found = await Self.inquiry(fixture).findOut(execution, in: organization, on: ManualClock())
            #expect(found.state == .completed)
            #expect(found.isRetryable)
        }
    }

    @Test("A name that an execution has is not run a second time")
    func twice() async throws {
        try await StackFixture.with { fixture in
            let execution = ExecutionID()
            let first = try await fixture.session().execute("return 1", as: execution)
            #expect(first.execution == execution)
            let error = await #expect(throws: ExecutionStackError.self) { try await fixture.session().execute("return 2", as: execution) }
            #expect(error?.code == .alreadyBegun)
            #expect(error?.interrupted?.data["executionId"] == .string(execution.rawValue))
            #expect(error?.isRetryable == false)
            #expect(try await fixture.request().execution(execution).record.state == .completed)
        }
    }
}
