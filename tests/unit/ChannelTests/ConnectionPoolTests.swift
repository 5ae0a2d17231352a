import Testing

@testable import Channel

@Suite("Connection pool")
struct ConnectionPoolTests {
    private final class Waiter: Sendable {}
    private typealias Pool = ConnectionPool<Int, Waiter>

    private static func limits(waiters: Int = 10) -> ChannelLimits {
        var limits = ChannelLimits()
        limits.maxWaitingRequests = waiters
        return limits
    }

    private static let broken = ChannelError(.connectionLost, "test")

    @Test("The first request connects; the second shares, and asks for another connection")
    func growth() {
        var pool = Pool(limits: Self.limits(), maxConnections: 2)
        guard case .wait = pool.lease() else { return #expect(Bool(false)) }
        let first = Waiter()
        #expect(pool.enqueue(first).connect == [1])
        #expect(pool.enqueue(Waiter()).connect.isEmpty)
        let (isWanted, actions) = pool.connected(1, connection: 1, maxStreams: 100)
        #expect(isWanted)
        #expect(actions.leases.count == 2 && actions.leases[0].0 === first)
        guard case .leased(1, let more) = pool.lease() else { return #expect(Bool(false)) }
        #expect(more.connect == [2])
        #expect(pool.connected(2, connection: 2, maxStreams: 100).isWanted)
        // The new one is the least loaded, until it is not.
        guard case .leased(2, _) = pool.lease(), case .leased(2, _) = pool.lease(), case .leased(2, let last) = pool.lease() else {
            return #expect(Bool(false))
        }
        #expect(last.connect.isEmpty)
    }

    @Test("A failed connection fails those who wait, and requests fail at once until the pause is over")
    func backOff() {
        var pool = Pool(limits: Self.limits(), maxConnections: 2)
        _ = pool.enqueue(Waiter())
        let actions = pool.closed(1, because: Self.broken)
        #expect(actions.failures.count == 1)
        #expect(actions.failures.first?.1.code == .unavailable)
        #expect(actions.backOff?.failures == 1)
        guard case .failed(let error) = pool.lease() else { return #expect(Bool(false)) }
        #expect(error.code == .unavailable && error.isSafeToRetry)
        let token = actions.backOff?.token ?? -1
        #expect(pool.backOffEnded(token + 100).connect.isEmpty)
        _ = pool.backOffEnded(token)
        guard case .wait = pool.lease() else { return #expect(Bool(false)) }
        let again = pool.enqueue(Waiter())
        #expect(again.connect.count == 1)
        #expect(pool.closed(again.connect[0], because: Self.broken).backOff?.failures == 2)
    }

    @Test("A peer that never answers counts as failing, one that has answered is connected to again at once")
    func proven() {
        var pool = Pool(limits: Self.limits(), maxConnections: 1)
        _ = pool.enqueue(Waiter())
        _ = pool.connected(1, connection: 1, maxStreams: 1)
        #expect(pool.closed(1, because: Self.broken).backOff != nil)
        var other = Pool(limits: Self.limits(), maxConnections: 1)
        _ = other.enqueue(Waiter())
        _ = other.connected(1, connection: 1, maxStreams: 1)
        other.proven(1)
        #expect(other.closed(1, because: Self.broken).backOff == nil)
        #expect(other.enqueue(Waiter()).connect == [2])
    }

    @Test("A refused key is told to those who ask next")
    func refusedKey() {
        var pool = Pool(limits: Self.limits(), maxConnections: 1)
        _ = pool.enqueue(Waiter())
        _ = pool.connected(1, connection: 1, maxStreams: 1)
        _ = pool.draining(1, because: ChannelError(.unauthenticated, "test"))
        guard case .failed(let error) = pool.lease() else { return #expect(Bool(false)) }
        #expect(error.code == .unauthenticated)
    }

    @Test("Waiting is bounded, and ends with the pool")
    func bounds() {
        var pool = Pool(limits: Self.limits(waiters: 2), maxConnections: 1)
        _ = pool.enqueue(Waiter())
        _ = pool.enqueue(Waiter())
        guard case .failed(let error) = pool.lease() else { return #expect(Bool(false)) }
        #expect(error.code == .overloaded && error.isSafeToRetry)
        #expect(pool.shutDown().failures.count == 2)
        guard case .failed(let end) = pool.lease() else { return #expect(Bool(false)) }
        #expect(end.code == .shutDown)
        #expect(!pool.connected(1, connection: 1, maxStreams: 1).isWanted)
    }

    @Test("A connection that has had all its requests gets a successor at once, and is closed when the last of them has ended")
    func spent() {
        var limits = Self.limits()
        limits.maxRequestsPerConnection = 2
        var pool = Pool(limits: limits, maxConnections: 1)
        _ = pool.enqueue(Waiter())
        _ = pool.connected(1, connection: 1, maxStreams: 100)
        guard case .leased(1, _) = pool.lease(), case .wait = pool.lease() else { return #expect(Bool(false)) }
        #expect(pool.enqueue(Waiter()).connect == [2])
        #expect(pool.released(1, count: 1).retire.isEmpty)
        #expect(pool.released(1, count: 1).retire == [1])
        #expect(pool.connected(2, connection: 2, maxStreams: 100).1.leases.count == 1)
        // A loss comes before the end of what ran: nothing is left to be closed.
        guard case .leased(2, _) = pool.lease() else { return #expect(Bool(false)) }
        _ = pool.closed(2, because: Self.broken)
        #expect(pool.released(2, count: 2).retire.isEmpty)
    }

    /// A model of the world around the pool, driven by random events.
    private struct World {
        var pool: Pool
        var generator: SeededGenerator
        var waiting: [ObjectIdentifier: Waiter] = [:]
        var connecting: Set<Int> = []
        var up: [Int: Int] = [:]
        var backOff: Int?
        let maxConnections: Int

        init(seed: Int) {
            self.generator = SeededGenerator(seed: UInt64(seed))
            self.maxConnections = Int.random(in: 1...4, using: &self.generator)
            self.pool = Pool(limits: ConnectionPoolTests.limits(), maxConnections: self.maxConnections)
        }

        mutating func perform(_ actions: Pool.Actions) {
            for attempt in actions.connect { #expect(self.connecting.insert(attempt).inserted) }
            if let (token, _) = actions.backOff {
                #expect(self.backOff == nil)
                self.backOff = token
            }
            for (waiter, connection) in actions.leases {
                #expect(self.waiting.removeValue(forKey: ObjectIdentifier(waiter)) != nil, "a waiter is served once")
                self.up[connection, default: -1_000] += 1
            }
            for (waiter, _) in actions.failures {
                #expect(self.waiting.removeValue(forKey: ObjectIdentifier(waiter)) != nil, "a waiter is failed once")
            }
        }

        mutating func step() {
            let upNow = self.up.keys.sorted()
            switch Int.random(in: 0..<12, using: &self.generator) {
            case 0..<5: self.ask()
            case 5..<7:
                guard let connection = upNow.randomElement(using: &self.generator), let inUse = self.up[connection], inUse > 0 else {
                    return
                }
                let count = Int.random(in: 1...inUse, using: &self.generator)
                self.up[connection] = inUse - count
                self.perform(self.pool.released(connection, count: count))
            case 7:
                guard let attempt = self.connecting.sorted().randomElement(using: &self.generator) else { return }
                self.connecting.remove(attempt)
                self.up[attempt] = 0
                let (isWanted, actions) = self.pool.connected(attempt, connection: attempt, maxStreams: 3)
                #expect(isWanted)
                self.perform(actions)
            case 8:
                guard let attempt = (upNow + self.connecting.sorted()).randomElement(using: &self.generator) else { return }
                self.connecting.remove(attempt)
                self.up.removeValue(forKey: attempt)
                self.perform(self.pool.closed(attempt, because: ConnectionPoolTests.broken))
            case 9:
                guard let connection = upNow.randomElement(using: &self.generator) else { return }
                self.up.removeValue(forKey: connection)
                self.perform(self.pool.draining(connection, because: nil))
            case 10:
                guard let token = self.backOff else { return }
                self.backOff = nil
                self.perform(self.pool.backOffEnded(token))
            default:
                if let connection = upNow.randomElement(using: &self.generator) { self.pool.proven(connection) }
            }
        }

        private mutating func ask() {
            switch self.pool.lease() {
            case .leased(let connection, let actions):
                self.up[connection, default: -1_000] += 1
                self.perform(actions)
            case .failed: break
            case .wait:
                let waiter = Waiter()
                self.waiting[ObjectIdentifier(waiter)] = waiter
                self.perform(self.pool.enqueue(waiter))
            }
        }

        func check() {
            #expect(self.pool.waiterCount == self.waiting.count)
            #expect(self.up.count + self.connecting.count <= self.maxConnections)
            for (_, inUse) in self.up { #expect((0...3).contains(inUse), "a connection carries no more than it may, and is still known") }
            guard !self.waiting.isEmpty else { return }
            let hasHope = !self.connecting.isEmpty || self.backOff != nil || self.up.values.contains(3)
            #expect(hasHope, "somebody waits for nothing")
            #expect(!self.up.values.contains { $0 < 3 }, "somebody waits while there is room")
        }
    }

    @Test("Nobody waits without hope, whatever happens", arguments: 0..<500)
    func random(seed: Int) {
        var world = World(seed: seed)
        for _ in 0..<400 {
            world.step()
            world.check()
        }
        world.perform(world.pool.shutDown())
        #expect(world.waiting.isEmpty)
    }
}
