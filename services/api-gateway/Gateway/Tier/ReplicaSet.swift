import Channel
import Logging
import Model
import Replicas
import ServiceLifecycle
import SessionAPI
import Store
import Synchronization

/// The session-services that a gateway can send to: a connection to each that is registered, and who of them answers.
///
/// One that fails gets nothing new and is asked by itself, with growing pauses, until it answers. One that left the registry has lost its
/// lease, whatever its connection looks like: what it was asked is cut a moment later, so that nobody waits for a process that hangs.
final class ReplicaSet: ServiceLifecycle.Service {
    /// One replica with its connection.
    private struct Member: Sendable {
        let client: SessionClient
        let retire: AsyncStream<Never>.Continuation
    }

    /// What ``run()`` has to do.
    private enum Job: Sendable {
        /// Run a connection until its replica is let go of.
        case keep(any ChannelClient, until: AsyncStream<Never>)
        case probe(ReplicaID)
        /// Let go of a replica that left the registry, unless it comes back.
        case cut(ReplicaID)
    }

    private struct State {
        var table: ReplicaTable
        var members: [ReplicaID: Member] = [:]
        /// Replicas that are being probed, or about to be cut.
        var probed: Set<ReplicaID> = []
        var cut: Set<ReplicaID> = []
        /// Raised with every change for which those who wait look again.
        var version: UInt64 = 0
        var lastWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let connect: @Sendable (ChannelAddress) throws -> any ChannelClient
    private let look: @Sendable () async throws -> Void
    private let limits: TierLimits
    private let clock: MonotonicClock
    private let draw: @Sendable (Int) -> Int
    private let logger: Logger
    private let unread: UnreadAnswers
    private let state: Mutex<State>
    private let jobs: AsyncStream<Job>
    private let order: AsyncStream<Job>.Continuation
    private let looks: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - draw: A random number below the one given.
    ///   - look: Reads the registry now; ``update(_:)`` gets what it finds.
    ///   - connect: Makes a connection, which is run here.
    init(
        limits: TierLimits, clock: MonotonicClock = MonotonicClock(), draw: @escaping @Sendable (Int) -> Int = { Int.random(in: 0..<$0) },
        logger: Logger, look: @escaping @Sendable () async throws -> Void,
        connect: @escaping @Sendable (ChannelAddress) throws -> any ChannelClient
    ) {
        self.limits = limits
        self.clock = clock
        self.draw = draw
        self.logger = logger
        self.look = look
        self.connect = connect
        self.unread = UnreadAnswers(maxBytes: limits.maxUnreadBytes)
        self.state = Mutex(State(table: ReplicaTable(maxReplicas: limits.maxReplicas)))
        // One of each kind for every replica at the most.
        (self.jobs, self.order) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(3 * limits.maxReplicas))
        (self.looks, self.wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Keeps the connections, probes and looks until the graceful shutdown.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.lookWhileWaitedFor() }
                for await job in self.jobs { group.addTask { await self.perform(job) } }
                group.cancelAll()
            }
        }
    }

    // MARK: - The registry

    /// Takes a reading of the registry.
    func update(_ reading: ReplicaReading) {
        let now = self.clock.now()
        self.changing { state in
            let changes = state.table.update(reading, at: now)
            for replica in changes.added { self.add(replica, to: &state) }
            for id in changes.left where state.cut.insert(id).inserted { self.order.yield(.cut(id)) }
            return changes.isWorthALook
        }
    }

    private func add(_ replica: Replica, to state: inout State) {
        do {
            guard let address = ChannelAddress(replica.address) else { throw SessionAPIError(.malformed, "its address is not host:port") }
            let channel = try self.connect(address)
            let (retired, retire) = AsyncStream<Never>.makeStream()
            state.members[replica.id] = Member(
                client: SessionClient(channel: channel, unread: self.unread, speaking: self.limits.contract), retire: retire)
            self.order.yield(.keep(channel, until: retired))
        } catch {
            self.logger.error("a replica cannot be connected", metadata: ["replica": "\(replica.id)", "cause": "\(error)"])
            _ = state.table.failed(replica.id)
        }
    }

    /// Whether a replica is there to take sessions.
    var hasCandidate: Bool { self.state.withLock { $0.table.hasCandidate } }

    /// Whether the registry was read recently: whether it can be waited for to say who died.
    var isCurrent: Bool {
        let now = self.clock.now()
        return self.state.withLock { state in state.table.readAt.map { now - $0 < self.limits.registryAge } ?? false }
    }

    // MARK: - Choosing

    /// How the replica of a lease stands.
    func standing(of lease: ReplicaLease) -> ReplicaTable.Standing { self.state.withLock { $0.table.standing(of: lease) } }

    /// A replica for a session that has none; nil when there is none to ask but those excluded.
    func place(excluding excluded: Set<ReplicaID> = []) -> ReplicaID? {
        self.state.withLock { $0.table.place(excluding: excluded, maxAge: self.limits.placementAge, draw: self.draw) }
    }

    /// The connection to a replica, and the lease that it holds as far as is known; nil once it is let go of.
    func member(_ id: ReplicaID) -> (client: SessionClient, lease: ReplicaLease)? {
        self.state.withLock { Self.member(id, in: $0) }
    }

    /// The same for the replica of a lease, if it can be asked.
    func member(of lease: ReplicaLease) -> (client: SessionClient, lease: ReplicaLease)? {
        self.state.withLock { state in
            guard state.table.standing(of: lease) == .up else { return nil }
            return Self.member(lease.replica, in: state)
        }
    }

    private static func member(_ id: ReplicaID, in state: State) -> (client: SessionClient, lease: ReplicaLease)? {
        guard let member = state.members[id], let lease = state.table.lease(of: id) else { return nil }
        return (member.client, lease)
    }

    // MARK: - Health

    /// Gives a replica nothing new until it answers a probe.
    func eject(_ id: ReplicaID, because cause: String) {
        let isNews = self.changing { state in
            guard state.table.failed(id) else { return false }
            if state.probed.insert(id).inserted { self.order.yield(.probe(id)) }
            return true
        }
        if isNews { self.logger.warning("a replica fails and gets nothing new", metadata: ["replica": "\(id)", "cause": "\(cause)"]) }
    }

    /// Notes that a replica is about to stop.
    func drains(_ id: ReplicaID) { self.state.withLock { $0.table.drains(id) } }

    private func perform(_ job: Job) async {
        switch job {
        case .keep(let channel, let retired):
            await withDiscardingTaskGroup { group in
                group.addTask { try? await channel.run() }
                for await _ in retired {}
                group.cancelAll()
            }
        case .probe(let id): await self.probe(id)
        case .cut(let id): await self.cut(id)
        }
    }

    private func probe(_ id: ReplicaID) async {
        var pause = self.limits.probePause
        while let client = self.state.withLock({ $0.table.isProbed(id) ? $0.members[id]?.client : nil }) {
            // Spread, so that gateways that lost a replica together do not come back together.
            guard (try? await self.clock.sleep(pause * (0.75 + Double(self.draw(256)) / 1_024))) != nil else { return }
            if await self.answers(client) {
                self.logger.notice("a replica answers again", metadata: ["replica": "\(id)"])
                break
            }
            pause = min(pause * 2, self.limits.maxProbePause)
        }
        self.changing { state in
            state.probed.remove(id)
            state.table.answered(id)
            return true
        }
    }

    private func answers(_ client: SessionClient) async -> Bool {
        do throws(SessionAPIError) {
            return try await client.serves(timeout: self.limits.probeTimeout)
        } catch {
            return false
        }
    }

    private func cut(_ id: ReplicaID) async {
        guard (try? await self.clock.sleep(self.limits.cutDelay)) != nil else { return }
        let member: Member? = self.state.withLock { state in
            state.cut.remove(id)
            guard state.table.removeAbsent(id) else { return nil }
            return state.members.removeValue(forKey: id)
        }
        guard let member else { return }
        self.logger.notice("a replica left the registry and is let go of", metadata: ["replica": "\(id)"])
        member.retire.finish()
    }

    // MARK: - Waiting

    /// Numbers the changes, for ``untilChange(since:)``.
    var version: UInt64 { self.state.withLock { $0.version } }

    /// Waits until something changed since a version was asked for, or the task is cancelled. While anybody waits the registry is read again
    /// and again, once for all of them.
    func untilChange(since version: UInt64) async {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    // Cancellation that came before the continuation was there is seen here; later it is seen by the handler.
                    guard state.version == version, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                guard isWaiting else { return continuation.resume() }
                self.wish.yield()
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    private func lookWhileWaitedFor() async {
        for await _ in self.looks {
            while self.state.withLock({ !$0.waiters.isEmpty }) {
                // A look that fails is followed by another; the regular one tells the log.
                try? await self.look()
                guard (try? await self.clock.sleep(self.limits.lookInterval)) != nil else { return }
            }
        }
    }

    /// Changes the state, and wakes those who wait when `body` says that it is worth it.
    @discardableResult
    private func changing(_ body: (inout State) -> Bool) -> Bool {
        let (isNews, waiters) = self.state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
            guard body(&state) else { return (false, []) }
            state.version += 1
            defer { state.waiters = [:] }
            return (true, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume() }
        return isNews
    }
}
