import Database
import JSON
import MCP
import Model
import SessionAPI
import Sessions
import Store
import TestSupport
import Testing

/// Opening a session, and taking one up again, which fails or is left by its client at each of its steps: nothing of it stays, and the next
/// try works.
@Suite("The set-up of sessions", .timeLimit(.minutes(5)))
struct SessionSetUpTests {
    /// What happens to a step.
    enum Way: String, CaseIterable {
        /// It does not work.
        case fails
        /// It worked, and nobody hears of it.
        case answerLost
        /// The client leaves before it.
        case abandonedBefore
        /// The client leaves when it has worked.
        case abandonedAfter
        /// Its answer is lost, and what was to clean up fails a few times too.
        case cleanUpFails
    }

    /// The statements that opening a session takes, in order.
    enum OpeningStep: String, CaseIterable {
        case staleSession = "FROM sessions WHERE organization_id = $1 AND id_hash = $2"
        case room = "SELECT COUNT(*) FROM sessions WHERE organization_id = $1 AND account_id"
        case stack
        case row = "INSERT INTO sessions"
    }

    /// The statements that taking a session up again takes, in order.
    enum RestoringStep: String, CaseIterable {
        case row = "FROM sessions WHERE organization_id = $1 AND id_hash = $2"
        case adoption = "UPDATE sessions SET owner_replica = $3"
    }

    /// Everything that a set-up takes and may leave behind.
    private struct Footprint: Hashable {
        var openRows: Int
        var ownedRows: Int
        var sessions: Int
        var calls: Int
        var streams: Int
        var jobs: Int
        var abandoned: Int

        init(_ harness: SessionHarness, _ database: any Database) async throws {
            let organization = harness.tenant.organization.id
            let connection = database.connection(in: .organization(organization))
            func count(_ statement: Statement) async throws -> Int {
                guard case .integer(let count)? = try await connection.query(statement, organization).first?.values.first else { return -1 }
                return Int(count)
            }
            self.openRows = try await count("SELECT COUNT(*) FROM sessions WHERE organization_id = $1 AND state = 'open'")
            self.ownedRows = try await count("SELECT COUNT(*) FROM sessions WHERE organization_id = $1 AND owner_replica IS NOT NULL")
            self.sessions = harness.service.sessionCount
            self.calls = harness.service.callCount
            self.streams = harness.service.streamCount
            self.jobs = harness.service.jobCount
            self.abandoned = harness.service.abandonedCount
        }
    }

    private static let away = DatabaseError(code: .unavailable, message: "away")
    private static let unknown = DatabaseError(code: .unavailable, message: "away", isOutcomeUnknown: true)
    private static let closing = "UPDATE sessions SET state = 'closed'"
    private static let release = "UPDATE sessions SET owner_replica = NULL, owner_epoch = NULL\nWHERE organization_id = $1 AND id = $2"

    private static var limits: SessionLimits {
        var limits = SessionLimits()
        // Time goes on by itself here, and nothing but the set-up is to change anything.
        limits.suspendAfter = .seconds(1_000_000)
        limits.callTimeout = .seconds(1_000_000)
        return limits
    }

    /// Does to the step what the way says, calls `request`, and gives the status that it was answered; nil for a client that left.
    private static func attempt(
        _ way: Way, _ latch: Latch, tamper: (TamperedDatabase.Tampering) -> Void, _ request: @escaping @Sendable () async throws -> Int
    ) async throws -> Int? {
        let hold: @Sendable () async throws -> Void = {
            await latch.wait()
            try Task.checkCancellation()
        }
        switch way {
        case .fails: tamper(.init(before: { throw Self.away }))
        case .answerLost, .cleanUpFails: tamper(.init(after: { throw Self.unknown }))
        case .abandonedBefore: tamper(.init(before: hold))
        case .abandonedAfter: tamper(.init(after: hold))
        }
        guard way == .abandonedBefore || way == .abandonedAfter else { return try await request() }
        let client = Task { try await request() }
        try await latch.waitForVisitor()
        client.cancel()
        _ = await client.result
        return nil
    }

