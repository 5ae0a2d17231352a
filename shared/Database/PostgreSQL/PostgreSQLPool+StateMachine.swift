/// Which connections there are, who holds them, who waits, and when to open and close some.
///
/// A value without I/O: each event takes the time, counted from any fixed instant, and returns what is to be done.
///
/// A connection is `opening`, `shared` by statements that commit alone, `reserved` for a transaction as soon as those are through,
/// `exclusive` to a transaction, or gone. One connection is always left to sharing, so that a transaction's body can read outside of it.
struct PoolStateMachine {
    /// The bounds; see ``PostgreSQLConfiguration``.
    struct Limits: Sendable {
        var minimum = 1
        var soft = 4
        var hard = 10
        var maxPipelined = 64
        var maxWaiters = 4096
        var waitTimeout = Duration.seconds(10)
        var idleTimeout = Duration.seconds(60)
        var keepAliveInterval = Duration.seconds(30)
        var stallThreshold = Duration.milliseconds(100)
        var outageGrace = Duration.seconds(2)
        var maxReconnectPause = Duration.milliseconds(500)
    }

    enum Kind: Sendable, Hashable {
        /// For one statement that commits alone, beside others.
        case shared
        /// For a transaction, alone.
        case exclusive
    }

    enum Action: Sendable {
        case connect(Int)
        case close(Int)
        case keepAlive(Int)
        case grant(ticket: UInt64, connection: Int)
        case refuse(ticket: UInt64, DatabaseError)
    }

    enum Lease: Sendable {
        case granted(Int)
        case waiting
        case refused(DatabaseError)
    }

    private enum Use: Hashable {
        case opening
        case shared
        case reserved
        case exclusive
    }

    private struct Connection {
        var use: Use
        /// How many statements share it at the moment.
        var load = 0
        /// When the last of them came through, or the first of them came.
        var progressAt: Duration
    }

    private struct Waiter {
        let ticket: UInt64
        let deadline: Duration
    }

    /// The database is away, or admits no further connection.
    private struct Outage {
        let since: Duration
        var attempts = 0
        var nextAttemptAt: Duration
        var error: DatabaseError
        /// Whether everybody is refused at once until a connection succeeds.
        var isTripped = false
    }

    private let limits: Limits
    private var random: any RandomNumberGenerator & Sendable
    private var connections: [Int: Connection] = [:]
    private var nextID = 0
    private var waiters: [Kind: ArraySlice<Waiter>] = [.shared: [], .exclusive: []]
    private var outage: Outage?
    private var isClosed = false

    init(limits: Limits, random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
        self.limits = limits
        self.random = random
    }

    /// How many connections there are, those being opened among them.
    var connectionCount: Int { self.connections.count }
    /// How many wait.
    var waiterCount: Int { self.waiters.values.reduce(0) { $0 + $1.count } }
    /// Why nobody is served, while the database is away.
    var trippedError: DatabaseError? { self.outage.flatMap { $0.isTripped ? $0.error : nil } }

    /// Opens the first connections.
    mutating func start(at now: Duration) -> [Action] { self.balance(at: now) }

    /// Somebody wants a connection, and waits under `ticket` when there is none.
    mutating func lease(_ kind: Kind, ticket: UInt64, at now: Duration) -> (Lease, [Action]) {
        if self.isClosed { return (.refused(Self.closedError), []) }
        if self.waiters[kind, default: []].isEmpty, let id = self.available(kind, at: now) {
            self.take(id, kind, at: now)
            return (.granted(id), [])
        }
        if let error = self.trippedError, !self.hasLiveConnection { return (.refused(error), []) }
        // Each kind for itself, so that a flood of transactions does not keep out the statement that keeps a lease.
        guard self.waiters[kind, default: []].count < self.limits.maxWaiters else {
            return (.refused(DatabaseError(code: .busy, message: "too many statements already wait for a connection; try again later")), [])
        }
        let deadline = now + self.limits.waitTimeout
        self.waiters[kind]?.append(Waiter(ticket: ticket, deadline: deadline))
        return (.waiting, self.balance(at: now))
    }

