import Testing

@testable import Database

@Suite("The pool of connections")
struct PoolStateMachineTests {
    private static let away = DatabaseError(code: .unavailable, message: "away")

    @Test("It starts with its minimum, and statements queue behind others only when there are as many connections as it may have")
    func sharing() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 2, hard: 3))
        pool.start()
        #expect(pool.opening == [0])
        pool.connect(0)
        let firstLease = pool.lease(.shared)
        #expect(firstLease == 0)
        // The second statement waits for what comes first: a connection of its own, or the end of the first.
        let secondLease = pool.lease(.shared)
        #expect(secondLease == nil)
        let thirdLease = pool.lease(.shared)
        #expect(thirdLease == nil)
        #expect(pool.opening == [1])
        pool.finish(0, 1)
        #expect(pool.granted == [2: 0])
        pool.connect(1)
        #expect(pool.granted == [2: 0, 3: 1])
        // The soft limit is reached.
        let fourthLease = pool.lease(.shared)
        #expect(fourthLease == 0)
        let fifthLease = pool.lease(.shared)
        #expect(fifthLease == 1)
        #expect(pool.opening == [])
    }

    @Test("When no further connection can be had, statements queue behind others")
    func refusedGrowth() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 2, hard: 3))
        pool.start()
        pool.connect(0)
        _ = pool.lease(.shared)
        _ = pool.lease(.shared)
        #expect(pool.opening == [1])
        pool.fail(1, DatabaseError(code: .busy, message: "too many clients"))
        #expect(pool.granted == [2: 0])
        let thirdLease = pool.lease(.shared)
        #expect(thirdLease == 0)
        #expect(pool.refused.isEmpty)
    }

    @Test("A statement goes where the last one came through last, rather than where the fewest queue")
    func slowness() {
        var pool = PoolModel(limits: .init(minimum: 2, soft: 2, hard: 3, stallThreshold: .milliseconds(100)))
        pool.start()
        pool.connect(0)
        pool.connect(1)
        let slow = pool.lease(.shared)
        #expect(slow == 0)
        pool.pass(.milliseconds(5))
        for _ in 0..<5 {
            let lease = pool.lease(.shared)
            #expect(lease == 1)
        }
        pool.pass(.milliseconds(5))
        // Now both are slow, and this one less so.
        let lease = pool.lease(.shared)
        #expect(lease == 1)
        pool.finish(0, 1)
        let next = pool.lease(.shared)
        #expect(next == 0)
    }

    @Test("What leaves a connection unsent makes it no less stalled")
    func leaving() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 3, stallThreshold: .milliseconds(100)))
        pool.start()
        pool.connect(0)
        for _ in 0..<3 { _ = pool.lease(.shared) }
        pool.pass(.milliseconds(100))
        pool.leave(0, 2)
        let lease = pool.lease(.shared)
        #expect(lease == nil)
        #expect(pool.opening == [1])
    }

    @Test("A connection that is lost before it was of use is tried again after a pause, like one that was refused")
    func lostWhileOpening() {
        var pool = PoolModel(limits: .init(outageGrace: .zero))
        pool.start()
        let lease = pool.lease(.exclusive)
        #expect(lease == nil)
        pool.lose(0)
        #expect(pool.opening == [])
        #expect(pool.refused[1]?.code == .unavailable)
        pool.pass(.milliseconds(50))
        #expect(pool.opening == [1])
    }

    @Test("A transaction has its connection alone, and one connection is always left for statements")
    func exclusive() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 3))
        pool.start()
        pool.connect(0)
        let firstLease = pool.lease(.exclusive)
        #expect(firstLease == 0)
        let secondLease = pool.lease(.shared)
        #expect(secondLease == nil)
        #expect(pool.opening == [1])
        pool.connect(1)
        #expect(pool.granted == [2: 1])
        let thirdLease = pool.lease(.exclusive)
        #expect(thirdLease == nil)
        pool.connect(2)
        #expect(pool.granted[3] == 2)
        // Two of three belong to transactions: the third transaction waits, another statement does not.
        let fourthLease = pool.lease(.exclusive)
        #expect(fourthLease == nil)
        #expect(pool.opening == [])
        let fifthLease = pool.lease(.shared)
        #expect(fifthLease == 1)
        pool.giveBack(0)
        #expect(pool.granted[4] == 0)
    }

    @Test("A transaction that waits gets the next connection that its statements leave, and no further statement goes there")
    func reserving() {
        var pool = PoolModel(limits: .init(minimum: 3, soft: 3, hard: 3))
        pool.start()
        for id in 0..<3 { pool.connect(id) }
        for _ in 0..<3 { _ = pool.lease(.shared) }
        let firstLease = pool.lease(.exclusive)
        #expect(firstLease == nil)
        let others = (0..<10).compactMap { _ in pool.lease(.shared) }
        #expect(Set(others).count == 2)
        let reserved = Set(0..<3).subtracting(others).first ?? -1
        pool.finish(reserved, 1)
        #expect(pool.granted[4] == reserved)
    }

    @Test("Nothing queues behind a statement that keeps its connection")
    func stalling() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 3, stallThreshold: .milliseconds(100)))
        pool.start()
        pool.connect(0)
        let firstLease = pool.lease(.shared)
        #expect(firstLease == 0)
        pool.pass(.milliseconds(100))
        let secondLease = pool.lease(.shared)
        #expect(secondLease == nil)
        #expect(pool.opening == [1])
        pool.connect(1)
        #expect(pool.granted == [2: 1])
        let thirdLease = pool.lease(.shared)
        #expect(thirdLease == 1)
    }

    @Test("Waiting is bounded in number and in time, and who gives up is not served")
    func waiting() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 3, maxWaiters: 2, waitTimeout: .seconds(1)))
        pool.start()
        let firstLease = pool.lease(.shared)
        #expect(firstLease == nil)
        let secondLease = pool.lease(.exclusive)
        #expect(secondLease == nil)
        let thirdLease = pool.lease(.shared)
        #expect(thirdLease == nil)
        #expect(pool.refused.isEmpty)
        // Each kind has its own line.
        let fourthLease = pool.lease(.shared)
        #expect(fourthLease == nil)
        #expect(pool.refused[4]?.code == .busy)
        for ticket: UInt64 in [1, 3] {
            let hasLeft = pool.giveUp(ticket)
            #expect(hasLeft)
        }
        let again = pool.giveUp(1)
        #expect(!again)
        pool.pass(.seconds(1))
        // There was none at all.
        #expect(pool.refused[2]?.code == .unavailable)
        pool.connect(0)
        #expect(pool.granted.isEmpty)
        for _ in 0..<3 { _ = pool.lease(.exclusive) }
        pool.connect(1)
        #expect(pool.granted == [6: 1])
        pool.pass(.seconds(1))
        // There were some, which others had.
        #expect(pool.refused[7]?.code == .busy)
    }

    @Test("An outage is waited out for a while, then refuses at once until a connection succeeds")
    func outage() {
        var pool = PoolModel(limits: .init(outageGrace: .seconds(2), maxReconnectPause: .seconds(1)))
        pool.start()
        pool.connect(0)
        pool.lose(0)
        #expect(pool.opening == [1])
        let firstLease = pool.lease(.shared)
        #expect(firstLease == nil)
        pool.fail(1, Self.away)
        #expect(pool.refused.isEmpty)
        // Not at once, and not later than the bound.
        #expect(pool.opening == [])
        pool.pass(.seconds(1))
        #expect(pool.opening == [2])
        pool.fail(2, Self.away)
        pool.pass(.seconds(1))
        pool.fail(3, Self.away)
        #expect(pool.refused[1]?.code == .unavailable)
        let secondLease = pool.lease(.exclusive)
        #expect(secondLease == nil)
        #expect(pool.refused[2]?.code == .unavailable)
        pool.pass(.seconds(1))
        #expect(pool.opening == [4])
        pool.connect(4)
        let thirdLease = pool.lease(.shared)
        #expect(thirdLease == 4)
    }

    @Test("What only another configuration can mend refuses at once")
    func permanent() {
        var pool = PoolModel(limits: .init())
        pool.start()
        let firstLease = pool.lease(.shared)
        #expect(firstLease == nil)
        pool.fail(0, DatabaseError(code: .unavailable, message: "password", isPermanent: true))
        #expect(pool.refused[1]?.isPermanent == true)
    }

    @Test("Pauses between attempts grow up to their bound and are scattered")
    func backOff() {
        var pool = PoolModel(limits: .init(maxReconnectPause: .seconds(5)))
        pool.start()
        var pauses: [Duration] = []
        for id in 0..<12 {
            pool.fail(id, Self.away)
            let before = pool.now
            while pool.opening.isEmpty { pool.pass((pool.machine.nextDeadline ?? pool.now) - pool.now) }
            pauses.append(pool.now - before)
        }
        #expect(pauses.allSatisfy { $0 <= .seconds(5) })
        #expect(pauses[0] <= .milliseconds(50) && pauses[0] >= .milliseconds(25))
        #expect(pauses[11] >= .milliseconds(2500))
    }

    @Test("Idle connections are tried out, and those beyond the minimum are closed")
    func idling() {
        var pool = PoolModel(
            limits: .init(minimum: 1, soft: 2, hard: 3, idleTimeout: .seconds(60), keepAliveInterval: .seconds(30)))
        pool.start()
        pool.connect(0)
        _ = pool.lease(.shared)
        _ = pool.lease(.shared)
        pool.connect(1)
        pool.finish(0, 1)
        pool.finish(1, 1)
        pool.pass(.seconds(30))
        #expect(Set(pool.tried) == [0, 1])
        pool.finish(0, 1)
        pool.finish(1, 1)
        pool.pass(.seconds(29))
        #expect(pool.closed.isEmpty)
        pool.pass(.seconds(31))
        #expect(pool.closed.count == 1)
        #expect(pool.machine.connectionCount == 1)
    }

    @Test("Beyond the soft limit a connection is closed when its transaction ends")
    func surplus() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 4))
        pool.start()
        pool.connect(0)
        _ = pool.lease(.exclusive)
        _ = pool.lease(.exclusive)
        pool.connect(1)
        pool.giveBack(0)
        #expect(pool.closed == [0])
        pool.giveBack(1)
        #expect(pool.closed == [0])
    }

    @Test("A closed pool refuses everyone and closes everything, the transactions' connections at their end")
    func closing() {
        var pool = PoolModel(limits: .init(minimum: 1, soft: 1, hard: 3))
        pool.start()
        pool.connect(0)
        _ = pool.lease(.exclusive)
        _ = pool.lease(.shared)
        pool.close()
        #expect(pool.refused[2]?.code == .closed)
        _ = pool.lease(.shared)
        #expect(pool.refused[3]?.code == .closed)
        #expect(pool.closed == [1])
        pool.giveBack(0)
        #expect(pool.closed == [1, 0])
        #expect(pool.machine.connectionCount == 0)
    }

    @Test("Thousands of random events break none of its promises", arguments: 0..<60)
    func random(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        let hard = Int.random(in: 3...8, using: &generator)
        let soft = Int.random(in: 1...hard, using: &generator)
        var pool = PoolModel(
            limits: .init(
                minimum: Int.random(in: 1...soft, using: &generator), soft: soft, hard: hard,
                maxPipelined: Int.random(in: 1...8, using: &generator), maxWaiters: Int.random(in: 1...20, using: &generator)),
            random: SeededGenerator(state: seed &+ 7))
        pool.start()
        for _ in 0..<3000 {
            pool.randomEvent(using: &generator)
            pool.check()
        }
        // Calm returns: all that waits is served, all that is open comes to rest.
        pool.settle()
        #expect(pool.machine.waiterCount == 0)
        let firstLease = pool.lease(.shared)
        #expect(firstLease != nil)
        pool.close()
        pool.check()
    }
}

