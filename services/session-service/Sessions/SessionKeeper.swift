import Database
import Logging
import MCP
import Model
import Replicas
import SessionAPI
import Store

/// Opens, finds, restores and ends sessions: everything that concerns their rows.
///
/// One for a process, and a class because every message's tasks hold it: what it has would be copied into each of them.
final class SessionKeeper: Sendable {
    let store: Store
    let registration: any SessionLeaseSource
    let directory: SessionDirectory
    let abandoned: AbandonedSessions
    let stacks: any SessionStackMaking
    let streams: NoticeStreams
    let work: SessionWork
    let limits: SessionLimits
    let time: MonotonicClock
    let logger: Logger

    init(
        store: Store, registration: any SessionLeaseSource, directory: SessionDirectory, abandoned: AbandonedSessions,
        stacks: any SessionStackMaking, streams: NoticeStreams, work: SessionWork, limits: SessionLimits, time: MonotonicClock,
        logger: Logger
    ) {
        self.store = store
        self.registration = registration
        self.directory = directory
        self.abandoned = abandoned
        self.stacks = stacks
        self.streams = streams
        self.work = work
        self.limits = limits
        self.time = time
        self.logger = logger
    }

    // MARK: - Opening

    /// Opens a session: its row is there when this returns, and its id is known to nobody but the caller.
    ///
    /// Steps that can fail come before the row, so that there is nothing to take back; when the row could not be written, or nobody waits for
    /// the answer any more, what may have been written is ended in the background.
    func open(_ initialization: MCPInitialization, id: JSONRPCID, for caller: SessionCaller) async throws -> (
        token: String, session: Session
    ) {
        let lease = try self.lease()
        try await self.ensureRoom(for: caller, id: id)
        let record = SessionRecordID()
        let scope = SessionScope(principal: caller.principal, session: record, resource: caller.resource)
        let stack = try await self.stacks.makeStack(for: scope)
        let token = SessionToken.make()
        let revision = MCPRevision.negotiated(for: initialization.requestedRevision)
        let draft = SessionDraft(
            hash: SecretHash(of: token), id: record, principal: caller.principal, resource: caller.resource,
            protocolVersion: revision.rawValue, clientInfo: initialization.clientInfo, clientCapabilities: initialization.capabilities,
            owner: lease)
        do {
            let row = try await self.store.sessions.create(draft)
            try Task.checkCancellation()
            let session = Session(record: row, hash: draft.hash, revision: revision, lease: lease, limits: self.limits.mcp)
            await session.keep(stack, for: caller.principal)
            let added = try self.add(session)
            // Where there is no room for it the first search takes a little longer.
            _ = self.work.start { await stack.prepare() }
            return (token, added)
        } catch let error where error is StoreError || (error as? DatabaseError)?.isOutcomeUnknown == false {
            // The row was refused, and is certainly not there.
            throw error
        } catch {
            self.forget(record, of: caller.principal.organization)
            throw error
        }
    }

    /// Whether a session id that came with an `initialize` is an open session of this caller.
    func isOpen(_ token: String, for caller: SessionCaller) async throws -> Bool {
        try await self.row(SecretHash(of: token), for: caller) != nil
    }

    private func ensureRoom(for caller: SessionCaller, id: JSONRPCID) async throws {
        let hasRoom = try await self.store.sessions.makeRoom(
            for: caller.principal.account, in: caller.principal.organization, limit: self.limits.maxPerAccount,
            closingIdleFor: self.limits.reclaimAfter)
        guard hasRoom else {
            throw MCPError(
                .tooManySessions,
                "The account has \(self.limits.maxPerAccount) open sessions, all in use within the last \(self.limits.reclaimAfter); close some.",
                id: id, retryAfter: .seconds(60))
        }
    }

    /// Ends what a failed opening may have written; its error is the one that counts.
    private func forget(_ record: SessionRecordID, of organization: OrganizationID) {
        guard self.abandoned.insert(record, of: organization) else {
            return self.logger.warning("an abandoned session is left to its retention", metadata: ["session": "\(record)"])
        }
        // Where no job can be begun, the next look does it.
        _ = self.work.start { await self.endAbandoned() }
    }

    /// Ends the rows that failed openings may have written. What made an opening fail may still be there, so this is tried again until it
    /// works; and a row that is not there yet may still come, so it is looked for a while.
    func endAbandoned() async {
        for (record, organization) in self.abandoned.take() {
            do {
                try await self.store.sessions.close(record, in: organization)
                self.abandoned.remove(record)
            } catch let error as StoreError where error.code == .notFound {
                self.abandoned.lookAgain(record)
            } catch {
                self.abandoned.tryAgain(record)
            }
        }
    }

