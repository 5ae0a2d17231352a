import Synchronization

/// A fixed set of resources, each held by one task at a time; those who wait are served in the order in which they came.
///
/// Waiting is bounded in number and in time, both ending in ``DatabaseError`` `busy`, and ends at once when the task is cancelled.
final class LeasePool<Resource: Sendable>: Sendable {
    private let state: Mutex<LeaseStateMachine<Resource>>
    private let name: String
    private let timeout: Duration
    private let clock: any Clock<Duration>

    /// - Parameter name: what is waited for, in messages.
    init(_ resources: [Resource], name: String, maxWaiters: Int, timeout: Duration, clock: any Clock<Duration>) {
        self.state = Mutex(LeaseStateMachine(resources: resources, maxWaiters: maxWaiters))
        self.name = name
        self.timeout = timeout
        self.clock = clock
    }

    /// Runs `body` with a resource that nobody else has meanwhile.
    func withLease<Result>(_ body: (Resource) async throws -> sending Result) async throws -> sending Result {
        try Task.checkCancellation()
        let resource = try await self.acquire()
        defer { self.release(resource) }
        return try await body(resource)
    }

    /// Refuses everyone from now on and everyone who waits.
    func close() {
        let waiters = self.state.withLock { $0.close() }
        for waiter in waiters { waiter.resume(throwing: Self.closed) }
    }

    private func acquire() async throws -> Resource {
        switch self.state.withLock({ $0.acquire() }) {
        case .granted(let resource): return resource
        case .refused: throw DatabaseError(code: .busy, message: "too many statements already wait for \(self.name); try again later")
        case .closed: throw Self.closed
        case .wait(let ticket): return try await self.wait(ticket)
        }
    }

    private func wait(_ ticket: UInt64) async throws -> Resource {
        let timeout = self.timeout
        let clock = self.clock
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await clock.sleep(for: timeout)
                self.giveUp(ticket, DatabaseError(code: .busy, message: "\(self.name) was not free within \(timeout); try again later"))
            }
            defer { group.cancelAll() }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let resource = self.state.withLock { $0.enqueue(continuation, ticket: ticket) }
                    if let outcome = resource { continuation.resume(with: outcome) }
                    // The handler below may have run before there was anything to give up.
                    if Task.isCancelled { self.giveUp(ticket, CancellationError()) }
                }
            } onCancel: {
                self.giveUp(ticket, CancellationError())
            }
        }
    }

    private func giveUp(_ ticket: UInt64, _ error: any Error) {
        self.state.withLock { $0.giveUp(ticket) }?.resume(throwing: error)
    }

    private func release(_ resource: Resource) {
        self.state.withLock { $0.release(resource) }?.resume(returning: resource)
    }

    private static var closed: DatabaseError { DatabaseError(code: .closed, message: "the database was closed") }
}

/// Who holds what and who waits. Every continuation that it takes it hands out exactly once.
struct LeaseStateMachine<Resource: Sendable> {
    typealias Waiter = CheckedContinuation<Resource, any Error>

    enum Acquisition {
        case granted(Resource)
        /// Come back with a continuation and this ticket.
        case wait(UInt64)
        case refused
        case closed
    }

    private var available: [Resource]
    private let maxWaiters: Int
    private var nextTicket: UInt64 = 0
    /// Waiters by ticket, and their order; tickets of those who gave up stay in the order until their turn comes.
    private var waiters: [UInt64: Waiter] = [:]
    private var order: ArraySlice<UInt64> = []
    private var isClosed = false

    init(resources: [Resource], maxWaiters: Int) {
        self.available = resources
        self.maxWaiters = maxWaiters
    }

    /// Someone wants a resource.
    mutating func acquire() -> Acquisition {
        if self.isClosed { return .closed }
        if self.waiters.isEmpty, let resource = self.available.popLast() { return .granted(resource) }
        guard self.waiters.count < self.maxWaiters else { return .refused }
        defer { self.nextTicket += 1 }
        return .wait(self.nextTicket)
    }

    /// Someone told to wait does. A result means that the wait is over already.
    mutating func enqueue(_ waiter: Waiter, ticket: UInt64) -> Result<Resource, any Error>? {
        if self.isClosed { return .failure(DatabaseError(code: .closed, message: "the database was closed")) }
        if let resource = self.available.popLast() { return .success(resource) }
        self.waiters[ticket] = waiter
        self.order.append(ticket)
        return nil
    }

    /// A resource is free again; the waiter to give it to, or nil when it is kept.
    mutating func release(_ resource: Resource) -> Waiter? {
        while let ticket = self.order.popFirst() {
            if let waiter = self.waiters.removeValue(forKey: ticket) { return waiter }
        }
        self.available.append(resource)
        return nil
    }

    /// Someone stops waiting; nil when they have been served or have left already.
    mutating func giveUp(_ ticket: UInt64) -> Waiter? {
        self.waiters.removeValue(forKey: ticket)
    }

    /// Nobody is served any more; those to tell.
    mutating func close() -> [Waiter] {
        self.isClosed = true
        defer { self.waiters = [:] }
        return Array(self.waiters.values)
    }
}
