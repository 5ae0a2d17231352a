package import Logging
package import Model
import ServiceLifecycle
package import Store
import Synchronization

/// Keeps this process registered: who it is, where it listens, how much it has to do; and says whether what it owns is still its own.
///
/// Place it *early* in the service group, so that its graceful shutdown comes late: a process that drains still needs its lease to write
/// the ends of what it runs. At the end it takes its row away, and others may have at once what it owned.
package final class ReplicaRegistration: Service {
    /// What a process says about itself.
    package struct Identity: Sendable {
        package var id: ReplicaID
        package var kind: Replica.Kind
        /// The program's version.
        package var version: String

        /// A process has a new id at every start, so that nothing that an earlier one owned is taken for its own.
        package init(id: ReplicaID = ReplicaID(), kind: Replica.Kind, version: String) {
            self.id = id
            self.kind = kind
            self.version = version
        }
    }

    /// The times of a registration.
    ///
    /// Configuration keys (`roost.replica.<name>`): the names in parentheses. How long a heartbeat counts is the store's
    /// `replica_lease` (5 s), equal in all processes of an installation.
    package struct Limits: Sendable, Hashable {
        /// The pause between heartbeats (`heartbeat_interval`, 1 s).
        package var heartbeatInterval: Duration = .seconds(1)
        /// How much earlier than the database a process gives its own lease up (`lease_margin`, 1 s).
        package var leaseMargin: Duration = .seconds(1)

        package init() {}
    }

    private struct Description {
        let address: @Sendable () async throws -> String
        let load: @Sendable () -> Int64
    }

    package let identity: Identity
    private let store: Store
    private let description = Mutex<Description?>(nil)
    private let limits: Limits
    private let clock: MonotonicClock
    private let logger: Logger
    private let state: Mutex<LeaseState>
    private let isDraining = Mutex(false)

    /// - Parameter store: where the registry is.
    package init(
        _ identity: Identity, store: Store, limits: Limits = Limits(), clock: some Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.identity = identity
        self.store = store
        self.limits = limits
        self.clock = MonotonicClock(clock)
        self.logger = logger
        self.state = Mutex(LeaseState(lease: store.limits.replicaLease, margin: limits.leaseMargin))
    }

    /// Says what is registered. Called once, before ``run()``; apart from the initialiser because what listens there needs the lease.
    ///
    /// - Parameters:
    ///   - address: gives `host:port` of the internal channel once it listens; throws when it never will.
    ///   - load: how much there is to do, asked at every heartbeat.
    package func describe(address: @escaping @Sendable () async throws -> String, load: @escaping @Sendable () -> Int64 = { 0 }) {
        self.description.withLock { $0 = Description(address: address, load: load) }
    }

    /// The lease while it certainly holds; nil before the first registration, and when the database could not be reached for too long.
    /// Whoever owns something stops acting on it while this is nil or another one than it was taken under.
    package var currentLease: ReplicaLease? { self.state.withLock { $0.current(at: self.clock.now()) } }

    /// Waits for the first lease, or for the next when it was lost.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func lease() async throws -> ReplicaLease {
        if let lease = self.currentLease { return lease }
        let waiter = self.state.withLock { $0.makeWaiter() }
        let lease = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let lease = self.state.withLock { state -> ReplicaLease? in
                    if let lease = state.current(at: self.clock.now()) { return lease }
                    state.wait(waiter, continuation)
                    return nil
                }
                if let lease {
                    continuation.resume(returning: lease)
                } else if Task.isCancelled {
                    // The handler below may have run before there was anything to give back.
                    self.state.withLock { $0.stopWaiting(waiter) }?.resume(returning: nil)
                }
            }
        } onCancel: {
            self.state.withLock { $0.stopWaiting(waiter) }?.resume(returning: nil)
        }
        guard let lease else { throw CancellationError() }
        return lease
    }

    /// Waits until a lease does not hold any more, by this process's clock alone, or the task is cancelled.
    package func untilLost(_ lease: ReplicaLease) async {
        while let end = self.state.withLock({ $0.end(of: lease) }) {
            let left = end - self.clock.now()
            guard left > .zero, (try? await self.clock.sleep(left)) != nil else { return }
        }
    }

    /// Says with every heartbeat from now on that the process takes no new work.
    package func drain() { self.isDraining.withLock { $0 = true } }

    /// Registers, and keeps the registration until the graceful shutdown, then ends it.
    package func run() async throws {
        guard let description = self.description.withLock({ $0 }) else {
            preconditionFailure("describe(address:load:) must be called before a registration runs")
        }
        try await cancelWhenGracefulShutdown {
            let address = try await description.address()
            await withTaskGroup(of: Void.self) { group in
                // The lease must not lapse because answers keep all threads busy: those of a higher priority are others.
                group.addTask(priority: .high) { await self.keepRegistered(at: address, load: description.load) }
            }
        }
        await self.deregister()
    }

    private func keepRegistered(at address: String, load: () -> Int64) async {
        repeat {
            do {
                try await self.beat(address: address, load: load())
            } catch {
                guard !Task.isCancelled else { return }
                self.logger.warning("the registry cannot be written", metadata: ["cause": "\(error)"])
            }
        } while (try? await self.clock.sleep(self.limits.heartbeatInterval)) != nil
    }

    /// How long the row of a process that is gone is kept: whatever it owned was taken or ended long before.
    private static let retention: Duration = .seconds(86_400)

    /// One heartbeat, or one registration where there is nothing to keep.
    private func beat(address: String, load: Int64) async throws {
        let sent = self.clock.now()
        guard let lease = self.state.withLock({ $0.last }) else {
            let replica = try await self.store.replicas.register(
                self.identity.id, kind: self.identity.kind, address: address, version: self.identity.version)
            self.renewed(replica.lease, sent: sent)
            // Each start leaves a row, so each start clears those of long ago.
            _ = try await self.store.replicas.purge(olderThan: Self.retention)
            self.logger.info("registered", metadata: ["replica": "\(replica.id)", "epoch": "\(replica.epoch)", "address": "\(address)"])
            return
        }
        do {
            try await self.store.replicas.heartbeat(lease, load: load, isDraining: self.isDraining.withLock { $0 })
            self.renewed(lease, sent: sent)
        } catch let error as StoreError where error.code == .ownerLost {
            self.state.withLock { $0.lost() }
            self.logger.error("the lease lapsed; registering again", metadata: ["replica": "\(lease.replica)", "epoch": "\(lease.epoch)"])
            try await self.beat(address: address, load: load)
        }
    }

    private func renewed(_ lease: ReplicaLease, sent: Duration) {
        for waiter in self.state.withLock({ $0.renewed(lease, sent: sent) }) { waiter.resume(returning: lease) }
    }

    /// Takes the row away; where that fails, it lapses by itself.
    private func deregister() async {
        guard let lease = self.state.withLock({ $0.last }) else { return }
        self.state.withLock { $0.lost() }
        do {
            try await self.store.replicas.deregister(lease)
        } catch {
            self.logger.warning("the registration could not be ended; it lapses by itself", metadata: ["cause": "\(error)"])
        }
    }
}
