package import Model
import Policies
import Synchronization

/// Gives every tool call the rules of its organization, none older than a bound, at the cost of one small read per bound and
/// organization however many calls there are.
///
/// A call is answered from memory when the revision was last asked for at most ``Limits/freshness`` before the call; the moment counts
/// from before the question was sent, so a slow database makes calls wait and never rules old. Callers that come together share one
/// read. When a read fails, the calls that needed it fail: rules that cannot be read are not assumed to be unchanged. One cache serves
/// a whole process.
package final class AuthorityCache: Sendable {
    /// The bounds of a cache.
    package struct Limits: Sendable, Hashable {
        /// How old an answer may be when a call uses it (`policy_freshness`, 500 ms). A change binds calls that start this much later.
        package var freshness: Duration = .milliseconds(500)
        /// Organizations kept in memory (`policy_cache_organizations`, 1000); of more, the least recently used is forgotten.
        package var maxOrganizations = 1000
        /// Principals whose standing is kept for each organization (`policy_cache_principals`, 1000); of more, all are asked for again.
        package var maxPrincipals = 1000
        /// How long a read may take (3 s); then those who need it fail. A database that hangs must not hold a call up before it has begun.
        package var readTimeout: Duration = .seconds(3)

        package init() {}
    }

    /// The rules could not be read in time.
    struct ReadTimedOut: Error {}

    private let source: any AuthoritySource
    private let limits: Limits
    private let now: @Sendable () -> ContinuousClock.Instant
    private let sleep: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())

    /// Makes an empty cache over `source`; `now` is a monotonic clock, and `sleep` waits by it.
    package init(
        source: any AuthoritySource, limits: Limits = Limits(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await ContinuousClock().sleep(for: $0) }
    ) {
        self.source = source
        self.limits = limits
        self.now = now
        self.sleep = sleep
    }

    /// The rules for a call that starts now.
    ///
    /// - Throws: Whatever the source throws, or ``PolicyError`` when a stored policy cannot be read. The call must not be made then.
    package func snapshot(for principal: Principal) async throws -> AuthoritySnapshot {
        let organization = principal.organization
        let oldest = self.now() - self.limits.freshness
        while true {
            try Task.checkCancellation()
            switch self.state.withLock({ $0.step(organization, notBefore: oldest, now: self.now()) }) {
            case .use(let rules):
                return try await self.snapshot(of: rules, for: principal)
            case .wait(let flight):
                try await self.wait(for: flight, of: organization)
            case .read(let flight, let known):
                let result: Result<Rules, any Error>
                do {
                    result = .success(try await self.inTime { try await self.read(organization, known: known) })
                } catch {
                    result = .failure(error)
                }
                let maxOrganizations = self.limits.maxOrganizations
                let waiters = self.state.withLock { $0.finish(flight, of: organization, result, maxOrganizations: maxOrganizations) }
                // A reader that was cancelled says nothing about the database: those who waited for it choose another reader.
                for waiter in waiters { waiter.resume(with: result.sharedOutcome) }
                _ = try result.get()
            }
        }
    }

    /// Whether a principal may act: what ``snapshot(for:)`` says, in one look where that is known, because every message asks.
    ///
    /// - Throws: As ``snapshot(for:)`` does.
    package func isActive(_ principal: Principal) async throws -> Bool {
        try Task.checkCancellation()
        let oldest = self.now() - self.limits.freshness
        if let isActive = self.state.withLock({ $0.standing(of: principal, notBefore: oldest) }) { return isActive }
        return try await self.snapshot(for: principal).isPrincipalActive
    }

    // MARK: Hearing of changes

    /// Reads the rules anew for the next call of an organization, and wakes those who wait for a change of them; of all organizations
    /// for nil. What is being read at the moment counts as old.
    package func forget(_ organization: OrganizationID?) {
        for waiter in self.state.withLock({ $0.forget(organization) }) { waiter.resume() }
    }

    /// Numbers the changes of an organization's rules that were heard of; never the same after one.
    package func changeNumber(of organization: OrganizationID) -> UInt64 { self.state.withLock { $0.changeNumber(of: organization) } }

    /// Waits until a change of an organization's rules is heard of, unless one was since a number was asked for; or until the task is
    /// cancelled.
    package func untilChanged(_ organization: OrganizationID, since number: UInt64) async {
        let waiter = self.state.withLock { $0.nextID() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    !Task.isCancelled && state.awaitChange(of: organization, since: number, waiter: waiter, continuation)
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.stopAwaitingChange(of: organization, waiter: waiter) }?.resume()
        }
    }

    /// What `body` reads, if it does so in time.
    private func inTime<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.sleep(self.limits.readTimeout)
                throw ReadTimedOut()
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private func read(_ organization: OrganizationID, known: Rules?) async throws -> Rules {
        // The revision is read first: what is read after it is at least as new, and a change in between raises it again.
        let revision = try await self.source.revision(of: organization)
        if let known, known.revision == revision { return known }
        return Rules(revision: revision, policies: try PolicySet(try await self.source.policies(of: organization)))
    }

    private func snapshot(of rules: Rules, for principal: Principal) async throws -> AuthoritySnapshot {
        let organization = principal.organization
        let isActive: Bool
        if let known = self.state.withLock({ $0.isActive(principal, at: rules.revision) }) {
            isActive = known
        } else {
            isActive = try await self.inTime { try await self.source.isActive(principal) }
            let maxPrincipals = self.limits.maxPrincipals
            self.state.withLock { $0.keep(isActive, of: principal, at: rules.revision, maxPrincipals: maxPrincipals) }
        }
        return AuthoritySnapshot(
            organization: organization, revision: rules.revision, policies: rules.policies, isPrincipalActive: isActive)
    }

    private func wait(for flight: UInt64, of organization: OrganizationID) async throws {
        let waiter = self.state.withLock { $0.nextID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    // Cancellation that came before the continuation was there is seen here; later it is seen by the handler.
                    !Task.isCancelled && state.join(flight, of: organization, waiter: waiter, continuation)
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            let continuation = self.state.withLock { $0.leave(flight, of: organization, waiter: waiter) }
            continuation?.resume(throwing: CancellationError())
        }
    }
}