    // MARK: - Finding

    /// The session of an id, from memory or from its row, pinned until the caller is done with it.
    ///
    /// - Parameter adopts: Whether a session that is not in memory is taken over; a process that is about to stop takes none.
    /// - Throws: `unknownSession` for one that does not exist, was closed, or was opened by somebody else or on another resource.
    func pin(_ token: String, for caller: SessionCaller, adopts: Bool = true) async throws -> Session {
        let hash = SecretHash(of: token)
        let lease = try self.lease()
        if let found = self.directory.pin(hash, lease: lease, at: self.time.now()) {
            guard found.session.owner == caller.principal.owner, found.session.resource == caller.resource else {
                self.unpin(found.session)
                throw MCPError.unknownSession()
            }
            if found.isTouchDue { self.touch(found.session) }
            return found.session
        }
        guard adopts else { throw RefusedRequest.draining }
        do {
            let (record, revision) = try await self.time.within(self.limits.restoreTimeout) {
                try await self.restore(hash, for: caller, by: lease)
            }
            let session = Session(record: record, hash: hash, revision: revision, lease: lease, limits: self.limits.mcp, isRestored: true)
            do {
                let added = try self.add(session)
                self.logger.info("session restored", metadata: ["session": "\(record.id)"])
                return added
            } catch {
                self.giveBack(record.id, hash, caller.principal.organization, lease)
                throw error
            }
        } catch is MonotonicClock.TimeIsUp {
            throw RefusedRequest(refusal: .unavailable, message: "The session service cannot reach its database; try again.")
        }
    }

    /// Takes the session of an id over; nothing of it is in memory yet. Should its row be written and nobody hear of it, it is given back,
    /// or the next message finds it owned by this process.
    private func restore(
        _ hash: SecretHash, for caller: SessionCaller, by lease: ReplicaLease
    ) async throws -> (SessionRecord, MCPRevision) {
        await self.directory.untilStaying(hash)
        guard let row = try await self.row(hash, for: caller) else { throw MCPError.unknownSession() }
        guard let revision = MCPRevision(rawValue: row.protocolVersion), revision.hasSessions else {
            throw RefusedRequest(refusal: .misdirected, message: "The session was opened by a newer version of Roost; try again.")
        }
        do {
            let adopted = try await self.adopt(row, in: caller.principal.organization, by: lease)
            try Task.checkCancellation()
            return (adopted, revision)
        } catch let error where error is MCPError || (error as? RefusedRequest)?.refusal == .misdirected {
            throw error
        } catch {
            self.giveBack(row.id, hash, caller.principal.organization, lease)
            throw error
        }
    }

    /// Gives a session back that was, or may have been, taken over for nobody: other replicas would be sent here, where it is not.
    private func giveBack(_ record: SessionRecordID, _ hash: SecretHash, _ organization: OrganizationID, _ lease: ReplicaLease) {
        if self.directory.willLeave(hash) { self.release([(record, hash, organization, lease)]) }
    }

    /// Says that a pinned session is not used any more.
    func unpin(_ session: Session) {
        if let free = self.directory.unpin(session, at: self.time.now()) { self.release([free]) }
    }

    /// The row of an open session, if it is the caller's.
    func row(_ hash: SecretHash, for caller: SessionCaller) async throws -> SessionRecord? {
        guard let row = try await self.store.sessions.find(hash: hash, in: caller.principal.organization), row.state == .open else {
            return nil
        }
        return row.principal.owner == caller.principal.owner && row.resource == caller.resource ? row : nil
    }

