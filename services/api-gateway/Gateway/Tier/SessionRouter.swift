import Logging
import MCP
import Model
import Replicas
import SessionAPI
import Store
import Synchronization

/// Brings a message to the replica that is to have it: the owner of its session, or for a new session one that has little to do.
///
/// What a replica certainly did not look at goes to another, or to the same one later, within a bounded wait; what it may have looked at is
/// never sent again. The waiting for an owner that died is done here and not where the session goes next, because a gateway sees a
/// replica fail, and one look at the registry says for all of its sessions at once that its lease has lapsed.
final class SessionRouter: Sendable {
    /// What a message is for.
    enum Target: Sendable {
        /// A session that does not exist yet.
        case newSession
        /// A session, for its owner alone.
        case session(SecretHash, OrganizationID)
        /// The end of a session, which any replica can write down; its owner does so best.
        case end(SecretHash)
        /// Any replica will do.
        case anywhere
    }

    /// Who waits for a replica, in lines of their own: those who come back to listen are as many as there are clients, and none of them is in
    /// a hurry; calls must find room whatever their number.
    enum Line: Sendable, Hashable, CaseIterable {
        case messages
        case listeners
    }

    /// Who keeps a session, as the database says.
    enum LookUp: Sendable {
        case owned(ReplicaLease)
        case unowned
        /// There is no such open session in the organization.
        case unknown
    }

    /// Sends the message to one replica, within a time.
    typealias Call = (SessionClient, Duration) async throws(SessionAPIError) -> SessionAnswer

    let replicas: ReplicaSet
    let owners: OwnerCache
    /// Asks the database who keeps a session, with one statement.
    let lookUp: @Sendable (SecretHash, OrganizationID) async throws -> LookUp
    let limits: TierLimits
    let clock: MonotonicClock
    let logger: Logger
    private let waiting = Mutex<[Line: Int]>([:])

    init(
        replicas: ReplicaSet, limits: TierLimits, clock: MonotonicClock = MonotonicClock(), logger: Logger,
        lookUp: @escaping @Sendable (SecretHash, OrganizationID) async throws -> LookUp
    ) {
        self.replicas = replicas
        self.owners = OwnerCache(maxSessions: limits.maxKnownSessions)
        self.lookUp = lookUp
        self.limits = limits
        self.clock = clock
        self.logger = logger
    }

    /// How many wait for a replica.
    var waitingCount: Int { self.waiting.withLock { $0.values.reduce(0, +) } }

    /// How many of one line wait for a replica.
    func waitingCount(in line: Line) -> Int { self.waiting.withLock { $0[line, default: 0] } }

    /// Sends a message and gives its answer.
    ///
    /// - Parameters:
    ///   - line: Where it waits when it has to.
    ///   - isReplay: Whether it asks for what may be kept already, which any replica can give while the owner cannot be reached.
    /// - Throws: ``MCPError`` as the client is to see it.
    func send(
        _ target: Target, _ envelope: MCPEnvelope?, within timeout: Duration, in line: Line = .messages, isReplay: Bool = false,
        _ call: Call
    ) async throws -> SessionAnswer {
        let start = self.clock.now()
        var journey = Journey(target, in: line, until: start + min(timeout, self.limits.replicaWait))
        journey.isReplay = isReplay
        var known = self.rememberedOwner(&journey)
        while true {
            if known == nil {
                let version = self.replicas.version
                known = try await self.choose(&journey, envelope).flatMap { self.replicas.member($0) }
                if known == nil {
                    if let answer = journey.answer { return answer }
                    try await self.waitForChange(since: version, &journey, envelope)
                }
            }
            guard let (client, lease) = known.take() else { continue }
            do throws(SessionAPIError) {
                let answer = try await call(client, timeout - (self.clock.now() - start))
                guard let refusal = answer.refusal else {
                    self.remember(answer, of: journey, by: lease)
                    return answer
                }
                if let final = self.refused(refusal, answer, by: lease, &journey) { return final }
            } catch {
                if error.isReplicaLost { self.replicas.eject(lease.replica, because: "\(error)") }
                guard error.code == .unreachable else {
                    self.logger.notice("A message got no answer", metadata: ["replica": "\(lease.replica)", "cause": "\(error)"])
                    throw error.answer(to: envelope)
                }
                journey.cause = "\(error)"
                journey.pauses = journey.pauses || !error.isReplicaLost
            }
            if journey.pauses {
                let pause = journey.nextPause(self.limits)
                try await self.wait(&journey, envelope) { try? await self.clock.sleep(pause) }
            }
        }
    }

