/// A client's connections to its one peer, as a value: which there are, who uses them, who waits, and when to connect again.
///
/// Connections are made when they are needed: the first with the first request, another one whenever the least loaded is busy and there
/// is room for one. Failures close a gate for the peer as a whole, because all connections go to the same place; while it is closed and no
/// connection is up, requests fail at once, so that a caller with other replicas can turn to them.
struct ConnectionPool<Connection: Sendable, Waiter: AnyObject & Sendable>: Sendable {
    /// What the shell around the pool has to do after a step.
    struct Actions: Sendable {
        /// Start a connection under this number.
        var connect: [Int] = []
        /// Call ``ConnectionPool/backOffEnded(_:)`` with the token after the pause.
        var backOff: (token: Int, failures: Int)?
        /// Give a waiter its connection; call ``ConnectionPool/released(_:count:)`` if it does not want it any more.
        var leases: [(Waiter, Connection)] = []
        /// Tell waiters that there will be none.
        var failures: [(Waiter, ChannelError)] = []
        /// Close these connections in good order: they have carried all that they may, and nothing runs on them any more.
        var retire: [Connection] = []
    }

    /// The answer to a request for a connection.
    enum Lease: Sendable {
        case leased(Connection, Actions)
        /// Call ``ConnectionPool/enqueue(_:)``.
        case wait
        case failed(ChannelError)
    }

    private struct Ready: Sendable {
        let attempt: Int
        let connection: Connection
        let maxStreams: Int
        var leasesLeft: Int
        var inUse = 0
        var isProven = false
    }

    private let maxConnections: Int
    private let maxWaiters: Int
    private let maxLeases: Int
    private var connecting: Set<Int> = []
    private var ready: [Ready] = []
    /// Connections that get no more requests because they have had as many as they may, until the last of those has ended.
    private var spent: [Int: Ready] = [:]
    private var waiters: [Waiter] = []
    private var nextAttempt = 1
    private var failures = 0
    private var lastError: ChannelError?
    /// The token of the pause that the gate is closed for.
    private var backOff: Int?
    private(set) var isShutDown = false

    init(limits: ChannelLimits, maxConnections: Int) {
        self.maxConnections = max(1, maxConnections)
        self.maxWaiters = limits.maxWaitingRequests
        self.maxLeases = max(1, limits.maxRequestsPerConnection)
    }

    /// Asks for the least loaded connection, of those that `isPreferred` if any of them has room.
    mutating func lease(preferring isPreferred: (Connection) -> Bool = { _ in true }) -> Lease {
        guard !self.isShutDown else { return .failed(Self.shutDownError) }
        if self.waiters.isEmpty, let index = self.leastLoaded(where: isPreferred) ?? self.leastLoaded(where: { _ in true }) {
            let (connection, inUse) = self.use(index)
            var actions = Actions()
            if inUse > 1 { self.grow(&actions) }
            return .leased(connection, actions)
        }
        if self.ready.isEmpty, self.connecting.isEmpty, self.backOff != nil { return .failed(self.unavailable()) }
        guard self.waiters.count < self.maxWaiters else {
            return .failed(ChannelError(.overloaded, "\(self.maxWaiters) requests already wait for a connection to this peer."))
        }
        return .wait
    }

    /// Waits for a connection; or has it at once, if one has become free since ``lease()``.
    mutating func enqueue(_ waiter: Waiter) -> Actions {
        var actions = Actions()
        switch self.lease() {
        case .leased(let connection, let more):
            actions = more
            actions.leases.append((waiter, connection))
        case .failed(let error): actions.failures.append((waiter, error))
        case .wait:
            self.waiters.append(waiter)
            self.grow(&actions)
        }
        return actions
    }

    /// Forgets a waiter that does not want to wait any longer.
    mutating func remove(_ waiter: Waiter) {
        self.waiters.removeAll { $0 === waiter }
    }

    /// A connection can be used. False when nobody wants it any more.
    mutating func connected(_ attempt: Int, connection: Connection, maxStreams: Int) -> (isWanted: Bool, Actions) {
        var actions = Actions()
        guard self.connecting.remove(attempt) != nil, !self.isShutDown else { return (false, actions) }
        self.ready.append(Ready(attempt: attempt, connection: connection, maxStreams: max(1, maxStreams), leasesLeft: self.maxLeases))
        self.serve(&actions)
        return (true, actions)
    }

    /// The peer has answered on a connection as it should: what failed before is forgotten.
    mutating func proven(_ attempt: Int) {
        guard let index = self.index(of: attempt) else { return }
        self.ready[index].isProven = true
        self.failures = 0
    }

