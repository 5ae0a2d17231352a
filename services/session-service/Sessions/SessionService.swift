package import Channel
package import Logging
package import MCP
import Replicas
import ServiceLifecycle
package import SessionAPI
package import Store

/// The session tier of one process: the handler that the channel's server calls, and the service that owns everything that outlives a
/// request.
///
/// In the service group it comes *after* the channel's server, and so is shut down first: while it drains, the server still delivers the
/// answers of the calls that end.
package struct SessionService: Service {
    /// What a session service stands on.
    package struct Dependencies: Sendable {
        package var store: Store
        /// Keeps the lease under which sessions are owned; its `run()` is somebody else's.
        package var registration: any SessionLeaseSource
        package var stacks: any SessionStackMaking
        /// What the server says about itself to clients.
        package var server: MCPServerInfo
        package var logger: Logger
        package var clock: any Clock<Duration>
        /// Called when draining begins, to say so in the registry.
        package var beginDraining: @Sendable () -> Void
        /// Ends what runs below the stacks, with typed results, within a bound of its own; awaited while calls in flight end.
        package var drainExecutions: @Sendable () async -> Void
        /// What is spoken with gateways.
        package var version: ContractVersion

        package init(
            store: Store, registration: any SessionLeaseSource, stacks: any SessionStackMaking, server: MCPServerInfo, logger: Logger,
            clock: any Clock<Duration> = ContinuousClock(), beginDraining: @escaping @Sendable () -> Void = {},
            drainExecutions: @escaping @Sendable () async -> Void = {}, speaking version: ContractVersion = .current
        ) {
            self.store = store
            self.registration = registration
            self.stacks = stacks
            self.server = server
            self.logger = logger
            self.clock = clock
            self.beginDraining = beginDraining
            self.drainExecutions = drainExecutions
            self.version = version
        }
    }

    private let dependencies: Dependencies
    private let limits: SessionLimits
    private let time: MonotonicClock
    private let keeper: SessionKeeper
    private let runner: SessionCallRunner
    private let notices: NoticeWatch
    private let draining = DrainFlag()

    package init(_ dependencies: Dependencies, limits: SessionLimits = SessionLimits()) {
        self.dependencies = dependencies
        self.limits = limits
        self.time = MonotonicClock(dependencies.clock)
        self.keeper = SessionKeeper(
            store: dependencies.store, registration: dependencies.registration,
            directory: SessionDirectory(maxCount: limits.maxInMemory, touchInterval: limits.touchInterval),
            abandoned: AbandonedSessions(), stacks: dependencies.stacks,
            streams: NoticeStreams(maxCount: limits.maxStreams, maxPerSession: limits.maxStreamsPerSession),
            work: SessionWork(maxCount: limits.maxCalls + limits.maxInMemory), limits: limits, time: self.time, logger: dependencies.logger)
        self.runner = SessionCallRunner(keeper: self.keeper, limits: limits, time: self.time, logger: dependencies.logger)
        self.notices = NoticeWatch(
            keeper: self.keeper, draining: self.draining, limits: limits, time: self.time, logger: dependencies.logger)
    }

    /// What answers the requests of the gateways.
    package var handler: any ChannelHandler {
        SessionHandler(
            keeper: self.keeper, runner: self.runner, notices: self.notices, server: self.dependencies.server, draining: self.draining,
            version: self.dependencies.version, load: { self.load }, limits: self.limits, logger: self.dependencies.logger)
    }

    /// How many sessions are in memory.
    package var sessionCount: Int { self.keeper.directory.count }

    /// How many calls are in flight: the load that the registry tells.
    package var callCount: Int { self.runner.running.count }

    /// How many streams clients listen on.
    package var streamCount: Int { self.keeper.streams.count }

    /// How many jobs go on that outlive the requests that began them.
    package var jobCount: Int { self.keeper.work.count }

    /// How many openings that failed may have left a row behind.
    package var abandonedCount: Int { self.keeper.abandoned.count }

    /// What the registry tells of this process's load: a call is work, a session mostly memory.
    package var load: Int64 { Int64(self.callCount * 100 + self.sessionCount) }

    /// How many bytes of large answers wait for clients that have not read them.
    package var unreadByteCount: Int { self.runner.unread.byteCount }

    /// Runs calls and keeps house until the graceful shutdown, then drains.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keeper.work.run() }
            group.addTask {
                try? await gracefulShutdown()
                await self.drain()
                self.keeper.work.finish()
            }
            group.addTask { await self.keepHouse() }
            // The work ends only when it is finished after draining, or cancelled; housekeeping goes on until then.
            await group.next()
            if !Task.isCancelled { await group.next() }
            group.cancelAll()
        }
    }

    private func keepHouse() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.stopWithTheLease() }
            group.addTask { await self.time.every(self.limits.sweepInterval) { self.keeper.suspendUnused() } }
            group.addTask {
                await StoreChanges.repeating(
                    self.dependencies.store.sessions.closings(),
                    isMeant: { self.dependencies.registration.currentLease?.replica == $0 },
                    or: { try await self.time.sleep(self.limits.watchInterval) }
                ) {
                    await self.keeper.endAbandoned()
                    await self.attempt("watching") { try await self.keeper.endClosed() }
                }
            }
            group.addTask {
                await StoreChanges.repeating(
                    self.dependencies.store.organizations.changes(), isMeant: { self.keeper.streams.have($0) },
                    or: { try await self.time.sleep(self.limits.watchInterval) }
                ) { await self.attempt("looking after the streams of") { try await self.notices.look() } }
            }
            group.addTask { await self.time.every(self.limits.keepAliveInterval) { self.notices.keepAlive() } }
            group.addTask {
                await self.time.every(self.limits.purgeInterval) { await self.attempt("purging") { try await self.keeper.purge() } }
            }
        }
    }

    /// Stops the calls of sessions that were owned under a lease which has ended, before anybody else may own them.
    private func stopWithTheLease() async {
        let registration = self.dependencies.registration
        while !Task.isCancelled, let lease = try? await registration.lease() {
            await registration.untilLost(lease)
            guard (try? await self.time.sleep(self.limits.orphanDelay)) != nil else { return }
            self.runner.running.stopOrphans(under: registration.currentLease)
        }
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            guard !Task.isCancelled else { return }
            self.dependencies.logger.warning("\(what) sessions failed", metadata: ["cause": "\(error)"])
        }
    }

    /// Takes no new sessions and calls, hands over the sessions without calls, waits for the calls in flight up to the bound, then ends the
    /// rest in a typed error.
    private func drain() async {
        self.draining.set()
        self.dependencies.beginDraining()
        let running = self.runner.running
        self.keeper.handOver { running.count > 0 }
        self.dependencies.logger.info("draining", metadata: ["calls": "\(self.callCount)", "sessions": "\(self.sessionCount)"])
        // Those who only listen need not wait for calls to end.
        self.keeper.streams.close(comingBackAfter: self.limits.comingBackDelay)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.dependencies.drainExecutions()
                await self.keeper.work.untilIdle()
            }
            group.addTask {
                try? await self.time.sleep(self.limits.drainTimeout)
                self.runner.running.stopAll(.draining)
                await self.keeper.work.untilIdle()
            }
            await group.next()
            group.cancelAll()
        }
        // The registration may go on for as long as a client takes to read its answer, and no session is to wait for that.
        guard let lease = self.dependencies.registration.currentLease else { return }
        await self.attempt("handing over") { _ = try await self.dependencies.store.sessions.release(lease) }
    }
}