/// The rules of one organization without anybody who asks.
private struct Rules: Sendable {
    let revision: Int64
    let policies: PolicySet
}

extension Result where Failure == any Error {
    /// What those who waited for this result are told: a cancelled reader's failure is its own.
    fileprivate var sharedOutcome: Result<Void, any Error> {
        switch self {
        case .success: .success(())
        case .failure(let error): error is CancellationError || Task.isCancelled ? .success(()) : .failure(error)
        }
    }
}

/// What is known of each organization, and who reads on behalf of whom. No I/O, no waiting: the cache above performs what it says.
private struct State {
    enum Step {
        /// These rules are fresh enough.
        case use(Rules)
        /// Somebody reads already, and began late enough.
        case wait(UInt64)
        /// The caller reads and reports with ``finish(_:of:_:maxOrganizations:)``. The rules are the last known ones.
        case read(UInt64, Rules?)
    }

    private struct Flight {
        let id: UInt64
        let startedAt: ContinuousClock.Instant
        /// Whether a change was heard of since it began.
        var isOutdated = false
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    }

    private struct Entry {
        var rules: Rules?
        /// The moment before the revision was asked for.
        var askedAt: ContinuousClock.Instant?
        var flight: Flight?
        var standing: [Principal: Bool] = [:]
        var standingRevision: Int64?
        var lastUse: UInt64 = 0
        var changeNumber: UInt64 = 0

        /// Whether a principal may act, if that is known under rules that are fresh enough.
        mutating func standing(of principal: Principal, notBefore oldest: ContinuousClock.Instant, use: UInt64) -> Bool? {
            guard let askedAt = self.askedAt, askedAt >= oldest, let revision = self.rules?.revision, self.standingRevision == revision
            else { return nil }
            self.lastUse = use
            return self.standing[principal]
        }
    }

    /// Who waits for changes; apart from the entries, which may be forgotten meanwhile.
    private var changeWaiters: [OrganizationID: [UInt64: CheckedContinuation<Void, Never>]] = [:]
    private var entries: [OrganizationID: Entry] = [:]
    private var lastID: UInt64 = 0

    mutating func nextID() -> UInt64 {
        self.lastID += 1
        return self.lastID
    }