    /// Takes a session over. One that another live replica owns is refused at once: who owns it is the gateway's to find, and whether
    /// an owner that does not answer has died is known to whoever saw it fail, so the waiting is done there, once for all its sessions.
    private func adopt(
        _ row: SessionRecord, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws -> SessionRecord {
        do {
            return try await self.store.sessions.adopt(row.id, in: organization, by: lease)
        } catch let error as StoreError where error.code == .notFound {
            throw MCPError.unknownSession()
        } catch let error as StoreError where error.code == .ownerLost {
            // The row was read just before; should the session have changed hands since, the hint leads to one who knows better.
            let owner = row.owner.flatMap { $0 == lease ? nil : SessionOwner(replica: $0.replica, epoch: $0.epoch) }
            throw RefusedRequest(refusal: .misdirected, message: "Another process runs the session; try again.", owner: owner)
        }
    }

    private func lease() throws(RefusedRequest) -> ReplicaLease {
        guard let lease = self.registration.currentLease else {
            throw RefusedRequest(refusal: .unavailable, message: "The session service cannot reach its database; try again.")
        }
        return lease
    }

    private func add(_ session: Session) throws(RefusedRequest) -> Session {
        let (added, suspended) = self.directory.insert(session, at: self.time.now())
        if let suspended { self.release([suspended]) }
        guard let added else { throw RefusedRequest(refusal: .overloaded, message: "The session service is full; try again.") }
        return added
    }

    // MARK: - Ending

    /// Ends a session for its client.
    ///
    /// - Throws: `unknownSession` as ``pin(_:for:)`` does, also when it was closed before.
    func close(_ token: String, for caller: SessionCaller) async throws {
        guard let row = try await self.row(SecretHash(of: token), for: caller) else { throw MCPError.unknownSession() }
        guard try await self.close(row.id, in: caller.principal.organization) else { throw MCPError.unknownSession() }
    }

    /// Ends a session of an organization by its public name; false when it was closed before.
    @discardableResult
    func close(_ record: SessionRecordID, in organization: OrganizationID) async throws -> Bool {
        let wasOpen: Bool
        do {
            wasOpen = try await self.store.sessions.close(record, in: organization)
        } catch let error as StoreError where error.code == .notFound {
            throw MCPError.unknownSession()
        }
        await self.directory.remove(record)?.close()
        self.streams.end(of: record)
        return wasOpen
    }

    /// Ends the sessions here that others have closed in the database, and gives back the rows of all that were closed.
    func endClosed() async throws {
        guard let lease = self.registration.currentLease else { return }
        for closed in try await self.store.sessions.closedSessions(of: lease) {
            if let session = self.directory.remove(closed.session) {
                await session.close()
                self.streams.end(of: closed.session)
                self.logger.info("session closed by another process", metadata: ["session": "\(closed.session)"])
            }
            try await self.store.sessions.release(closed.session, in: closed.organization, by: lease)
        }
    }

    /// Takes sessions that rest out of memory.
    func suspendUnused() {
        let unused = self.directory.removeUnused(since: self.time.now() - self.limits.suspendAfter)
        if !unused.isEmpty { self.release(unused) }
    }

    /// Takes one session out of memory, unless it is in use.
    func suspend(_ session: Session) {
        if self.directory.removeUnused(session) { self.release([session]) }
    }

    /// Gives sessions back so that others may take them up while this process finishes its calls: those that nobody uses now, and each
    /// of the others when its last use ends.
    ///
    /// - Parameter isBusy: Whether calls still run. When none does the end of draining frees all rows with one statement.
    func handOver(while isBusy: @escaping @Sendable () -> Bool) {
        self.release(self.directory.handOver(), while: isBusy)
    }

    /// Removes the rows of sessions that are long over or long unused, and answers that nobody came back for.
    func purge() async throws {
        _ = try await self.store.sessions.purge(state: .closed, olderThan: self.limits.closedRetention)
        _ = try await self.store.sessions.purge(state: .open, olderThan: self.limits.idleRetention)
        _ = try await self.store.sessionStreams.purge()
    }

    /// Gives rows back, so that any replica may take the sessions up again at once. Where it fails, this one still can.
    private func release(_ sessions: [Session], while isNeeded: @escaping @Sendable () -> Bool = { true }) {
        self.release(sessions.map { ($0.record, $0.hash, $0.owner.organization, $0.lease) }, while: isNeeded)
    }

    /// The same of rows by what they are. The directory was told of each; who uses one meanwhile takes it back.
    private func release(
        _ rows: [(record: SessionRecordID, hash: SecretHash, organization: OrganizationID, lease: ReplicaLease)],
        while isNeeded: @escaping @Sendable () -> Bool = { true }
    ) {
        let (store, directory) = (self.store, self.directory)
        let isStarted = self.work.start {
            for row in rows where directory.beginLeaving(row.hash) {
                if isNeeded() { try? await store.sessions.release(row.record, in: row.organization, by: row.lease) }
                directory.endLeaving(row.hash)
            }
        }
        if !isStarted { for row in rows where directory.beginLeaving(row.hash) { directory.endLeaving(row.hash) } }
    }

    /// Notes in the row that the session is used; finds out on the way when it is no longer ours.
    func touch(_ session: Session) {
        let (store, directory, streams) = (self.store, self.directory, self.streams)
        _ = self.work.start {
            do {
                try await store.sessions.touch(session.record, in: session.owner.organization, by: session.lease)
            } catch let error as StoreError where error.code == .ownerLost {
                directory.remove(session.record)
                streams.end(of: session.record)
            } catch {
                // Noted the next time.
            }
        }
    }
}