/// Plays the world around the state machine, and knows what must hold.
private struct PoolModel {
    var machine: PoolStateMachine
    let limits: PoolStateMachine.Limits
    var now = Duration.zero
    var granted: [UInt64: Int] = [:]
    var refused: [UInt64: DatabaseError] = [:]
    var closed: [Int] = []
    var tried: [Int] = []
    private var nextTicket: UInt64 = 0
    private var openingIDs: Set<Int> = []
    private var live: Set<Int> = []
    private var loads: [Int: Int] = [:]
    private var exclusive: Set<Int> = []
    private var waiting: [UInt64: PoolStateMachine.Kind] = [:]
    private var isClosed = false

    init(limits: PoolStateMachine.Limits, random: any RandomNumberGenerator & Sendable = SeededGenerator(state: 1)) {
        self.limits = limits
        self.machine = PoolStateMachine(limits: limits, random: random)
    }

    var opening: [Int] { self.openingIDs.sorted() }

    mutating func start() { self.apply(self.machine.start(at: self.now)) }

    mutating func lease(_ kind: PoolStateMachine.Kind) -> Int? {
        self.nextTicket += 1
        let ticket = self.nextTicket
        let (lease, actions) = self.machine.lease(kind, ticket: ticket, at: self.now)
        var result: Int?
        switch lease {
        case .granted(let id):
            self.take(id, kind)
            result = id
        case .waiting: self.waiting[ticket] = kind
        case .refused(let error): self.refused[ticket] = error
        }
        self.apply(actions)
        return result
    }