    // MARK: - Choosing

    /// The owner of a session, as far as it is remembered and can be asked: where nearly every message goes, found with two looks.
    private func rememberedOwner(_ journey: inout Journey) -> (SessionClient, ReplicaLease)? {
        guard case .session(let session, _) = journey.target, let owner = self.owners.find(session) else { return nil }
        journey.owner = owner
        journey.remembered = owner
        return self.replicas.member(of: owner)
    }

    /// The replica to ask next; nil when there is none now.
    private func choose(_ journey: inout Journey, _ envelope: MCPEnvelope?) async throws -> ReplicaID? {
        switch journey.target {
        case .newSession, .anywhere: break
        case .end(let session):
            if let owner = self.owners.find(session), self.replicas.standing(of: owner) == .up { return owner.replica }
        case .session(let session, let organization):
            if journey.owner == nil { try await self.findOwner(of: session, in: organization, &journey, envelope) }
            guard let owner = journey.owner else { break }
            switch self.replicas.standing(of: owner) {
            case .up: return owner.replica
            case .away:
                // Nobody but the registry says when it is dead. Without it another replica is asked, which has a database of its own.
                guard journey.isReplay || !self.replicas.isCurrent else { return nil }
                return self.replicas.place(excluding: journey.refused.union([owner.replica]))
            case .lapsed where journey.isOwnerNews:
                // It may have come since the registry was read, which is looked at while this waits.
                journey.isOwnerNews = false
                try await self.waitForChange(since: self.replicas.version, &journey, envelope, atMost: journey.nextPause(self.limits))
                return try await self.choose(&journey, envelope)
            case .lapsed: break
            }
        }
        return self.replicas.place(excluding: journey.refused)
    }

    private func findOwner(
        of session: SecretHash, in organization: OrganizationID, _ journey: inout Journey, _ envelope: MCPEnvelope?
    ) async throws {
        if !journey.isLookUpDue, let known = self.owners.find(session) {
            journey.owner = known
            return
        }
        journey.isLookUpDue = false
        do {
            let lookUp = self.lookUp
            switch try await self.clock.within(self.limits.lookUpTimeout, { try await lookUp(session, organization) }) {
            case .unknown: throw MCPError.unknownSession().answering(envelope?.requestID)
            case .unowned: break
            case .owned(let owner):
                journey.owner = owner
                journey.isOwnerNews = true
            }
        } catch let error as MCPError {
            throw error
        } catch {
            // Whichever replica is asked knows the owner, or takes the session.
            try Task.checkCancellation()
            self.logger.warning("The owner of a session cannot be looked up", metadata: ["cause": "\(error)"])
        }
    }

    // MARK: - Answers

    private func remember(_ answer: SessionAnswer, of journey: Journey, by lease: ReplicaLease) {
        switch journey.target {
        case .newSession:
            guard let token = answer.headers.first(where: { $0.name == SessionHeaders.session })?.value else { return }
            self.owners.store(lease, for: SecretHash(of: token))
        case .session(let session, _) where answer.status == 404: self.owners.remove(session)
        // A replica that gave what is kept is not the owner.
        case .session where journey.isReplay && journey.owner != nil && journey.owner != lease: break
        case .session(let session, _):
            if lease != journey.remembered { self.owners.store(lease, for: session) }
        case .end(let session): self.owners.remove(session)
        case .anywhere: break
        }
    }

    /// Learns from a refusal; gives the answer when it is final.
    private func refused(
        _ refusal: SessionRefusal, _ answer: SessionAnswer, by lease: ReplicaLease, _ journey: inout Journey
    ) -> SessionAnswer? {
        let isOwner = journey.owner?.replica == lease.replica
        journey.cause = "the replica refused: \(refusal.rawValue)"
        switch refusal {
        case .misdirected:
            // The first correction is followed at once; whoever is sent to and fro goes slower.
            journey.pauses = journey.wasMisdirected
            journey.wasMisdirected = true
            self.correct(&journey, answer.owner.map { ReplicaLease(replica: $0.replica, epoch: $0.epoch) }, saidBy: lease.replica)
        case .draining:
            self.replicas.drains(lease.replica)
            journey.pauses = isOwner && journey.refused.contains(lease.replica)
            self.correct(&journey, nil, saidBy: lease.replica)
        case .overloaded:
            if isOwner { return answer }
            journey.refused.insert(lease.replica)
            journey.answer = answer
        case .unavailable:
            self.replicas.eject(lease.replica, because: "it cannot serve")
            // It lost the database or its lease, for a moment or for good: then its sessions are soon another's. When nobody has the
            // database, there is nothing to wait for.
            guard self.replicas.isCurrent else {
                journey.refused.insert(lease.replica)
                journey.answer = answer
                return isOwner ? answer : nil
            }
        }
        return nil
    }

