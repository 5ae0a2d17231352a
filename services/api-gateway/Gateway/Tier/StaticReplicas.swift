import Channel
import Logging
import Model
import Replicas
import ServiceLifecycle
import SessionAPI
import Store
import Synchronization

/// The session-services of a list of addresses, in place of the registry: for networks in which the registered addresses lead nowhere.
///
/// Who is at an address, and how much it has to do, it says itself. One that does not answer for as long as a lease lasts is taken to have
/// lost it. That may be wrong, and then costs its sessions' messages a wait: the database alone decides who owns a session.
final class StaticReplicas: ServiceLifecycle.Service {
    private struct Place: Sendable {
        let address: ChannelAddress
        let channel: any ChannelClient
        let client: SessionClient
    }

    private struct State {
        var lastNumber: UInt64 = 0
        /// Who answered last at each place, and when.
        var known: [Int: (replica: Replica, answeredAt: Duration)] = [:]
    }

    private let places: [Place]
    private let lease: Duration
    private let interval: Duration
    private let timeout: Duration
    private let clock: MonotonicClock
    private let onReading: @Sendable (ReplicaReading) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - lease: How long a replica that does not answer is taken to live.
    ///   - interval: The pause between questions.
    ///   - timeout: How long an answer may take.
    ///   - onReading: Told of every reading; not always in their order.
    init(
        _ addresses: [ChannelAddress], lease: Duration, interval: Duration = .seconds(1), timeout: Duration = .seconds(2),
        clock: MonotonicClock = MonotonicClock(), connect: @Sendable (ChannelAddress) throws -> any ChannelClient,
        onReading: @escaping @Sendable (ReplicaReading) -> Void
    ) throws {
        self.places = try addresses.map { address in
            let channel = try connect(address)
            // Nothing that anybody reads comes over it.
            return Place(address: address, channel: channel, client: SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 0)))
        }
        self.lease = lease
        self.interval = interval
        self.timeout = timeout
        self.clock = clock
        self.onReading = onReading
    }

    /// Asks again and again until the graceful shutdown.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for place in self.places { group.addTask { try? await place.channel.run() } }
                repeat { await self.refresh() } while (try? await self.clock.sleep(self.interval)) != nil
                group.cancelAll()
            }
        }
    }

    /// Asks all of them now.
    func refresh() async {
        let number = self.state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let answers = await withTaskGroup(of: (Int, ReplicaStatus?).self) { group in
            for (index, place) in self.places.enumerated() {
                group.addTask { (index, await Self.status(of: place, within: self.timeout)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let now = self.clock.now()
        let replicas = self.state.withLock { state in
            for (index, status) in answers { state.known[index] = (self.replica(status, at: index), now) }
            state.known = state.known.filter { now - $0.value.answeredAt < self.lease }
            return state.known.values.map(\.replica)
        }
        // Two addresses of one process are one replica.
        let byID = Dictionary(replicas.map { ($0.id, $0) }) { $0.address < $1.address ? $0 : $1 }
        self.onReading(ReplicaReading(number: number, replicas: byID.values.sorted { $0.id < $1.id }))
    }

    private static func status(of place: Place, within timeout: Duration) async -> ReplicaStatus? {
        do throws(SessionAPIError) {
            return try await place.client.status(timeout: timeout)
        } catch {
            return nil
        }
    }

    private func replica(_ status: ReplicaStatus, at index: Int) -> Replica {
        Replica(
            id: status.owner.replica, kind: .sessionService, address: self.places[index].address.description, version: "",
            epoch: status.owner.epoch, load: status.load, isDraining: status.isDraining, startedAt: .now(), heartbeatAt: .now())
    }
}