    mutating func giveUp(_ ticket: UInt64) -> Bool {
        let hasLeft = self.machine.giveUp(ticket)
        #expect(hasLeft == (self.waiting[ticket] != nil))
        self.waiting[ticket] = nil
        return hasLeft
    }

    mutating func connect(_ id: Int) {
        self.openingIDs.remove(id)
        self.live.insert(id)
        self.apply(self.machine.connected(id, at: self.now))
    }

    mutating func fail(_ id: Int, _ error: DatabaseError) {
        self.openingIDs.remove(id)
        self.apply(self.machine.connectFailed(id, error, at: self.now))
    }

    mutating func finish(_ id: Int, _ count: Int) {
        self.loads[id, default: 0] -= count
        self.apply(self.machine.finished(id, count: count, at: self.now))
    }

    mutating func leave(_ id: Int, _ count: Int) {
        self.loads[id, default: 0] -= count
        self.apply(self.machine.left(id, count: count, at: self.now))
    }

    mutating func giveBack(_ id: Int, isUsable: Bool = true) {
        self.exclusive.remove(id)
        self.apply(self.machine.returned(id, isUsable: isUsable, at: self.now))
    }

    mutating func lose(_ id: Int) {
        self.live.remove(id)
        self.openingIDs.remove(id)
        self.loads[id] = nil
        self.exclusive.remove(id)
        self.apply(self.machine.lost(id, DatabaseError(code: .unavailable, message: "lost"), at: self.now))
    }