    /// Who waited under this ticket does so no longer; false when they were served or refused before.
    mutating func giveUp(_ ticket: UInt64) -> Bool {
        for kind in [Kind.shared, .exclusive] {
            let index = self.waiters[kind]?.firstIndex { $0.ticket == ticket }
            guard let index else { continue }
            self.waiters[kind]?.remove(at: index)
            return true
        }
        return false
    }

    /// A connection is there.
    mutating func connected(_ id: Int, at now: Duration) -> [Action] {
        guard self.connections[id]?.use == .opening else { return [] }
        if self.isClosed {
            self.connections[id] = nil
            return [.close(id)]
        }
        self.connections[id] = Connection(use: .shared, progressAt: now)
        self.outage = nil
        return self.balance(at: now)
    }

    /// A connection could not be made.
    mutating func connectFailed(_ id: Int, _ error: DatabaseError, at now: Duration) -> [Action] {
        guard self.connections.removeValue(forKey: id) != nil, !self.isClosed else { return [] }
        var outage = self.outage ?? Outage(since: now, nextAttemptAt: now, error: error)
        outage.attempts += 1
        outage.error = error
        outage.nextAttemptAt = now + self.pause(afterAttempts: outage.attempts)
        outage.isTripped =
            !self.hasLiveConnection && (outage.isTripped || error.isPermanent || now - outage.since >= self.limits.outageGrace)
        self.outage = outage
        let refused = outage.isTripped ? self.refuseAll(error) : []
        return refused + self.balance(at: now)
    }

    /// So many statements that shared a connection are through.
    mutating func finished(_ id: Int, count: Int, at now: Duration) -> [Action] {
        self.connections[id]?.progressAt = now
        return self.unload(id, count: count, at: now)
    }

    /// So many statements that were to share a connection have left it without being sent: what keeps it does so still.
    mutating func left(_ id: Int, count: Int, at now: Duration) -> [Action] { self.unload(id, count: count, at: now) }

    private mutating func unload(_ id: Int, count: Int, at now: Duration) -> [Action] {
        guard var connection = self.connections[id] else { return [] }
        connection.load = max(0, connection.load - count)
        if connection.load == 0 { connection.progressAt = now }
        self.connections[id] = connection
        guard self.waiterCount > 0 || connection.use == .reserved || self.isClosed else { return [] }
        return self.balance(at: now)
    }

    /// A transaction gives its connection back, or, when it is of no more use, ends it.
    mutating func returned(_ id: Int, isUsable: Bool, at now: Duration) -> [Action] {
        guard self.connections[id]?.use == .exclusive else { return [] }
        // What came in a burst goes with it: beyond the soft limit nothing is kept for later.
        let isSurplus = self.connections.count > self.limits.soft && self.waiterCount == 0
        if !isUsable || isSurplus || self.isClosed {
            self.connections[id] = nil
            return [.close(id)] + self.balance(at: now)
        }
        self.connections[id] = Connection(use: .shared, progressAt: now)
        return self.balance(at: now)
    }

    /// A connection ended by itself.
    mutating func lost(_ id: Int, _ error: DatabaseError, at now: Duration) -> [Action] {
        // One that was never of use is no better than one that was refused: the next must not follow at once.
        if self.connections[id]?.use == .opening { return self.connectFailed(id, error, at: now) }
        guard self.connections.removeValue(forKey: id) != nil else { return [] }
        return self.balance(at: now)
    }

    /// Time has passed.
    mutating func tick(at now: Duration) -> [Action] {
        guard !self.isClosed else { return [] }
        var actions: [Action] = []
        for kind in [Kind.shared, .exclusive] {
            while let first = self.waiters[kind]?.first, first.deadline <= now {
                self.waiters[kind]?.removeFirst()
                actions.append(.refuse(ticket: first.ticket, self.waitError))
            }
        }
        for (id, connection) in self.connections where connection.use == .shared && connection.load == 0 {
            let idle = now - connection.progressAt
            if idle >= self.limits.idleTimeout, self.connections.count > self.limits.minimum {
                self.connections[id] = nil
                actions.append(.close(id))
            } else if idle >= self.limits.keepAliveInterval {
                self.connections[id]?.load = 1
                self.connections[id]?.progressAt = now
                actions.append(.keepAlive(id))
            }
        }
        return actions + self.balance(at: now)
    }

