import Dispatch
import Synchronization

/// The connections of one database: the state machine's decisions, carried out.
///
/// Nothing here blocks or waits but those who lease. Time comes from one timer, set for when the state machine next has something to do.
final class PostgreSQLPool: Sendable {
    private typealias Waiter = CheckedContinuation<PostgreSQLLink, any Error>

    private struct State {
        var machine: PoolStateMachine
        var links: [Int: PostgreSQLLink] = [:]
        var waiters: [UInt64: Waiter] = [:]
        /// For when the timer is set.
        var wakeAt: Duration?
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let configuration: PostgreSQLConfiguration
    private let start = ContinuousClock.now
    private let nextTicket = Atomic<UInt64>(0)
    private let timerQueue = DispatchQueue(label: "roost.postgresql.pool")

    init(_ configuration: PostgreSQLConfiguration) {
        self.configuration = configuration
        self.state = Mutex(State(machine: PoolStateMachine(limits: .init(configuration))))
    }

    /// Begins to connect.
    func open() { self.perform { machine, now in machine.start(at: now) } }

    /// A connection for one statement; the statement's end on the connection gives it back.
    ///
    /// Whoever gets one must submit a request to it whose role is shared.
    func lease(_ kind: PoolStateMachine.Kind) async throws -> PostgreSQLLink {
        try Task.checkCancellation()
        let ticket = self.nextTicket.wrappingAdd(1, ordering: .relaxed).newValue
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.lease(kind, ticket: ticket, for: continuation)
                // The handler below may have run before there was anything to give up.
                if Task.isCancelled { self.giveUp(ticket) }
            }
        } onCancel: {
            self.giveUp(ticket)
        }
    }

    /// A transaction is over.
    func giveBack(_ link: PostgreSQLLink, isUsable: Bool) {
        self.perform { machine, now in machine.returned(link.id, isUsable: isUsable, at: now) }
    }

    /// Refuses everyone, closes all connections, and returns when they are closed.
    func close() async {
        self.perform { machine, _ in machine.close() }
        await withCheckedContinuation { continuation in
            let isDone = self.state.withLock { state in
                if !state.links.isEmpty { state.closers.append(continuation) }
                return state.links.isEmpty
            }
            if isDone { continuation.resume() }
        }
    }

    /// Refuses everyone and closes all connections, some time later.
    func abandon() { self.perform { machine, _ in machine.close() } }

    private var now: Duration { self.start.duration(to: .now) }

    private func lease(_ kind: PoolStateMachine.Kind, ticket: UInt64, for waiter: Waiter) {
        let now = self.now
        let (outcome, work) = self.state.withLock { state -> (Result<PostgreSQLLink, any Error>?, Work) in
            let (lease, actions) = state.machine.lease(kind, ticket: ticket, at: now)
            var outcome: Result<PostgreSQLLink, any Error>?
            switch lease {
            case .granted(let id):
                outcome = state.links[id].map { .success($0) } ?? .failure(PoolStateMachine.closedError)
            case .refused(let error): outcome = .failure(error)
            case .waiting: state.waiters[ticket] = waiter
            }
            return (outcome, self.prepare(actions, &state))
        }
        if let outcome { waiter.resume(with: outcome) }
        self.carryOut(work)
    }

    private func giveUp(_ ticket: UInt64) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard state.machine.giveUp(ticket) else { return nil }
            return state.waiters.removeValue(forKey: ticket)
        }
        waiter?.resume(throwing: CancellationError())
    }

    private func hear(_ event: PostgreSQLLink.Event, from id: Int) {
        switch event {
        case .connected: self.perform { machine, now in machine.connected(id, at: now) }
        case .failed(let error): self.perform { machine, now in machine.connectFailed(id, error, at: now) }
        case .finished(let count): self.perform { machine, now in machine.finished(id, count: count, at: now) }
        case .left(let count): self.perform { machine, now in machine.left(id, count: count, at: now) }
        case .lost(let error): self.perform { machine, now in machine.lost(id, error, at: now) }
        case .closed:
            let closers = self.state.withLock { state in
                state.links[id] = nil
                guard state.links.isEmpty else { return [CheckedContinuation<Void, Never>]() }
                defer { state.closers = [] }
                return state.closers
            }
            for closer in closers { closer.resume() }
        // Connections of the pool listen to nothing.
        case .notification: break
        }
    }
}

// MARK: Carrying out

extension PostgreSQLPool {
    /// What is to be done after the lock is released.
    private struct Work {
        var opening: [PostgreSQLLink] = []
        var closing: [PostgreSQLLink] = []
        var tried: [PostgreSQLLink] = []
        var granted: [(Waiter, PostgreSQLLink)] = []
        var refused: [(Waiter, DatabaseError)] = []
        var wakeAt: Duration?
    }

    private func perform(_ event: (inout PoolStateMachine, Duration) -> [PoolStateMachine.Action]) {
        let now = self.now
        let work = self.state.withLock { state in
            let actions = event(&state.machine, now)
            return self.prepare(actions, &state)
        }
        self.carryOut(work)
    }

    private func prepare(_ actions: [PoolStateMachine.Action], _ state: inout State) -> Work {
        var work = Work()
        for action in actions {
            switch action {
            case .connect(let id):
                let link = PostgreSQLLink(id: id, configuration: self.configuration) { [weak self] in self?.hear($0, from: id) }
                state.links[id] = link
                work.opening.append(link)
            case .close(let id): if let link = state.links[id] { work.closing.append(link) }
            case .keepAlive(let id): if let link = state.links[id] { work.tried.append(link) }
            case .grant(let ticket, let id):
                if let waiter = state.waiters.removeValue(forKey: ticket), let link = state.links[id] {
                    work.granted.append((waiter, link))
                }
            case .refuse(let ticket, let error):
                if let waiter = state.waiters.removeValue(forKey: ticket) { work.refused.append((waiter, error)) }
            }
        }
        if let deadline = state.machine.nextDeadline, state.wakeAt.map({ deadline < $0 }) ?? true {
            state.wakeAt = deadline
            work.wakeAt = deadline
        }
        return work
    }

    private func carryOut(_ work: Work) {
        for link in work.opening { link.connect() }
        for link in work.closing { link.close() }
        for link in work.tried { link.keepAlive() }
        for (waiter, link) in work.granted { waiter.resume(returning: link) }
        for (waiter, error) in work.refused { waiter.resume(throwing: error) }
        if let deadline = work.wakeAt { self.wake(at: deadline) }
    }

    private func wake(at deadline: Duration) {
        self.timerQueue.asyncAfter(deadline: .now() + max(.zero, deadline - self.now).seconds) { [weak self] in
            guard let self else { return }
            // Should it have come too early, what follows sets it again.
            self.state.withLock { state in
                if state.wakeAt == deadline { state.wakeAt = nil }
            }
            self.perform { machine, now in machine.tick(at: now) }
        }
    }
}

extension PoolStateMachine.Limits {
    init(_ configuration: PostgreSQLConfiguration) {
        self.minimum = max(1, configuration.minimumConnections)
        self.hard = max(3, configuration.hardConnections)
        self.soft = min(max(self.minimum, configuration.softConnections), self.hard)
        self.maxPipelined = max(1, configuration.maxPipelined)
        self.maxWaiters = configuration.maxWaiters
        self.waitTimeout = configuration.waitTimeout
        self.idleTimeout = configuration.idleTimeout
        self.keepAliveInterval = configuration.keepAliveInterval
        self.stallThreshold = configuration.stallThreshold
        self.outageGrace = configuration.outageGrace
        self.maxReconnectPause = configuration.maxReconnectPause
    }
}
