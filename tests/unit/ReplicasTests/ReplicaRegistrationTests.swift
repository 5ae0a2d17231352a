import Database
import Logging
import Model
import Replicas
import ServiceLifecycle
import Store
import TestSupport
import Testing

@Suite("The registration of a process", .timeLimit(.minutes(2)))
struct ReplicaRegistrationTests {
    private static let logger: Logger = {
        var logger = Logger(label: "replicas")
        logger.logLevel = .critical
        return logger
    }()

    /// Runs `body` beside a registration, and ends it gracefully.
    private static func withRegistration(
        _ store: Store, _ clock: ManualClock, load: @escaping @Sendable () -> Int64 = { 0 },
        _ body: (ReplicaRegistration) async throws -> Void
    ) async throws {
        let registration = ReplicaRegistration(
            ReplicaRegistration.Identity(kind: .sessionService, version: "1.2.3"), store: store, clock: clock, logger: Self.logger)
        registration.describe(address: { "127.0.0.1:4711" }, load: load)
        let group = ServiceGroup(services: [registration], logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do { try await body(registration) } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test("a process is in the registry while it runs, and not after a clean stop")
    func life() async throws {
        try await withTemporaryStore { store in
            let clock = ManualClock()
            try await Self.withRegistration(store, clock, load: { 7 }) { registration in
                #expect(try await registration.lease() == registration.currentLease)
                let replica = try #require(try await store.replicas.live(.sessionService).first)
                #expect(replica.id == registration.identity.id)
                #expect(replica.address == "127.0.0.1:4711")
                #expect(replica.version == "1.2.3")
                #expect(!replica.isDraining)
                registration.drain()
                await clock.waitForSleepers(1)
                clock.advance(by: .seconds(1))
                await clock.waitForSleepers(1)
                let draining = try #require(try await store.replicas.live(.sessionService).first)
                #expect(draining.isDraining)
                #expect(draining.load == 7)
            }
            #expect(try await store.replicas.live(.sessionService).isEmpty)
        }
    }

    @Test("the own lease ends one margin before the database's, counted from before it was renewed")
    func ownCount() async throws {
        var limits = StoreLimits()
        limits.replicaLease = .seconds(50)
        try await withTemporaryStore(limits: limits) { store in
            let clock = ManualClock()
            try await Self.withRegistration(store, clock) { registration in
                let lease = try await registration.lease()
                await clock.waitForSleepers(1)
                // Only heartbeats renew it; the time goes on without one.
                clock.advance(by: .milliseconds(999))
                #expect(registration.currentLease == lease)
                clock.advance(by: .seconds(49))
                // The heartbeat that is due now renews it; without it there would be none at this time.
                #expect(try await registration.lease() == lease)
            }
        }
    }

    @Test("a lapsed lease is taken again with a higher epoch")
    func lapse() async throws {
        try await withTemporaryStore { store in
            let clock = ManualClock()
            try await Self.withRegistration(store, clock) { registration in
                let lease = try await registration.lease()
                await clock.waitForSleepers(1)
                // As the database sees it after a lapse: the epoch that this process knows is no longer the row's.
                _ = try await store.replicas.register(lease.replica, kind: .sessionService, address: "127.0.0.1:1", version: "1")
                clock.advance(by: .seconds(5))
                await clock.waitForSleepers(1)
                let next = try await registration.lease()
                #expect(next.epoch == lease.epoch + 2)
                #expect(try await store.replicas.live(.sessionService).map(\.lease) == [next])
            }
        }
    }

    @Test(
        "whoever owns something hears by the process's own clock that the lease ended, while the database is away and before others may own it"
    )
    func ownEnd() async throws {
        try await withMigratedDatabase { database in
            let failing = FailingDatabase(database)
            let clock = ManualClock()
            let store = Store(database: failing, limits: StoreLimits())
            try await Self.withRegistration(store, clock) { registration in
                let lease = try await registration.lease()
                let ended = Recorder<Duration>()
                let start = clock.now
                let waiter = Task {
                    await registration.untilLost(lease)
                    ended.record(start.duration(to: clock.now))
                }
                await clock.waitForSleepers(2)
                failing.fail(.refused(DatabaseError(code: .unavailable, message: "gone")))
                for _ in 0..<4 {
                    #expect(ended.elements.isEmpty)
                    clock.advance(by: .seconds(1))
                    // The heartbeat's pause; whoever waits may have been let go of.
                    await clock.waitForSleepers(1)
                }
                await waiter.value
                #expect(ended.elements == [StoreLimits().replicaLease - ReplicaRegistration.Limits().leaseMargin])
                #expect(registration.currentLease == nil)
            }
        }
    }

    @Test("whoever waits for a lease is let go when it is cancelled")
    func cancelledWaiter() async throws {
        try await withTemporaryStore { store in
            let registration = ReplicaRegistration(
                ReplicaRegistration.Identity(kind: .apiGateway, version: "1"), store: store, logger: Self.logger)
            #expect(registration.currentLease == nil)
            let waiter = Task { try await registration.lease() }
            await Task.yield()
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
        }
    }

    @Test("the watch sees replicas come and go, and keeps the last known when it cannot look")
    func watch() async throws {
        try await withTemporaryStore { store in
            let clock = ManualClock()
            let watch = ReplicaWatch(.sessionService, store: store, clock: clock, logger: Self.logger)
            #expect(!watch.hasRead)
            let group = ServiceGroup(services: [watch], logger: Self.logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                await clock.waitForSleepers(1)
                #expect(watch.hasRead)
                #expect(watch.replicas.isEmpty)
                let replica = try await store.replicas.register(ReplicaID(), kind: .sessionService, address: "127.0.0.1:1", version: "1")
                _ = try await store.replicas.register(ReplicaID(), kind: .apiGateway, address: "127.0.0.1:2", version: "1")
                clock.advance(by: .seconds(1))
                await clock.waitForSleepers(1)
                #expect(watch.replicas.map(\.id) == [replica.id])
                try await store.replicas.deregister(replica.lease)
                #expect(try await watch.refresh().isEmpty)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }
}