    /// When `tick` has something to do; never later, perhaps earlier.
    var nextDeadline: Duration? {
        guard !self.isClosed else { return nil }
        var deadlines = self.waiters.values.compactMap(\.first?.deadline)
        if let outage, self.missingCount > 0, !self.isOpening { deadlines.append(outage.nextAttemptAt) }
        for connection in self.connections.values where connection.use == .shared && connection.load == 0 {
            let bound = min(
                self.limits.keepAliveInterval, self.connections.count > self.limits.minimum ? self.limits.idleTimeout : .seconds(86_400))
            deadlines.append(connection.progressAt + bound)
        }
        return deadlines.min()
    }

    /// Nobody is served any more. Connections that a transaction holds are closed when it gives them back; the others now.
    mutating func close() -> [Action] {
        guard !self.isClosed else { return [] }
        self.isClosed = true
        let refused = self.refuseAll(Self.closedError)
        let closing = self.connections.filter { $0.value.use != .exclusive }.keys.sorted()
        for id in closing { self.connections[id] = nil }
        return refused + closing.map { .close($0) }
    }

    static var closedError: DatabaseError { DatabaseError(code: .closed, message: "the database was closed") }
}

// MARK: Choosing

extension PoolStateMachine {
    private var isOpening: Bool { self.connections.values.contains { $0.use == .opening } }

    /// What to tell those who have waited too long.
    private var waitError: DatabaseError {
        if self.hasLiveConnection {
            return DatabaseError(
                code: .busy, message: "no connection to the database was free within \(self.limits.waitTimeout); try again later")
        }
        return self.outage?.error
            ?? DatabaseError(
                code: .unavailable, message: "no connection to the database came about within \(self.limits.waitTimeout); try again later")
    }

    private var hasLiveConnection: Bool { self.connections.values.contains { $0.use != .opening } }

    /// How many belong to transactions, or will as soon as they are free.
    private var exclusiveCount: Int { self.connections.values.count { $0.use == .exclusive || $0.use == .reserved } }

    /// A connection that may be taken now.
    private func available(_ kind: Kind, at now: Duration) -> Int? {
        switch kind {
        case .shared:
            let free = self.connections.filter { _, connection in
                connection.use == .shared && connection.load < self.limits.maxPipelined && !self.isStalled(connection, at: now)
            }
            let best = free.min { self.rank($0.value, $0.key, at: now) < self.rank($1.value, $1.key, at: now) }
            // Rather than behind another statement, of which nobody knows how long it takes, one waits for the next connection, or for
            // the first to be free.
            if let best, best.value.load > 0, self.outage == nil, self.isOpening || self.connections.count < self.limits.soft { return nil }
            return best?.key
        case .exclusive:
            guard self.exclusiveCount < self.limits.hard - 1 else { return nil }
            return self.connections.filter { $0.value.use == .shared && $0.value.load == 0 }.keys.max()
        }
    }

    /// The lower, the sooner a statement's turn is likely to come: first the shortest queue, but of connections on which nothing has come
    /// through for a while the one where that is shortest.
    private func rank(_ connection: Connection, _ id: Int, at now: Duration) -> (Duration, Int, Int) {
        let silence = connection.load > 0 ? now - connection.progressAt : .zero
        return (silence < Self.slowThreshold ? .zero : silence, connection.load, id)
    }

    /// Longer than most statements take.
    private static var slowThreshold: Duration { .milliseconds(5) }

    /// Whether a statement keeps it so long that another should not queue behind.
    private func isStalled(_ connection: Connection, at now: Duration) -> Bool {
        connection.load > 0 && now - connection.progressAt >= self.limits.stallThreshold
    }