    /// A connection takes no more requests. With an error it counts as a failure.
    mutating func draining(_ attempt: Int, because error: ChannelError?) -> Actions {
        var actions = Actions()
        self.spent[attempt] = nil
        guard let index = self.index(of: attempt) else { return actions }
        let connection = self.ready.remove(at: index)
        if let error {
            self.fail(error, &actions)
        } else {
            if connection.isProven { self.failures = 0 }
            self.grow(&actions)
        }
        return actions
    }

    /// A connection is gone, or was never made.
    mutating func closed(_ attempt: Int, because error: ChannelError) -> Actions {
        var actions = Actions()
        self.spent[attempt] = nil
        if self.connecting.remove(attempt) != nil {
            self.fail(error, &actions)
        } else if let index = self.index(of: attempt) {
            if self.ready.remove(at: index).isProven {
                self.grow(&actions)
            } else {
                self.fail(error, &actions)
            }
        }
        return actions
    }

    /// So many requests on a connection have ended.
    mutating func released(_ attempt: Int, count: Int) -> Actions {
        var actions = Actions()
        if var connection = self.spent[attempt] {
            connection.inUse -= count
            self.spent[attempt] = connection.inUse > 0 ? connection : nil
            if connection.inUse <= 0 { actions.retire.append(connection.connection) }
        }
        guard let index = self.index(of: attempt) else { return actions }
        self.ready[index].inUse = max(0, self.ready[index].inUse - count)
        self.serve(&actions)
        return actions
    }

    /// The pause is over.
    mutating func backOffEnded(_ token: Int) -> Actions {
        var actions = Actions()
        guard self.backOff == token else { return actions }
        self.backOff = nil
        self.grow(&actions)
        return actions
    }

    /// Ends the pool: nobody gets a connection any more.
    mutating func shutDown() -> Actions {
        self.isShutDown = true
        self.ready = []
        self.spent = [:]
        self.connecting = []
        var actions = Actions()
        actions.failures = self.waiters.map { ($0, Self.shutDownError) }
        self.waiters = []
        return actions
    }

    /// How many connections are up or being made.
    var connectionCount: Int { self.ready.count + self.connecting.count }

    /// How many requests wait.
    var waiterCount: Int { self.waiters.count }

    private static var shutDownError: ChannelError { ChannelError(.shutDown, "This client has been stopped.") }

    private func index(of attempt: Int) -> Int? { self.ready.firstIndex { $0.attempt == attempt } }

    private func leastLoaded(where isWanted: (Connection) -> Bool) -> Int? {
        var best: Int?
        for index in self.ready.indices where self.ready[index].inUse < self.ready[index].maxStreams {
            if let current = best, self.ready[current].inUse <= self.ready[index].inUse { continue }
            if isWanted(self.ready[index].connection) { best = index }
        }
        return best
    }

    /// Counts a request on a connection, which with its last one makes room for its successor.
    private mutating func use(_ index: Int) -> (connection: Connection, inUse: Int) {
        self.ready[index].inUse += 1
        self.ready[index].leasesLeft -= 1
        let connection = self.ready[index]
        if connection.leasesLeft == 0 { self.spent[connection.attempt] = self.ready.remove(at: index) }
        return (connection.connection, connection.inUse)
    }

    private mutating func serve(_ actions: inout Actions) {
        while let waiter = self.waiters.first, let index = self.leastLoaded(where: { _ in true }) {
            self.waiters.removeFirst()
            actions.leases.append((waiter, self.use(index).connection))
        }
        if !self.waiters.isEmpty { self.grow(&actions) }
    }

    /// Starts another connection, if somebody has use for it and there is room. One at a time, so that a burst does not start them all.
    private mutating func grow(_ actions: inout Actions) {
        let isWanted = !self.waiters.isEmpty || self.ready.contains { $0.inUse > 1 }
        guard isWanted, !self.isShutDown, self.backOff == nil, self.connecting.isEmpty, self.connectionCount < self.maxConnections
        else { return }
        self.connecting.insert(self.nextAttempt)
        actions.connect.append(self.nextAttempt)
        self.nextAttempt += 1
    }

    private mutating func fail(_ error: ChannelError, _ actions: inout Actions) {
        guard !self.isShutDown else { return }
        self.lastError = error
        self.failures += 1
        if self.backOff == nil {
            self.backOff = self.nextAttempt
            actions.backOff = (self.nextAttempt, self.failures)
            self.nextAttempt += 1
        }
        guard self.ready.isEmpty, self.connecting.isEmpty else { return }
        let reason = self.unavailable()
        actions.failures += self.waiters.map { ($0, reason) }
        self.waiters = []
    }

    /// Why there is no connection. A peer that does not take our key, or that we cannot trust, is not merely unavailable.
    private func unavailable() -> ChannelError {
        let error = self.lastError ?? ChannelError(.unavailable, "There is no connection to the peer.")
        switch error.code {
        case .unauthenticated, .insecure, .unavailable: return error
        default: return ChannelError(.unavailable, "There is no connection to the peer: \(error.message)")
        }
    }
}
