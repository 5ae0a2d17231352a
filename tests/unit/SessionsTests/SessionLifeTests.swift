import JSON
import MCP
import Model
import Replicas
import SessionAPI
import Sessions
import Store
import TestSupport
import Testing

@Suite("The life of sessions", .timeLimit(.minutes(2)))
struct SessionLifeTests {
    private static func openCount(_ store: Store, _ organization: OrganizationID) async throws -> Int {
        try await store.sessions.list(in: organization).items.count
    }

    @Test("a restarted service goes on with the sessions of the one before")
    func restart() async throws {
        try await withTemporaryStore { store in
            let tenant = try await store.makeTenant()
            var sessions: [String] = []
            try await SessionHarness.run(on: store, tenant) { harness in
                for revision in ["2025-03-26", "2025-11-25"] { sessions.append(try await harness.open(revision)) }
                let closed = try await harness.open()
                #expect(try await harness.close(closed).status == 204)
                sessions.append(closed)
            }
            try await store.replicas.deregister(tenant.lease)
            let successor = try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "test")
            try await SessionHarness.run(on: store, tenant, lease: successor.lease) { harness in
                harness.stacks.define("picky") { _, _ in .invalidArguments("no") }
                for session in sessions.dropLast() {
                    #expect(try await harness.send("ping", session: session).status == 200)
                    #expect(try await harness.call("echo", session: session).status == 200)
                }
                // What was negotiated is known again.
                let (oldest, newest) = (
                    try await harness.call("picky", session: sessions[0]), try await harness.call("picky", session: sessions[1])
                )
                #expect(oldest.errorCode == -32602)
                #expect(try newest.json["result"]?["isError"] == true)
                let closed = try await harness.send("ping", session: sessions[2])
                #expect(closed.status == 404)
                #expect(harness.service.sessionCount == 2)
            }
        }
    }

    @Test("a session that another replica keeps is refused at once with who that is, and taken over once that one cannot be alive")
    func adoption() async throws {
        var limits = StoreLimits()
        limits.replicaLease = .seconds(600)
        try await withTemporaryStore(limits: limits) { store in
            let tenant = try await store.makeTenant()
            var opened = ""
            try await SessionHarness.run(on: store, tenant) { opened = try await $0.open() }
            let session = opened
            let organization = tenant.organization.id
            let row = try #require(try await store.sessions.find(hash: SecretHash(of: session), in: organization))
            // A clean stop may have given the row back; an owner that was killed gives nothing back.
            _ = try await store.sessions.adopt(row.id, in: organization, by: tenant.lease)
            let successor = try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "test")
            try await SessionHarness.run(on: store, tenant, lease: successor.lease) { harness in
                // The clock stands still: nothing is waited for.
                for _ in 0..<3 {
                    let refused = try await harness.send("ping", session: session)
                    #expect(refused.status == 503)
                    #expect(refused.refusal == .misdirected)
                    #expect(refused.owner == SessionOwner(replica: tenant.lease.replica, epoch: tenant.lease.epoch))
                    #expect(refused.header(SessionHeaders.owner) == nil, "the client is told nothing of it")
                }
                #expect(harness.service.sessionCount == 0)
                try await store.replicas.deregister(tenant.lease)
                #expect(try await harness.send("ping", session: session).status == 200)
            }
        }
    }

    @Test("a replica says whether it serves, and under which lease")
    func status() async throws {
        try await SessionHarness.run { harness in
            let lease = harness.tenant.lease
            _ = try await harness.open()
            #expect(
                try await harness.client.status(timeout: .seconds(60))
                    == ReplicaStatus(owner: SessionOwner(replica: lease.replica, epoch: lease.epoch), load: 1, isDraining: false))
            harness.lease.set(nil)
            #expect(try await harness.client.status(timeout: .seconds(60)) == nil)
        }
    }

    @Test("a principal that may not act any more is refused with every message, though its session is in memory")
    func revoked() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            #expect(try await harness.send("ping", session: session).status == 200)
            harness.stacks.revoke(harness.tenant.principal)
            for answer in [
                try await harness.send("ping", session: session), try await harness.send("tools/list", session: session),
                try await harness.send("notifications/cancelled", id: nil, params: #"{"requestId":9}"#, session: session),
                try await harness.call("echo", session: session),
            ] { #expect(answer.status == 401) }
        }
    }

    @Test("a call of a session whose lease ended is stopped before others may own the session, and told so", arguments: [false, true])
    func orphanedCall(hasNewLease: Bool) async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let (begun, writes) = (Latch(), Recorder<Bool>())
            harness.stacks.define("writer") { _, _ in
                await begun.wait()
                // What a program does after it was stopped is its stack's to prevent; here it sees that it was.
                writes.record(Task.isCancelled)
                return .stopped(["retryable": false])
            }
            async let call = harness.call("writer", session: session)
            try await begun.waitForVisitor()
            await harness.passEventDelay()
            let answer = try await call
            let lost = harness.tenant.lease
            harness.lease.set(hasNewLease ? ReplicaLease(replica: lost.replica, epoch: lost.epoch + 1) : nil)
            // Housekeeping, the call's own bound, the stream's silence, and the moment that the call has to end by itself.
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 3)
            harness.clock.advance(by: SessionLimits().orphanDelay)
            let data = try await answer.last?["error"]?["data"]
            #expect(data?["code"] == "execution_interrupted" && data?["retryable"] == false)
            #expect(writes.elements == [true])
            #expect(SessionLimits().orphanDelay < ReplicaRegistration.Limits().leaseMargin)
        }
    }

    @Test("a replica that stops gives sessions without calls away at once, the others with the end of their calls, and takes none")
    func handOver() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            harness.stacks.define("slow") { _, _ in
                await gate.wait()
                return .result(MCPToolResult(content: []))
            }
            let (idle, busy) = (try await harness.open(), try await harness.open())
            async let call = harness.call("slow", session: busy)
            try await gate.waitForVisitor()
            async let stopped: Void = harness.shutDown()
            let organization = harness.tenant.organization.id
            try await harness.until { try await harness.store.sessions.find(hash: SecretHash(of: idle), in: organization)?.owner == nil }
            #expect(try await harness.send("ping", session: idle).refusal == .draining)
            #expect(try await harness.send("ping", session: busy).status == 200)
            #expect(try await harness.store.sessions.find(hash: SecretHash(of: busy), in: organization)?.owner != nil)
            #expect(try await harness.client.status(timeout: .seconds(60))?.isDraining == true)
            gate.open()
            #expect(try await call.status == 200)
            try await harness.until { try await harness.store.sessions.find(hash: SecretHash(of: busy), in: organization)?.owner == nil }
            await stopped
        }
    }

    @Test("without a lease nothing is answered, and with a new one sessions are taken up again")
    func lostLease() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            harness.lease.set(nil)
            for answer in [try await harness.send("ping", session: session), try await harness.initialize()] {
                #expect(answer.status == 503)
                #expect(answer.refusal == .unavailable)
                #expect(answer.header("retry-after") != nil)
            }
            let again = try await harness.store.replicas.register(
                harness.tenant.replica.id, kind: .sessionService, address: "127.0.0.1:1", version: "test")
            harness.lease.set(again.lease)
            #expect(try await harness.send("ping", session: session).status == 200)
            let row = try await harness.store.sessions.find(hash: SecretHash(of: session), in: harness.tenant.organization.id)
            #expect(row?.owner == again.lease)
        }
    }

    @Test("a session that rests leaves memory, is free for any replica, and comes back when it is used")
    func suspension() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            harness.stacks.define("slow") { _, _ in
                await gate.wait()
                return .result(MCPToolResult(content: []))
            }
            let (idle, busy) = (try await harness.open(), try await harness.open())
            async let call = harness.call("slow", session: busy)
            try await gate.waitForVisitor()
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 2)
            harness.clock.advance(by: SessionLimits().suspendAfter + .seconds(1))
            try await harness.until { harness.service.sessionCount == 1 }
            let organization = harness.tenant.organization.id
            try await harness.until { try await harness.store.sessions.find(hash: SecretHash(of: idle), in: organization)?.owner == nil }
            #expect(try await harness.store.sessions.find(hash: SecretHash(of: busy), in: organization)?.owner != nil)
            #expect(try await harness.send("ping", session: idle).status == 200)
            #expect(harness.service.sessionCount == 2)
            gate.open()
            _ = try await call
        }
    }

    @Test("beyond the bound the session unused longest leaves memory, and when all are in use a new one is refused")
    func memoryBound() async throws {
        var limits = SessionLimits()
        limits.maxInMemory = 2
        try await SessionHarness.run(limits: limits) { harness in
            let gate = Latch()
            harness.stacks.define("slow") { _, _ in
                await gate.wait()
                return .result(MCPToolResult(content: []))
            }
            var sessions: [String] = []
            for _ in 0..<3 {
                sessions.append(try await harness.open())
                harness.clock.advance(by: .milliseconds(1))
            }
            #expect(harness.service.sessionCount == 2)
            #expect(try await harness.send("ping", session: sessions[0]).status == 200)
            let (first, last) = (sessions[0], sessions[2])
            async let call1 = harness.call("slow", session: first)
            async let call2 = harness.call("slow", session: last)
            try await harness.until { harness.service.callCount == 2 }
            let before = try await Self.openCount(harness.store, harness.tenant.organization.id)
            let refused = try await harness.initialize()
            #expect(refused.status == 503)
            #expect(refused.refusal == .overloaded)
            gate.open()
            for answer in try await [call1, call2] { #expect(answer.status == 200) }
            try await harness.until { try await Self.openCount(harness.store, harness.tenant.organization.id) == before }
        }
    }

    @Test("an account's sessions are bounded: idle ones make room, busy ones do not")
    func accountBound() async throws {
        var limits = SessionLimits()
        limits.maxPerAccount = 3
        try await SessionHarness.run(limits: limits) { harness in
            for _ in 0..<3 { _ = try await harness.open() }
            let refused = try await harness.initialize()
            #expect(refused.status == 429)
            #expect(try refused.json["error"]?["data"]?["code"] == "too_many_sessions")
            #expect(try refused.json["id"] == 0)
            let other = try await harness.store.makeTenant("other")
            #expect(try await harness.initialize(for: SessionCaller(principal: other.principal, resource: "/mcp")).status == 200)
        }
        limits.reclaimAfter = .zero
        try await SessionHarness.run(limits: limits) { harness in
            var sessions: [String] = []
            for _ in 0..<5 { sessions.append(try await harness.open()) }
            #expect(try await Self.openCount(harness.store, harness.tenant.organization.id) <= 3)
        }
    }

    @Test("an opening that fails at any step leaves nothing behind, and the next one works")
    func failedOpening() async throws {
        struct Fault: Error {}
        try await SessionHarness.run { harness in
            let organization = harness.tenant.organization.id
            harness.stacks.fail(with: Fault())
            #expect(try await harness.initialize().errorCode == -32603)
            harness.stacks.fail(with: MCPError(.unavailable, "away"))
            #expect(try await harness.initialize().status == 503)
            harness.stacks.fail(with: nil)
            // A lease that the database does not know makes the row fail.
            harness.lease.set(ReplicaLease(replica: ReplicaID(), epoch: 1))
            #expect(try await harness.initialize().status == 503)
            harness.lease.set(harness.tenant.lease)
            #expect(
                try await harness.client.open(
                    SessionHarness.message("initialize", params: "{}"), stale: nil, for: harness.caller, timeout: .seconds(60), trace: nil
                ).errorCode == -32602)
            #expect(
                try await harness.client.open(
                    SessionHarness.message("ping"), stale: nil, for: harness.caller, timeout: .seconds(60), trace: nil
                ).status == 400)
            #expect(try await Self.openCount(harness.store, organization) == 0)
            #expect(harness.service.sessionCount == 0)
            _ = try await harness.open()
            #expect(try await Self.openCount(harness.store, organization) == 1)
            #expect(harness.service.sessionCount == 1)
        }
    }

    @Test("an opening that its client abandons while the row is written leaves no open row")
    func abandonedOpening() async throws {
        try await SessionHarness.run { harness in
            for _ in 0..<20 {
                let opening = Task { try? await harness.initialize() }
                await Task.yield()
                opening.cancel()
                _ = await opening.value
            }
            // Every row that is still open belongs to a session that was answered, and is in memory.
            try await harness.until {
                try await Self.openCount(harness.store, harness.tenant.organization.id) == harness.service.sessionCount
            }
        }
    }

    @Test("rows are removed when their retention is over")
    func purge() async throws {
        var limits = SessionLimits()
        limits.closedRetention = .zero
        try await SessionHarness.run(limits: limits) { harness in
            let session = try await harness.open()
            let kept = try await harness.open()
            _ = try await harness.close(session)
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
            harness.clock.advance(by: limits.purgeInterval)
            let organization = harness.tenant.organization.id
            try await harness.until { try await harness.store.sessions.find(hash: SecretHash(of: session), in: organization) == nil }
            #expect(try await harness.send("ping", session: kept).status == 200)
        }
    }

    @Test("a session that is unused for its retention ends: its row goes, and its id is unknown")
    func expiry() async throws {
        var limits = SessionLimits()
        limits.idleRetention = .zero
        limits.suspendAfter = .zero
        try await SessionHarness.run(limits: limits) { harness in
            let session = try await harness.open()
            let organization = harness.tenant.organization.id
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
            harness.clock.advance(by: limits.sweepInterval)
            try await harness.until { harness.service.sessionCount == 0 }
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers)
            harness.clock.advance(by: limits.purgeInterval)
            try await harness.until { try await harness.store.sessions.find(hash: SecretHash(of: session), in: organization) == nil }
            #expect(try await harness.send("ping", session: session).status == 404)
            #expect(try await harness.initialize(stale: session).status == 200)
        }
    }
}