    private mutating func take(_ id: Int, _ kind: Kind, at now: Duration) {
        guard var connection = self.connections[id] else { return }
        switch kind {
        case .shared:
            if connection.load == 0 { connection.progressAt = now }
            connection.load += 1
        case .exclusive: connection.use = .exclusive
        }
        self.connections[id] = connection
    }

    /// Serves who can be served, and opens what is missing.
    private mutating func balance(at now: Duration) -> [Action] {
        guard !self.isClosed else { return [] }
        var actions: [Action] = []
        for (id, connection) in self.connections where connection.use == .reserved && connection.load == 0 {
            self.connections[id]?.use = .shared
        }
        // In the order in which they came, among those for whom there is one.
        while true {
            let candidates = [Kind.shared, .exclusive].compactMap { kind in self.waiters[kind]?.first.map { (kind, $0) } }
            let served = candidates.sorted { $0.1.ticket < $1.1.ticket }.compactMap { kind, waiter in
                self.available(kind, at: now).map { (kind, waiter, $0) }
            }
            guard let (kind, waiter, id) = served.first else { break }
            self.waiters[kind]?.removeFirst()
            self.take(id, kind, at: now)
            actions.append(.grant(ticket: waiter.ticket, connection: id))
        }
        actions += self.open(at: now)
        self.reserve()
        return actions
    }

    private var missingCount: Int {
        let opening = self.connections.values.count { $0.use == .opening }
        let reserved = self.connections.values.count { $0.use == .reserved }
        let exclusiveRoom = max(0, self.limits.hard - 1 - self.exclusiveCount)
        let transactions = min(self.waiters[.exclusive, default: []].count - reserved, exclusiveRoom)
        let demand = max(0, transactions) + (self.waiters[.shared, default: []].isEmpty ? 0 : 1)
        let wanted = max(demand - opening, self.limits.minimum - self.connections.count)
        return max(0, min(wanted, self.limits.hard - self.connections.count))
    }

    private func mayConnect(at now: Duration) -> Bool { self.outage.map { $0.nextAttemptAt <= now } ?? true }

    private mutating func open(at now: Duration) -> [Action] {
        guard self.mayConnect(at: now) else { return [] }
        // While the database is away one attempt at a time is enough.
        let count = self.outage == nil ? self.missingCount : min(1, self.missingCount)
        if self.outage != nil, self.isOpening { return [] }
        var actions: [Action] = []
        for _ in 0..<count { actions.append(self.connect(at: now)) }
        return actions
    }

    private mutating func connect(at now: Duration) -> Action {
        defer { self.nextID += 1 }
        self.connections[self.nextID] = Connection(use: .opening, progressAt: now)
        return .connect(self.nextID)
    }

    /// Keeps statements off as many connections as transactions wait for and cannot get otherwise.
    private mutating func reserve() {
        guard self.connections.count >= self.limits.hard else { return }
        let waiting = self.waiters[.exclusive, default: []].count
        var missing = min(waiting, self.limits.hard - 1) - self.connections.values.count { $0.use == .reserved || $0.use == .opening }
        let shared = self.connections.filter { $0.value.use == .shared }.sorted { ($0.value.load, $0.key) < ($1.value.load, $1.key) }
        for (id, _) in shared where missing > 0 && self.exclusiveCount < self.limits.hard - 1 {
            self.connections[id]?.use = .reserved
            missing -= 1
        }
    }

    private mutating func refuseAll(_ error: DatabaseError) -> [Action] {
        let tickets = self.waiters.values.flatMap { $0.map(\.ticket) }.sorted()
        self.waiters = [.shared: [], .exclusive: []]
        return tickets.map { .refuse(ticket: $0, error) }
    }

    /// Twice as long each time, from 50 ms up, and scattered so that many processes do not come at once.
    private mutating func pause(afterAttempts attempts: Int) -> Duration {
        let full = min(Duration.milliseconds(50) * (1 << min(attempts - 1, 16)), self.limits.maxReconnectPause)
        return full * Double.random(in: 0.5...1, using: &self.random)
    }
}
