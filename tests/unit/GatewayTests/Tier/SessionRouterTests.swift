import MCP
import Model
import SessionAPI
import Store
import TestSupport
import Testing

@testable import Gateway

@Suite("Messages reach the replica that is to have them", .timeLimit(.minutes(2))) struct SessionRouterTests {
    private static func code(_ body: () async throws -> SessionAnswer) async throws -> MCPError.Code? {
        do {
            let answer = try await body()
            Issue.record("answered \(answer.status)")
            return nil
        } catch let error as MCPError {
            return error.code
        }
    }

    @Test("a message costs one hop and no statement, with one replica as with three, at whichever gateway", arguments: [1, 3])
    func cost(replicaCount: Int) async throws {
        try await TierHarness.run(replicas: replicaCount, gateways: 2) { tier in
            var sessions: [String] = []
            for _ in 0..<20 { sessions.append(try await tier.open()) }
            #expect(tier.registry.lookUpCount == 0)
            // The other gateway has to learn of each once.
            for session in sessions { #expect(try await tier.send(session, at: 1).status == 200) }
            #expect(tier.registry.lookUpCount == 20)
            let (hops, looks) = (tier.messageCount, tier.registry.lookCount)
            for _ in 0..<5 {
                for session in sessions {
                    for gateway in 0..<2 { #expect(try await tier.send(session, "tools/call", at: gateway).status == 200) }
                }
            }
            #expect(tier.messageCount - hops == 200)
            #expect(tier.registry.lookUpCount == 20 && tier.registry.lookCount == looks)
        }
    }

    @Test("new sessions spread over the replicas, more to those that have less to do")
    func spread() async throws {
        try await TierHarness.run(replicas: 3, gateways: 2) { tier in
            for number in 0..<120 { _ = try await tier.open(at: number % 2) }
            #expect(tier.replicas.allSatisfy { $0.messageCount >= 20 }, "\(tier.replicas.map(\.messageCount))")
        }
    }

    @Test("a gateway whose database says nothing asks a replica, which knows the owner")
    func hangingLookUp() async throws {
        try await TierHarness.run(gateways: 2) { tier in
            let session = try await tier.open()
            tier.registry.hang()
            let pending = Task { try await tier.send(session, at: 1) }
            try await tier.until { tier.registry.lookUpCount == 1 }
            let answer = try await tier.withRunningClock { try await pending.value }
            #expect(answer.status == 200)
            #expect(try tier.owner(of: session).received.elements == [session])
        }
    }

    @Test("a gateway that is wrong about an owner is corrected by whom it asks, without a statement")
    func misdirected() async throws {
        try await TierHarness.run { tier in
            let session = try await tier.open()
            let (first, hops) = (try tier.owner(of: session), tier.messageCount)
            let second = try #require(tier.replicas.first { $0.id != first.id })
            tier.registry.give(SecretHash(of: session), to: second.lease)
            let lookUps = tier.registry.lookUpCount
            #expect(try await tier.send(session).status == 200)
            #expect(second.received.elements == [session] && tier.messageCount == hops + 2)
            #expect(try await tier.send(session).status == 200)
            #expect(second.received.elements.count == 2 && tier.messageCount == hops + 3)
            #expect(tier.registry.lookUpCount == lookUps)
        }
    }

    @Test("an unknown session is refused without a hop, and one that nobody owns goes to anybody, who then has it")
    func unknownAndUnowned() async throws {
        try await TierHarness.run { tier in
            #expect(try await Self.code { try await tier.send("nonsense") } == .unknownSession)
            #expect(tier.messageCount == 0)
            let session = try await tier.open()
            tier.registry.give(SecretHash(of: session), to: nil)
            tier.gateway.router.owners.remove(SecretHash(of: session))
            #expect(try await tier.send(session).status == 200)
            #expect(try tier.owner(of: session).received.elements == [session])
        }
    }

    @Test("an owner that died keeps its sessions' messages waiting until its lease lapses, with one look for all, and no longer")
    func deadOwner() async throws {
        try await TierHarness.run { tier in
            var sessions: [String] = []
            while sessions.count < 100 { sessions.append(try await tier.open()) }
            let dead = try tier.owner(of: sessions[0])
            let orphans = try sessions.filter { try tier.owner(of: $0).id == dead.id }
            let lookUps = tier.registry.lookUpCount
            dead.set(.dead)
            let start = tier.clock.now
            try await withThrowingTaskGroup(of: Int.self) { group in
                for session in orphans { group.addTask { try await tier.send(session).status } }
                try await tier.until { tier.gateway.router.waitingCount == orphans.count }
                let looks = tier.registry.lookCount
                // Nobody else gets them while the lease holds.
                for _ in 0..<40 {
                    await tier.clock.waitForSleepers(orphans.count + 1)
                    tier.clock.advance(by: .milliseconds(100))
                }
                #expect(tier.gateway.router.waitingCount == orphans.count)
                #expect(tier.registry.lookCount - looks <= 42, "the looks do not grow with the sessions")
                tier.registry.lapse(dead.id)
                while tier.gateway.router.waitingCount > 0 {
                    tier.clock.advance(by: .milliseconds(20))
                    await Task.yield()
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(start.duration(to: tier.clock.now) < .seconds(9))
            #expect(tier.registry.lookUpCount == lookUps)
            #expect(dead.received.elements.isEmpty)
        }
    }

    @Test("an answer that a client comes back for is asked of any replica while the owner is out of reach, and the owner stays known")
    func replay() async throws {
        try await TierHarness.run { tier in
            let session = try await tier.open()
            let owner = try tier.owner(of: session)
            owner.set(.dead)
            try await tier.withRunningClock {
                async let answer = tier.listen(session, after: "str_1:0")
                // While nothing is kept, others have nothing to say, are asked again, and the owner is waited for.
                try await tier.until { tier.replicas.contains { $0.id != owner.id && $0.messageCount > 1 } }
                tier.registry.keepAnswers()
                #expect(try await answer.status == 200)
                #expect(owner.received.elements.isEmpty)
                // A stream that is to go on is its owner's alone.
                #expect(try await Self.code { try await tier.listen(session) } == .unavailable)
                owner.set(.serving)
                #expect(try await tier.send(session).status == 200)
            }
            #expect(owner.received.elements == [session])
        }
    }

    @Test("a message that nobody takes is refused when its time is up; what comes beyond the bound on those who wait at once")
    func waitingBounds() async throws {
        var limits = TierLimits()
        limits.maxWaiting = 3
        try await TierHarness.run(replicas: 1, limits: limits) { tier in
            let session = try await tier.open()
            tier.replicas[0].set(.dead)
            try await withThrowingTaskGroup(of: MCPError.Code?.self) { group in
                for _ in 0..<3 { group.addTask { try await Self.code { try await tier.send(session, "tools/call") } } }
                try await tier.until { tier.gateway.router.waitingCount == 3 }
                do {
                    _ = try await tier.send(session)
                    Issue.record("it waits")
                } catch let error as MCPError {
                    #expect(error.code == .unavailable && error.retryAfter != nil)
                }
                try await tier.withRunningClock {
                    for try await code in group { #expect(code == .unavailable) }
                }
            }
            #expect(tier.gateway.router.waitingCount == 0)
            // It outlasts a lease and an adoption, and leaves time of the ten seconds in which every call is to end for the way there and back.
            #expect(limits.replicaWait > StoreLimits().replicaLease + .milliseconds(500) && limits.replicaWait <= .seconds(8))
        }
    }

    @Test("those who come back to listen have a bound of their own and take none of the messages' room, and the other way round")
    func listenersWait() async throws {
        var limits = TierLimits()
        (limits.maxWaiting, limits.maxWaitingListeners) = (2, 3)
        try await TierHarness.run(replicas: 1, limits: limits) { tier in
            let session = try await tier.open()
            let router = tier.gateway.router
            tier.replicas[0].set(.dead)
            try await withThrowingTaskGroup(of: MCPError.Code?.self) { group in
                for _ in 0..<3 { group.addTask { try await Self.code { try await tier.listen(session) } } }
                try await tier.until { router.waitingCount(in: .listeners) == 3 }
                for _ in 0..<2 { group.addTask { try await Self.code { try await tier.send(session, "tools/call") } } }
                try await tier.until { router.waitingCount(in: .messages) == 2 }
                // Both lines are full by now, each for itself, and the clock stands still.
                #expect(try await Self.code { try await tier.listen(session) } == .unavailable)
                #expect(try await Self.code { try await tier.send(session) } == .unavailable)
                #expect(router.waitingCount == 5)
                try await tier.withRunningClock {
                    for try await code in group { #expect(code == .unavailable) }
                }
            }
            #expect(router.waitingCount == 0)
        }
    }

    @Test("what may have been looked at is never sent again")
    func neverTwice() async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            let hops = tier.messageCount
            try tier.owner(of: session).set(.breaking)
            #expect(try await Self.code { try await tier.send(session, "tools/call") } == .executionInterrupted)
            #expect(tier.messageCount == hops + 1)
        }
    }

    @Test(
        "a replica that fails gets nothing new at once, and is taken back when it answers a probe, also one of a version that has no probes",
        arguments: [false, true], [false, true])
    func ejection(breaks: Bool, isOlder: Bool) async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            let (failing, hops) = (try tier.owner(of: session), tier.messageCount)
            failing.setOlder(isOlder)
            failing.set(breaks ? .breaking : .dead)
            if breaks {
                #expect(try await Self.code { try await tier.send(session, "ping") } == .unavailable)
            } else {
                let other = try #require(tier.replicas.first { $0.id != failing.id })
                while other.messageCount < 3, failing.messageCount < 100 { _ = try await tier.open() }
            }
            let seen = failing.messageCount
            for _ in 0..<50 { _ = try await tier.open() }
            #expect(failing.messageCount == seen && tier.messageCount > hops + 50)
            failing.set(.serving)
            try await tier.withRunningClock {
                try await tier.until { tier.gateway.replicas.standing(of: failing.lease) == .up }
            }
            #expect(try await tier.send(session).status == 200)
            #expect(failing.messageCount == seen + 1)
        }
    }

    @Test("a replica that hangs has its calls cut once its lease lapsed: a typed error, not a wait without end")
    func hanging() async throws {
        try await TierHarness.run { tier in
            let session = try await tier.open()
            let hanging = try tier.owner(of: session)
            hanging.set(.silent)
            let seen = hanging.messageCount
            async let call = Self.code { try await tier.send(session, "tools/call") }
            async let ping = Self.code { try await tier.send(session, "ping") }
            try await tier.until { hanging.messageCount == seen + 2 }
            tier.registry.lapse(hanging.id)
            try tier.gateway.look()
            #expect(tier.gateway.replicas.standing(of: hanging.lease) == .lapsed)
            await tier.clock.waitForSleepers(1)
            tier.clock.advance(by: TierLimits().cutDelay)
            #expect(try await call == .executionInterrupted)
            #expect(try await ping == .unavailable)
            // The next one goes where the session can be.
            #expect(try await tier.send(session).status == 200)
            let limits = StoreLimits()
            // Lease, the age of a reading, and the delay.
            #expect(limits.replicaLease + .seconds(2) + TierLimits().cutDelay < .seconds(10))
        }
    }

    @Test("a replica that lost its lease for a moment keeps its connection")
    func lapsedForAMoment() async throws {
        try await TierHarness.run(replicas: 1) { tier in
            let session = try await tier.open()
            let replica = tier.replicas[0]
            tier.registry.lapse(replica.id)
            try tier.gateway.look()
            await tier.clock.waitForSleepers(1)
            replica.registerAgain()
            try tier.gateway.look()
            tier.clock.advance(by: TierLimits().cutDelay)
            #expect(try await tier.send(session).status == 200)
            #expect(try tier.owner(of: session).lease.epoch == 2)
        }
    }

    @Test("a replica that is full refuses at once when all are, and lets others have new sessions when they are not")
    func overloaded() async throws {
        try await TierHarness.run(replicas: 3) { tier in
            tier.replicas[0].set(.refusing(.overloaded))
            for _ in 0..<20 { #expect(try await tier.tryToOpen().status == 200) }
            for replica in tier.replicas { replica.set(.refusing(.overloaded)) }
            let hops = tier.messageCount
            let answer = try await tier.tryToOpen()
            #expect(answer.status == 503 && answer.refusal == .overloaded)
            #expect(tier.messageCount == hops + 3)
        }
    }

    @Test("a replica that drains gives its sessions to others at once")
    func draining() async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            let draining = try tier.owner(of: session)
            draining.set(.refusing(.draining))
            tier.registry.give(SecretHash(of: session), to: nil)
            // The clock stands still: nothing is waited for.
            #expect(try await tier.send(session, "tools/call").status == 200)
            #expect(try tier.owner(of: session).id != draining.id)
            let seen = draining.messageCount
            for _ in 0..<20 { _ = try await tier.open() }
            #expect(draining.messageCount == seen)
        }
    }

    @Test("while the only replica left has lost its lease for a moment, a message waits and is not refused")
    func unavailableForAMoment() async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            let draining = try tier.owner(of: session)
            let other = try #require(tier.replicas.first { $0.id != draining.id })
            draining.set(.refusing(.draining))
            tier.registry.give(SecretHash(of: session), to: nil)
            other.set(.refusing(.unavailable))
            let answer = Task { try await tier.send(session, "tools/call") }
            try await tier.until { tier.gateway.router.waitingCount == 1 && other.messageCount == 1 }
            other.set(.serving)
            #expect(try await tier.withRunningClock { try await answer.value }.status == 200)
            #expect(try tier.owner(of: session).id == other.id)
        }
    }

    @Test("a gateway that alone lost the database serves the sessions it knows, and has others tell it of those it does not")
    func withoutDatabase() async throws {
        try await TierHarness.run(replicas: 3, gateways: 2) { tier in
            let (known, unknown) = (try await tier.open(), try await tier.open(at: 1))
            tier.registry.setAway(true)
            #expect(try await tier.send(known).status == 200)
            #expect(try await tier.send(unknown).status == 200)
            let lookUps = tier.registry.lookUpCount
            #expect(try await tier.send(unknown).status == 200)
            #expect(tier.registry.lookUpCount == lookUps)
            tier.registry.setAway(false)
            let owner = try tier.owner(of: known)
            tier.registry.setAway(true)
            // Its owner dies: whoever is asked says when the session can be had.
            tier.clock.advance(by: TierLimits().registryAge)
            owner.set(.dead)
            let answer = Task { try await tier.send(known) }
            try await tier.until { tier.gateway.router.waitingCount == 1 }
            tier.registry.lapse(owner.id)
            #expect(try await tier.withRunningClock { try await answer.value }.status == 200)
        }
    }

    @Test("while the database is away for all, messages are refused at once and go on by themselves afterwards")
    func databaseAway() async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            tier.registry.setAway(true)
            tier.clock.advance(by: TierLimits().registryAge)
            for replica in tier.replicas { replica.set(.refusing(.unavailable)) }
            for _ in 0..<3 {
                do {
                    let answer = try await tier.withRunningClock { try await tier.send(session, "tools/call") }
                    #expect(answer.status == 503 && answer.refusal == .unavailable)
                } catch let error as MCPError {
                    #expect(error.code == .unavailable && error.retryAfter != nil)
                }
            }
            tier.registry.setAway(false)
            for replica in tier.replicas { replica.set(.serving) }
            try tier.gateway.look()
            #expect(try await tier.withRunningClock { try await tier.send(session, "tools/call") }.status == 200)
        }
    }

    @Test("an owner that alone lost the database is left for another once its lease lapsed")
    func ownerWithoutDatabase() async throws {
        try await TierHarness.run(replicas: 2) { tier in
            let session = try await tier.open()
            let cut = try tier.owner(of: session)
            cut.set(.refusing(.unavailable))
            let answer = Task { try await tier.send(session, "tools/call") }
            try await tier.until { tier.gateway.router.waitingCount == 1 }
            tier.registry.lapse(cut.id)
            #expect(try await tier.withRunningClock { try await answer.value }.status == 200)
            #expect(try tier.owner(of: session).id != cut.id)
        }
    }

    @Test("the owner's time is what is left, and one who leaves waits no more")
    func cancelled() async throws {
        try await TierHarness.run(replicas: 1) { tier in
            let session = try await tier.open()
            tier.replicas[0].set(.dead)
            let waiting = Task { try await tier.send(session) }
            try await tier.until { tier.gateway.router.waitingCount == 1 }
            waiting.cancel()
            await #expect(throws: (any Error).self) { try await waiting.value }
            #expect(tier.gateway.router.waitingCount == 0)
        }
    }
}
