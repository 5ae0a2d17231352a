import Database
import JSON
import Model
import TestSupport
import Testing

@testable import Store

@Suite("Calls of executions", .timeLimit(.minutes(1)))
struct ExecutionCallTests {
    private static let address = ToolAddress(integration: "api", owner: .organization, connection: "main", tool: "items.create")

    private static func call(_ sequence: UInt32) -> ExecutionCallDraft {
        ExecutionCallDraft(sequence: sequence, address: Self.address, effect: .write)
    }

    /// A running execution.
    private static func start(_ store: Store, _ tenant: TestTenant) async throws -> ExecutionID {
        let draft = ExecutionDraft.sample(tenant)
        try await store.executions.start(draft)
        return draft.id
    }

    @Test("A call is there before it ends, and its end is written once", arguments: TestStoreKind.all)
    func life(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let execution = try await Self.start(store, tenant)
            #expect(try await store.calls.list(of: execution, in: organization) == .none)
            for sequence in [1, 7] as [UInt32] {
                try await store.calls.start(Self.call(sequence), of: execution, in: organization, by: tenant.lease)
            }
            let begun = try await store.calls.list(of: execution, in: organization)
            #expect(begun.listed.map(\.sequence) == [1, 7])
            #expect(begun.listed.allSatisfy { $0.outcome == nil && $0.endedAt == nil && $0.address == Self.address.description })
            #expect(begun.count == 2 && begun.effectiveCount == 2)
            try await store.calls.end([ExecutionCallEnd(sequence: 7, outcome: .notSent)], of: execution, in: organization)
            try await store.calls.end([ExecutionCallEnd(sequence: 7, outcome: .done)], of: execution, in: organization)
            let ended = try await store.calls.list(of: execution, in: organization)
            #expect(ended.listed.map(\.outcome) == [nil, .notSent])
            #expect(ended.listed.map { $0.endedAt == nil } == [true, false])
            #expect(ended.count == 2 && ended.effectiveCount == 1)
            await expect(.alreadyExists) {
                try await store.calls.start(Self.call(1), of: execution, in: organization, by: tenant.lease)
            }
        }
    }

    @Test("The end of an execution carries the ends of its calls, however many", arguments: TestStoreKind.all)
    func endTogether(kind: TestStoreKind) async throws {
        try await withTemporaryStore(kind) { store in
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let execution = try await Self.start(store, tenant)
            for sequence in 1...130 as ClosedRange<UInt32> {
                try await store.calls.start(Self.call(sequence), of: execution, in: organization, by: tenant.lease)
            }
            let ends = (1...130 as ClosedRange<UInt32>).map {
                ExecutionCallEnd(sequence: $0, outcome: $0 == 129 ? .outcomeUnknown : $0.isMultiple(of: 2) ? .done : .notSent)
            }
            let end = ExecutionEnd(state: .completed, outcome: nil, calls: ends)
            #expect(try await store.executions.finish(execution, in: organization, by: tenant.lease, with: end) == .recorded)
            let calls = try await store.calls.list(of: execution, in: organization)
            #expect(calls.count == 130)
            #expect(calls.effectiveCount == 66)
            #expect(calls.listed.count == 100)
            #expect(calls.listed.last?.sequence == 129, "one without an answer is among those that are shown")
            #expect(calls.listed.prefix(99).map(\.sequence) == Array(1...99))
            #expect(calls.listed.last?.outcome == .outcomeUnknown)
        }
    }

    @Test("No call starts for a stranger, after the end, under a lapsed lease, or without an execution", arguments: TestStoreKind.all)
    func fence(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let execution = try await Self.start(store, tenant)
            func start(_ execution: ExecutionID, by lease: ReplicaLease, in store: Store) async {
                await expect(.ownerLost) { try await store.calls.start(Self.call(1), of: execution, in: organization, by: lease) }
            }
            await start(execution, by: ReplicaLease(replica: tenant.replica.id, epoch: 2), in: store)
            await start(execution, by: ReplicaLease(replica: ReplicaID(), epoch: 1), in: store)
            await start(ExecutionID(), by: tenant.lease, in: store)
            await start(execution, by: tenant.lease, in: storeThatSeesAllDead(database))
            try await store.executions.finish(
                execution, in: organization, by: tenant.lease, with: ExecutionEnd(state: .completed, outcome: nil))
            await start(execution, by: tenant.lease, in: store)
            #expect(try await store.calls.list(of: execution, in: organization) == .none)
        }
    }

    @Test(
        "Whoever ends what a dead owner left knows its calls, stores what is made of them, and leaves none open",
        arguments: TestStoreKind.all)
    func interrupt(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let execution = try await Self.start(store, tenant)
            for sequence in 1...3 as ClosedRange<UInt32> {
                try await store.calls.start(Self.call(sequence), of: execution, in: organization, by: tenant.lease)
            }
            let ends = [ExecutionCallEnd(sequence: 1, outcome: .done), ExecutionCallEnd(sequence: 2, outcome: .notSent)]
            try await store.calls.end(ends, of: execution, in: organization)
            let outcome: ExecutionRepository.InterruptedOutcome = { _, calls in
                JSONText(.array(calls.listed.map { .string($0.outcome?.rawValue ?? "none") } + [.int(calls.effectiveCount)]))
            }
            #expect(try await !store.executions.interrupt(execution, in: organization, outcome: outcome), "its owner lives")
            #expect(try await store.calls.list(of: execution, in: organization).listed.last?.outcome == nil)

            let dead = storeThatSeesAllDead(database)
            #expect(try await dead.executions.interrupt(execution, in: organization, outcome: outcome))
            #expect(try await !dead.executions.interrupt(execution, in: organization, outcome: outcome), "it has ended")
            let record = try #require(try await store.executions.find(execution, in: organization))
            #expect(record.state == .failed)
            #expect(record.errorCode == ExecutionRepository.interruptedCode)
            #expect(record.outcome?.string == #"["done","not_sent","outcome_unknown",2]"#)
            #expect(record.owner == tenant.lease)
            // What was told once stays, although the owner turns out to live and knows better.
            try await store.calls.end([ExecutionCallEnd(sequence: 3, outcome: .done)], of: execution, in: organization)
            #expect(try await store.calls.list(of: execution, in: organization).listed.last?.outcome == .outcomeUnknown)
        }
    }

    /// Without a lock on the execution's row, a call that is written while another process ends the execution would be seen by neither.
    @Test("A call that starts while its execution is ended is either seen by who ends it or not sent", arguments: TestStoreKind.all)
    func race(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let organization = tenant.organization.id
            let dead = storeThatSeesAllDead(database)
            for _ in 0..<30 {
                let execution = try await Self.start(store, tenant)
                let seen = Recorder<Int>()
                async let interrupted = dead.executions.interrupt(execution, in: organization) { _, calls in
                    seen.record(calls.count)
                    return nil
                }
                var started = 0
                for sequence in 1...5 as ClosedRange<UInt32> {
                    do {
                        try await store.calls.start(Self.call(sequence), of: execution, in: organization, by: tenant.lease)
                        started += 1
                    } catch let error as StoreError where error.code == .ownerLost {
                        break
                    }
                }
                #expect(try await interrupted)
                #expect(seen.elements == [started])
            }
        }
    }
}
