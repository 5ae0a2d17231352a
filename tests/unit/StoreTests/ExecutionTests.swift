import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Executions", .timeLimit(.minutes(1)))
struct ExecutionTests {
    private static let noOutcome: ExecutionRepository.InterruptedOutcome = { _, _ in nil }

    @Test("An execution starts, ends once with its outcome, and stays as it ended", arguments: TestStoreKind.all)
    func life(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = ExecutionDraft.sample(tenant, session: SessionRecordID())
            try await store.executions.start(draft)
            let running = try #require(try await store.executions.find(draft.id, in: organization))
            #expect(running.state == .running)
            #expect(running.seed == .max)
            #expect(running.startedAt == draft.startedAt)
            #expect(running.method == tenant.principal.method)
            #expect(running.session == draft.session)
            #expect(running.client == .mcp)
            #expect(running.endedAt == nil)
            let outcome = JSONText(["result": 2])
            let end = ExecutionEnd(state: .completed, outcome: outcome)
            #expect(try await store.executions.finish(draft.id, in: organization, by: tenant.lease, with: end) == .recorded)
            let again = ExecutionEnd(state: .failed, outcome: nil, errorCode: "late")
            let second = try await store.executions.finish(draft.id, in: organization, by: tenant.lease, with: again)
            #expect(second == .alreadyEnded(.completed, errorCode: nil))
            let ended = try #require(try await store.executions.find(draft.id, in: organization))
            #expect(ended.state == .completed)
            #expect(ended.outcome == outcome)
            #expect(ended.errorCode == nil)
            #expect(ended.endedAt != nil)
            #expect(try await store.executions.list(in: organization).items.first?.outcome == nil)
        }
    }

    @Test("Waiting and back; neither for a stranger nor after the end", arguments: TestStoreKind.all)
    func waiting(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = ExecutionDraft.sample(tenant)
            try await store.executions.start(draft)
            try await store.executions.setWaiting(true, draft.id, in: organization, by: tenant.lease)
            #expect(try await store.executions.find(draft.id, in: organization)?.state == .waiting)
            try await store.executions.setWaiting(false, draft.id, in: organization, by: tenant.lease)
            #expect(try await store.executions.find(draft.id, in: organization)?.state == .running)
            let stranger = ReplicaLease(replica: tenant.replica.id, epoch: 2)
            await expect(.ownerLost) { try await store.executions.setWaiting(true, draft.id, in: organization, by: stranger) }
            let end = ExecutionEnd(state: .cancelled, outcome: nil)
            await expect(.ownerLost) { try await store.executions.finish(draft.id, in: organization, by: stranger, with: end) }
            try await store.executions.finish(draft.id, in: organization, by: tenant.lease, with: end)
            await expect(.ownerLost) { try await store.executions.setWaiting(true, draft.id, in: organization, by: tenant.lease) }
            await expect(.notFound) { try await store.executions.finish(ExecutionID(), in: organization, by: tenant.lease, with: end) }
        }
    }

    @Test("An outcome beyond its bound is refused and the execution goes on", arguments: TestStoreKind.all)
    func bound(kind: TestStoreKind) async throws {
        var limits = StoreLimits.patient
        limits.maxOutcomeBytes = 10
        try await withTemporaryStore(kind, limits: limits) { store in
            let tenant = try await store.makeTenant()
            let draft = ExecutionDraft.sample(tenant)
            try await store.executions.start(draft)
            let end = ExecutionEnd(state: .completed, outcome: JSONText(.string("0123456789")))
            await expect(.invalidValue) {
                try await store.executions.finish(draft.id, in: tenant.organization.id, by: tenant.lease, with: end)
            }
            #expect(try await store.executions.find(draft.id, in: tenant.organization.id)?.state == .running)
        }
    }

    @Test("A request to cancel reaches the owner through the row; an agent's only for its own", arguments: TestStoreKind.all)
    func cancel(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = ExecutionDraft.sample(tenant)
            try await store.executions.start(draft)
            #expect(try await store.executions.cancelRequests(of: tenant.lease).isEmpty)
            await expect(.notFound) { try await store.executions.requestCancel(draft.id, in: organization, account: AccountID()) }
            #expect(try await store.executions.requestCancel(draft.id, in: organization, account: tenant.account.id) == .running)
            #expect(try await store.executions.requestCancel(draft.id, in: organization) == .running)
            let requests = try await store.executions.cancelRequests(of: tenant.lease)
            #expect(requests.map(\.execution) == [draft.id])
            #expect(requests.map(\.organization) == [organization])
            let end = ExecutionEnd(state: .cancelled, outcome: nil)
            try await store.executions.finish(draft.id, in: organization, by: tenant.lease, with: end)
            #expect(try await store.executions.cancelRequests(of: tenant.lease).isEmpty)
            #expect(try await store.executions.requestCancel(draft.id, in: organization) == .cancelled)
        }
    }

    @Test("The sweep ends what a dead owner left, once, and nothing else", arguments: TestStoreKind.all)
    func sweep(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let (alive, dead) = (try await store.makeTenant("alive"), try await store.makeTenant("dead"))
            let (kept, orphan, ended) = (ExecutionDraft.sample(alive), ExecutionDraft.sample(dead), ExecutionDraft.sample(dead))
            for draft in [kept, orphan, ended] { try await store.executions.start(draft) }
            let end = ExecutionEnd(state: .completed, outcome: nil)
            try await store.executions.finish(ended.id, in: dead.organization.id, by: dead.lease, with: end)
            #expect(try await store.executions.sweep(outcome: Self.noOutcome).isEmpty)
            try await store.replicas.deregister(dead.lease)
            let swept = try await withThrowingTaskGroup(of: [ExecutionReference].self) { group in
                for _ in 0..<4 { group.addTask { try await store.executions.sweep(outcome: Self.noOutcome) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(swept.map(\.execution) == [orphan.id])
            let record = try #require(try await store.executions.find(orphan.id, in: dead.organization.id))
            #expect(record.state == .failed)
            #expect(record.errorCode == "execution_interrupted")
            #expect(try await store.executions.find(kept.id, in: alive.organization.id)?.state == .running)
            #expect(try await store.executions.find(ended.id, in: dead.organization.id)?.state == .completed)
            let late = try await store.executions.finish(orphan.id, in: dead.organization.id, by: dead.lease, with: end)
            #expect(late == .alreadyEnded(.failed, errorCode: "execution_interrupted"))
            // An owner that registered again lost what it had under its old epoch.
            _ = try await store.replicas.register(alive.replica.id, kind: .sessionService, address: "127.0.0.1:1", version: "1")
            #expect(try await store.executions.sweep(outcome: Self.noOutcome).map(\.execution) == [kept.id])
        }
    }

    @Test(
        "Who waits for an execution sees whether it has ended, may have changed something, and whose owner lives",
        arguments: TestStoreKind.all)
    func pulse(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let draft = ExecutionDraft.sample(tenant)
            #expect(try await store.executions.pulse(of: draft.id, in: organization) == nil)
            try await store.executions.start(draft)
            let first = try #require(try await store.executions.pulse(of: draft.id, in: organization))
            #expect(!first.hasEnded && !first.hasEffects)
            let heartbeat = try #require(first.heartbeatAt)
            #expect(heartbeat <= first.readAt)
            #expect(try #require(first.lapsesAfter) <= store.limits.replicaLease)
            let dead = try #require(try await storeThatSeesAllDead(database).executions.pulse(of: draft.id, in: organization))
            #expect(dead.heartbeatAt == nil && dead.lapsesAfter == nil)

            let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "post")
            for sequence in 1...2 as ClosedRange<UInt32> {
                try await store.calls.start(
                    ExecutionCallDraft(sequence: sequence, address: address, effect: .write), of: draft.id, in: organization,
                    by: tenant.lease)
                try await store.calls.end(
                    [ExecutionCallEnd(sequence: sequence, outcome: sequence == 1 ? .notSent : .done)], of: draft.id, in: organization)
                #expect(try await store.executions.pulse(of: draft.id, in: organization)?.hasEffects == (sequence == 2))
            }
            try await store.executions.finish(
                draft.id, in: organization, by: tenant.lease, with: ExecutionEnd(state: .completed, outcome: nil))
            #expect(try await store.executions.pulse(of: draft.id, in: organization)?.hasEnded == true)
            let stranger = try await store.makeTenant("stranger")
            #expect(try await store.executions.pulse(of: draft.id, in: stranger.organization.id) == nil)
        }
    }

    @Test("Under a lapsed lease an execution does not begin to wait, nor go on", arguments: TestStoreKind.all)
    func waitingWithoutLease(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let draft = ExecutionDraft.sample(tenant)
            try await store.executions.start(draft)
            for isWaiting in [true, false] {
                await expect(.ownerLost) {
                    try await storeThatSeesAllDead(database).executions.setWaiting(
                        isWaiting, draft.id, in: tenant.organization.id, by: tenant.lease)
                }
            }
            #expect(try await store.executions.find(draft.id, in: tenant.organization.id)?.state == .running)
        }
    }

    @Test("A sweep does not wait for an execution that somebody holds, and ends the others", .enabled(if: TestPostgres.isExpected))
    func heldExecution() async throws {
        try await withMigratedDatabase(.postgreSQL) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let (held, free) = (ExecutionDraft.sample(tenant), ExecutionDraft.sample(tenant))
            for draft in [held, free] { try await store.executions.start(draft) }
            let (isHeld, isSwept) = (Gate(), Gate())
            let organization = tenant.organization.id
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // As an owner that is cut off between a call's row and its commit.
                    try await database.transaction(in: .organization(organization)) { connection in
                        _ = try await connection.query(
                            "SELECT 1 FROM executions WHERE organization_id = $1 AND id = $2 {share}", organization, held.id)
                        isHeld.open()
                        await isSwept.wait()
                    }
                }
                await isHeld.wait()
                let dead = storeThatSeesAllDead(database)
                #expect(try await dead.executions.sweep(outcome: Self.noOutcome).map(\.execution) == [free.id])
                isSwept.open()
                try await group.waitForAll()
                #expect(try await dead.executions.sweep(outcome: Self.noOutcome).map(\.execution) == [held.id])
            }
        }
    }

    @Test("A lease that lapses is swept by the database's clock", arguments: TestStoreKind.all)
    func lapse(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let draft = ExecutionDraft.sample(tenant)
            try await store.executions.start(draft)
            #expect(try await storeThatSeesAllDead(database).executions.sweep(outcome: Self.noOutcome).map(\.execution) == [draft.id])
        }
    }
}