    mutating func pass(_ duration: Duration) {
        self.now += duration
        self.apply(self.machine.tick(at: self.now))
        // Else its owner would do nothing but look at the clock.
        #expect(self.machine.nextDeadline.map { $0 > self.now } ?? true)
    }

    mutating func close() {
        self.isClosed = true
        self.apply(self.machine.close())
    }

    /// Something that could happen next.
    mutating func randomEvent(using generator: inout SeededGenerator) {
        switch Int.random(in: 0..<13, using: &generator) {
        case 0, 1, 2: _ = self.lease(.shared)
        case 3: _ = self.lease(.exclusive)
        case 4: if let id = self.opening.randomElement(using: &generator) { self.connect(id) }
        case 5:
            guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
            if let id = self.opening.randomElement(using: &generator) { self.fail(id, DatabaseError(code: .unavailable, message: "away")) }
        case 6, 7, 8:
            let loaded = self.loads.filter { $0.value > 0 }.keys.sorted()
            if let id = loaded.randomElement(using: &generator) {
                self.finish(id, Int.random(in: 1...(self.loads[id] ?? 1), using: &generator))
            }
        case 9:
            if let id = self.exclusive.sorted().randomElement(using: &generator) {
                self.giveBack(id, isUsable: Int.random(in: 0..<8, using: &generator) > 0)
            }
        case 10:
            let ended = self.live.union(self.openingIDs).sorted()
            if Int.random(in: 0..<20, using: &generator) == 0, let id = ended.randomElement(using: &generator) {
                self.lose(id)
            } else if let ticket = self.waiting.keys.sorted().randomElement(using: &generator) {
                _ = self.giveUp(ticket)
            }
        case 11:
            let loaded = self.loads.filter { $0.value > 0 }.keys.sorted()
            if let id = loaded.randomElement(using: &generator) { self.leave(id, 1) }
        default: self.pass(.milliseconds(Int.random(in: 0..<200, using: &generator)))
        }
    }