    /// Notes who keeps the session, or that whoever was thought to does not.
    private func correct(_ journey: inout Journey, _ owner: ReplicaLease?, saidBy replica: ReplicaID) {
        journey.owner = owner
        journey.remembered = nil
        journey.isOwnerNews = owner != nil
        journey.isLookUpDue = owner == nil
        if owner == nil { journey.refused.insert(replica) }
        guard case .session(let session, _) = journey.target else { return }
        if let owner { self.owners.store(owner, for: session) } else { self.owners.remove(session) }
    }

    // MARK: - Waiting

    /// Waits for a change among the replicas. Where nobody answers and nobody can say who lives, which the looks that this wait asks for
    /// would have found out, there is nothing to wait for.
    private func waitForChange(
        since version: UInt64, _ journey: inout Journey, _ envelope: MCPEnvelope?, atMost longest: Duration? = nil
    ) async throws {
        var longest = longest
        if longest == nil, !self.replicas.isCurrent {
            guard !journey.hasLookedInVain else { throw SessionAPIError(.unreachable, journey.cause).answer(to: envelope) }
            journey.hasLookedInVain = true
            longest = self.limits.maxRetryPause
        }
        let (replicas, clock, pause) = (self.replicas, self.clock, longest)
        try await self.wait(&journey, envelope) {
            guard let pause else { return await replicas.untilChange(since: version) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await replicas.untilChange(since: version) }
                group.addTask { try? await clock.sleep(pause) }
                await group.next()
                group.cancelAll()
            }
        }
    }

    /// Waits for what `event` waits for, within the message's time, if there is room to wait.
    private func wait(_ journey: inout Journey, _ envelope: MCPEnvelope?, for event: @escaping @Sendable () async -> Void) async throws {
        journey.pauses = false
        let left = journey.deadline - self.clock.now()
        guard left > .zero, !Task.isCancelled else {
            self.logger.warning("No session-service takes a message", metadata: ["cause": "\(journey.cause)"])
            throw SessionAPIError(.unreachable, journey.cause).answer(to: envelope)
        }
        let (line, limit) = (journey.line, journey.line == .messages ? self.limits.maxWaiting : self.limits.maxWaitingListeners)
        let hasRoom = self.waiting.withLock { waiting in
            guard waiting[line, default: 0] < limit else { return false }
            waiting[line, default: 0] += 1
            return true
        }
        guard hasRoom else {
            throw SessionAPIError(.unreachable, "\(limit) \(line) wait for a session-service").answer(to: envelope)
        }
        defer { self.waiting.withLock { $0[line, default: 0] -= 1 } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await event() }
            group.addTask { try? await self.clock.sleep(left) }
            await group.next()
            group.cancelAll()
        }
    }
}

/// What became of a message so far.
private struct Journey {
    let target: SessionRouter.Target
    /// Where it waits.
    let line: SessionRouter.Line
    /// Until when it may wait for a replica.
    let deadline: Duration
    /// Who keeps its session, as far as is known.
    var owner: ReplicaLease?
    /// Who was remembered to keep it.
    var remembered: ReplicaLease?
    /// Whether that was said just now, so that the owner may be newer than the last reading of the registry.
    var isOwnerNews = false
    /// Whether what is remembered of the session is wrong, so that the database must be asked.
    var isLookUpDue = false
    var wasMisdirected = false
    /// Replicas that want nothing of it.
    var refused: Set<ReplicaID> = []
    /// What the client is told when nobody else is left to ask.
    var answer: SessionAnswer?
    /// Whether it has waited for the registry while that could not be read.
    var hasLookedInVain = false
    /// Whether any replica may have what it asks for.
    var isReplay = false
    /// Why it is still under way, for the log.
    var cause = "no session-service is registered"
    /// Whether there is to be a pause before the next attempt.
    var pauses = false
    private var pauseCount = 0

    init(_ target: SessionRouter.Target, in line: SessionRouter.Line, until deadline: Duration) {
        self.target = target
        self.line = line
        self.deadline = deadline
    }

    mutating func nextPause(_ limits: TierLimits) -> Duration {
        defer { self.pauseCount += 1 }
        return min(limits.retryPause * (1 << min(self.pauseCount, 8)), limits.maxRetryPause)
    }
}