    mutating func step(_ organization: OrganizationID, notBefore oldest: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Step {
        var entry = self.entries[organization] ?? Entry()
        entry.lastUse = self.nextID()
        defer { self.entries[organization] = entry }
        if let rules = entry.rules, let askedAt = entry.askedAt, askedAt >= oldest { return .use(rules) }
        // A read that began too early for this caller is waited for all the same; its end is followed by another look, and another read.
        if let flight = entry.flight { return .wait(flight.id) }
        let flight = Flight(id: self.nextID(), startedAt: now)
        entry.flight = flight
        return .read(flight.id, entry.rules)
    }

    mutating func finish(
        _ id: UInt64, of organization: OrganizationID, _ result: Result<Rules, any Error>, maxOrganizations: Int
    ) -> [CheckedContinuation<Void, any Error>] {
        guard var entry = self.entries[organization], let flight = entry.flight, flight.id == id else { return [] }
        entry.flight = nil
        if case .success(let rules) = result {
            entry.rules = rules
            entry.askedAt = flight.isOutdated ? nil : flight.startedAt
        }
        self.entries[organization] = entry
        self.forgetLeastUsed(maxOrganizations)
        return Array(flight.waiters.values)
    }

    mutating func join(
        _ id: UInt64, of organization: OrganizationID, waiter: UInt64, _ continuation: CheckedContinuation<Void, any Error>
    ) -> Bool {
        guard self.entries[organization]?.flight?.id == id else { return false }
        self.entries[organization]?.flight?.waiters[waiter] = continuation
        return true
    }

    mutating func leave(_ id: UInt64, of organization: OrganizationID, waiter: UInt64) -> CheckedContinuation<Void, any Error>? {
        guard self.entries[organization]?.flight?.id == id else { return nil }
        return self.entries[organization]?.flight?.waiters.removeValue(forKey: waiter)
    }

    mutating func forget(_ organization: OrganizationID?) -> [CheckedContinuation<Void, Never>] {
        let number = self.nextID()
        for organization in organization.map({ [$0] }) ?? Array(self.entries.keys) where self.entries[organization] != nil {
            self.entries[organization]?.askedAt = nil
            self.entries[organization]?.flight?.isOutdated = true
            self.entries[organization]?.changeNumber = number
        }
        guard let organization else {
            defer { self.changeWaiters = [:] }
            return self.changeWaiters.values.flatMap(\.values)
        }
        return self.changeWaiters.removeValue(forKey: organization).map { Array($0.values) } ?? []
    }

    func changeNumber(of organization: OrganizationID) -> UInt64 { self.entries[organization]?.changeNumber ?? 0 }

    mutating func awaitChange(
        of organization: OrganizationID, since number: UInt64, waiter: UInt64, _ continuation: CheckedContinuation<Void, Never>
    ) -> Bool {
        guard self.changeNumber(of: organization) == number else { return false }
        self.changeWaiters[organization, default: [:]][waiter] = continuation
        return true
    }

    mutating func stopAwaitingChange(of organization: OrganizationID, waiter: UInt64) -> CheckedContinuation<Void, Never>? {
        let continuation = self.changeWaiters[organization]?.removeValue(forKey: waiter)
        if self.changeWaiters[organization]?.isEmpty == true { self.changeWaiters[organization] = nil }
        return continuation
    }

    mutating func standing(of principal: Principal, notBefore oldest: ContinuousClock.Instant) -> Bool? {
        guard let index = self.entries.index(forKey: principal.organization) else { return nil }
        return self.entries.values[index].standing(of: principal, notBefore: oldest, use: self.nextID())
    }

    func isActive(_ principal: Principal, at revision: Int64) -> Bool? {
        guard let entry = self.entries[principal.organization], entry.standingRevision == revision else { return nil }
        return entry.standing[principal]
    }

    mutating func keep(_ isActive: Bool, of principal: Principal, at revision: Int64, maxPrincipals: Int) {
        guard var entry = self.entries[principal.organization], entry.rules?.revision == revision else { return }
        if entry.standingRevision != revision || entry.standing.count >= maxPrincipals { entry.standing = [:] }
        entry.standing[principal] = isActive
        entry.standingRevision = revision
        self.entries[principal.organization] = entry
    }

    /// Entries that are being read stay, however many they are: as many as there are callers at most.
    private mutating func forgetLeastUsed(_ maxOrganizations: Int) {
        guard self.entries.count > maxOrganizations else { return }
        let idle = self.entries.filter { $0.value.flight == nil }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (organization, _) in idle.prefix(self.entries.count - maxOrganizations) { self.entries[organization] = nil }
    }
}