    /// The database answers, and everyone ends what they do.
    mutating func settle() {
        for _ in 0..<1000
        where self.machine.waiterCount > 0 || !self.openingIDs.isEmpty || !self.exclusive.isEmpty
            || self.loads.values.contains(where: { $0 > 0 })
        {
            for id in self.opening { self.connect(id) }
            for (id, load) in self.loads.sorted(by: { $0.key < $1.key }) where load > 0 { self.finish(id, load) }
            for id in self.exclusive.sorted() { self.giveBack(id) }
            self.pass(.milliseconds(1))
        }
        if self.live.isEmpty {
            self.pass(.seconds(6))
            for id in self.opening { self.connect(id) }
        }
    }

    /// What holds after every event.
    func check() {
        #expect(self.live.count + self.openingIDs.count <= self.limits.hard)
        #expect(self.machine.connectionCount == self.live.count + self.openingIDs.count || self.isClosed)
        #expect(self.exclusive.count < self.limits.hard)
        #expect(self.exclusive.allSatisfy { self.loads[$0, default: 0] == 0 })
        #expect(self.loads.values.allSatisfy { $0 >= 0 && $0 <= self.limits.maxPipelined })
        #expect(self.machine.waiterCount == self.waiting.count)
        for kind in [PoolStateMachine.Kind.shared, .exclusive] {
            #expect(self.waiting.values.count { $0 == kind } <= self.limits.maxWaiters)
        }
        // Whoever waits, there is a moment at which that ends.
        if !self.waiting.isEmpty, let deadline = self.machine.nextDeadline { #expect(deadline <= self.now + self.limits.waitTimeout) }
        #expect(self.waiting.isEmpty || self.machine.nextDeadline != nil)
    }

    private mutating func take(_ id: Int, _ kind: PoolStateMachine.Kind) {
        #expect(self.live.contains(id))
        #expect(!self.exclusive.contains(id))
        if kind == .exclusive {
            #expect(self.loads[id, default: 0] == 0)
            self.exclusive.insert(id)
        } else {
            self.loads[id, default: 0] += 1
        }
    }

    private mutating func apply(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): self.openingIDs.insert(id)
            case .close(let id):
                #expect(!self.exclusive.contains(id))
                #expect(self.loads[id, default: 0] == 0 || self.isClosed)
                self.closed.append(id)
                self.live.remove(id)
                self.openingIDs.remove(id)
                self.loads[id] = nil
            case .keepAlive(let id):
                #expect(self.loads[id, default: 0] == 0)
                self.tried.append(id)
                self.loads[id, default: 0] += 1
            case .grant(let ticket, let id):
                guard let kind = self.waiting.removeValue(forKey: ticket) else {
                    Issue.record("granted to somebody who does not wait")
                    continue
                }
                self.granted[ticket] = id
                self.take(id, kind)
            case .refuse(let ticket, let error):
                let kind = self.waiting.removeValue(forKey: ticket)
                #expect(kind != nil)
                self.refused[ticket] = error
            }
        }
    }
}