    /// Waits until all is as it was, while the clock goes on.
    private static func settle(_ harness: SessionHarness, _ database: any Database, to before: Footprint) async throws {
        var now = try await Footprint(harness, database)
        while now != before {
            if Task.isCancelled { return #expect(now == before) }
            harness.clock.advance(by: .seconds(1))
            await Task.yield()
            now = try await Footprint(harness, database)
        }
    }

    @Test(
        "an opening that fails at any step, or is left at it, leaves nothing, tells the first error, and the next one works",
        arguments: OpeningStep.allCases, Way.allCases)
    func opening(step: OpeningStep, way: Way) async throws {
        try await withMigratedDatabase { plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            try await SessionHarness.run(on: store, tenant, limits: Self.limits) { harness in
                let other = try await harness.open()
                try await harness.until { harness.service.jobCount == 0 }
                let (before, latch) = (try await Footprint(harness, plain), Latch())
                if way == .cleanUpFails { database.tamper(with: Self.closing, times: 3, .init(before: { throw Self.away })) }
                let status = try await Self.attempt(way, latch) { tampering in
                    guard step == .stack else { return database.tamper(with: step.rawValue, tampering) }
                    harness.stacks.whenMaking {
                        try await tampering.before()
                        try await tampering.after()
                    }
                } _: {
                    try await harness.initialize(stale: step == .staleSession ? "stale" : nil).status
                }
                // What could not be found out or written was the database; of the rest nobody knows more than that it failed.
                if let status { #expect(status == 503) }
                #expect(database.tamperedCount > 0 || step == .stack)
                harness.stacks.whenMaking(nil)
                latch.open()
                try await Self.settle(harness, plain, to: before)
                #expect(way != .cleanUpFails || step != .row || database.tamperedCount == 4, "the clean-up was tried until it worked")
                database.stopTampering()
                let next = try await harness.open()
                for session in [other, next] { #expect(try await harness.send("ping", session: session).status == 200) }
                try await harness.until { harness.service.jobCount == 0 }
                var after = before
                after.openRows += 1
                after.ownedRows += 1
                after.sessions += 1
                #expect(try await Footprint(harness, plain) == after)
            }
        }
    }

    @Test("an opening for which there is no room in memory leaves no row, though its clean-up fails at first")
    func full() async throws {
        try await withMigratedDatabase { plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            var limits = Self.limits
            limits.maxInMemory = 1
            try await SessionHarness.run(on: store, tenant, limits: limits) { harness in
                let gate = Latch()
                harness.stacks.define("slow") { _, _ in
                    await gate.wait()
                    return .result(MCPToolResult(content: []))
                }
                let busy = try await harness.open()
                async let call = harness.call("slow", session: busy)
                try await gate.waitForVisitor()
                try await harness.until { harness.service.jobCount == 1 }
                let before = try await Footprint(harness, plain)
                database.tamper(with: Self.closing, times: 2, .init(before: { throw Self.away }))
                let refused = try await harness.initialize()
                #expect(refused.status == 503 && refused.refusal == .overloaded)
                try await Self.settle(harness, plain, to: before)
                #expect(database.tamperedCount == 2)
                gate.open()
                #expect(try await call.last?["result"] != nil)
                try await harness.until { harness.service.jobCount == 0 }
                _ = try await harness.open()
            }
        }
    }

    /// A session that rests: its row is open and nobody's.
    private static func resting(_ store: Store, _ tenant: TestTenant) async throws -> String {
        var session = ""
        try await SessionHarness.run(on: store, tenant) { session = try await $0.open() }
        return session
    }

    @Test(
        "taking a session up again that fails at any step, or is left at it, leaves it where it was, and the next try works",
        arguments: RestoringStep.allCases, Way.allCases.filter { $0 != .cleanUpFails })
    func restoring(step: RestoringStep, way: Way) async throws {
        try await withMigratedDatabase { plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let session = try await Self.resting(store, tenant)
            try await SessionHarness.run(on: store, tenant, limits: Self.limits) { harness in
                let (before, latch) = (try await Footprint(harness, plain), Latch())
                #expect(before.openRows == 1 && before.ownedRows == 0 && before.sessions == 0)
                let status = try await Self.attempt(way, latch) {
                    database.tamper(with: step.rawValue, $0)
                } _: {
                    try await harness.send("ping", session: session).status
                }
                if let status { #expect(status == 503) }
                #expect(database.tamperedCount == 1)
                latch.open()
                try await Self.settle(harness, plain, to: before)
                database.stopTampering()
                #expect(try await harness.send("ping", session: session).status == 200)
                #expect(harness.service.sessionCount == 1)
            }
        }
    }

    @Test("a session for which there is no room in memory is given back at once, for a replica that has some")
    func restoringFull() async throws {
        try await withMigratedDatabase { plain in
            let store = Store(database: plain, limits: .patient)
            let tenant = try await store.makeTenant()
            let session = try await Self.resting(store, tenant)
            var limits = Self.limits
            limits.maxInMemory = 1
            try await SessionHarness.run(on: store, tenant, limits: limits) { harness in
                let gate = Latch()
                harness.stacks.define("slow") { _, _ in
                    await gate.wait()
                    return .result(MCPToolResult(content: []))
                }
                let busy = try await harness.open()
                async let call = harness.call("slow", session: busy)
                try await gate.waitForVisitor()
                try await harness.until { harness.service.jobCount == 1 }
                let before = try await Footprint(harness, plain)
                #expect(try await harness.send("ping", session: session).refusal == .overloaded)
                try await Self.settle(harness, plain, to: before)
                gate.open()
                _ = try await call.last
                try await harness.until { harness.service.jobCount == 0 }
                #expect(try await harness.send("ping", session: session).status == 200)
            }
        }
    }

    @Test("requests that take one session up at the same time get one and the same")
    func racing() async throws {
        try await withMigratedDatabase { plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            let session = try await Self.resting(store, tenant)
            try await SessionHarness.run(on: store, tenant, limits: Self.limits) { harness in
                let latch = Latch()
                // The first two stand right before the row, two that follow right behind it.
                database.tamper(with: RestoringStep.adoption.rawValue, times: 2, .init(before: { await latch.wait() }))
                database.tamper(with: RestoringStep.adoption.rawValue, times: 2, .init(after: { await latch.wait() }))
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 { group.addTask { try await harness.send("ping", session: session).status } }
                    while latch.visits < 4 {
                        try Task.checkCancellation()
                        await Task.yield()
                    }
                    latch.open()
                    for try await status in group { #expect(status == 200) }
                }
                #expect(harness.service.sessionCount == 1)
                let row = try await store.sessions.find(hash: SecretHash(of: session), in: tenant.organization.id)
                #expect(row?.owner == tenant.lease)
            }
        }
    }

    @Test("sessions that are used in the moment in which they are put to rest are still this process's afterwards")
    func restingWhileUsed() async throws {
        try await withMigratedDatabase { plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: .patient)
            let tenant = try await store.makeTenant()
            try await SessionHarness.run(on: store, tenant) { harness in
                let sessions = [try await harness.open(), try await harness.open()]
                try await harness.until { harness.service.jobCount == 0 }
                let (latch, answered) = (Latch(), Recorder<Int>())
                // One of the two rows is being given back when the sessions are used, and the other one is about to be.
                database.tamper(with: Self.release, .init(before: { await latch.wait() }))
                await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
                harness.clock.advance(by: SessionLimits().suspendAfter + .seconds(1))
                try await latch.waitForVisitor()
                #expect(harness.service.sessionCount == 0)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for session in sessions {
                        group.addTask { answered.record(try await harness.send("ping", session: session).status) }
                    }
                    await answered.wait(for: 1)
                    // Long enough for a ping that does not wait to be answered before the row is written.
                    for _ in 0..<2_000 { await Task.yield() }
                    #expect(answered.elements.count == 1, "one is taken back, and the other one's row is waited for")
                    latch.open()
                    try await group.waitForAll()
                }
                #expect(answered.elements == [200, 200])
                try await harness.until { harness.service.jobCount == 0 }
                #expect(harness.service.sessionCount == 2)
                for session in sessions {
                    let row = try await store.sessions.find(hash: SecretHash(of: session), in: tenant.organization.id)
                    #expect(row?.owner == tenant.lease, "a session in memory whose row is anybody's would be run twice")
                }
            }
        }
    }
}
