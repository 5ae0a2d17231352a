package import Logging
import ServiceLifecycle
package import Store
import Synchronization

/// The live replicas of a kind as one look at the registry found them.
package struct ReplicaReading: Sendable {
    /// Looks are numbered in the order in which they began: of two the one that began later has the newer rows.
    package let number: UInt64
    /// Those that drain too, by id.
    package let replicas: [Replica]

    package init(number: UInt64, replicas: [Replica]) {
        self.number = number
        self.replicas = replicas
    }
}

/// Knows the live replicas of a service, by reading the registry again and again, and at once when one is said to come or go.
///
/// When the database is away the last known replicas stay: they may well still serve, and whoever calls them finds out.
package final class ReplicaWatch: Service {
    private let kind: Replica.Kind
    private let store: Store
    private let interval: Duration
    private let clock: MonotonicClock
    private let logger: Logger
    private let onReading: @Sendable (ReplicaReading) -> Void
    private let state = Mutex(State())

    private struct State {
        var replicas: [Replica] = []
        var hasRead = false
        /// Readings begun, and the one that is kept: of two that run at once the later has the newer rows.
        var lastBegun: UInt64 = 0
        var kept: UInt64 = 0
    }

    /// - Parameters:
    ///   - interval: The pause between readings, 1 s by default.
    ///   - onReading: Told of every reading; not always in their order.
    package init(
        _ kind: Replica.Kind, store: Store, interval: Duration = .seconds(1), clock: some Clock<Duration> = ContinuousClock(),
        logger: Logger, onReading: @escaping @Sendable (ReplicaReading) -> Void = { _ in }
    ) {
        self.kind = kind
        self.store = store
        self.interval = interval
        self.clock = MonotonicClock(clock)
        self.logger = logger
        self.onReading = onReading
    }

    /// The replicas of the last reading, those that drain too, by id; empty before the first.
    package var replicas: [Replica] { self.state.withLock { $0.replicas } }

    /// Whether the registry was read at least once.
    package var hasRead: Bool { self.state.withLock { $0.hasRead } }

    /// Reads the registry now, for a caller that has found the last reading wrong.
    @discardableResult
    package func refresh() async throws -> [Replica] {
        let number = self.state.withLock { state in
            state.lastBegun += 1
            return state.lastBegun
        }
        let replicas = try await self.store.replicas.live(self.kind)
        self.state.withLock { state in
            state.hasRead = true
            guard number > state.kept else { return }
            state.kept = number
            state.replicas = replicas
        }
        self.onReading(ReplicaReading(number: number, replicas: replicas))
        return replicas
    }

    /// Reads the registry until the graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await self.attempt()
            await StoreChanges.repeating(
                self.store.replicas.changes(), isMeant: { _ in true }, or: { try await self.clock.sleep(self.interval) }
            ) { await self.attempt() }
        }
    }

    private func attempt() async {
        do {
            try await self.refresh()
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.warning("the registry cannot be read", metadata: ["cause": "\(error)"])
        }
    }
}
