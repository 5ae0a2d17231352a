import Database
import JSON
package import Model

/// MCP sessions: rows that outlive the process that runs them.
///
/// A session is found within the organization of the principal who asks, so that another organization's session id is as good as none.
/// That it answers only to the principal and resource that opened it is for the caller to check; the record says who that was.
package struct SessionRepository: Sendable {
    let context: StoreContext

    /// Writes a new session. Call it before the client hears the id; throws `ownerLost` when the opening replica's lease lapsed.
    package func create(_ draft: SessionDraft) async throws -> SessionRecord {
        try self.check(draft)
        let organization = draft.principal.organization
        let values =
            [draft.hash.databaseValue, draft.id.databaseValue, draft.principal.account.databaseValue, draft.principal.role.databaseValue]
            + draft.principal.method.columns
            + [
                draft.resource.databaseValue, draft.protocolVersion.databaseValue,
                (self.context.versions.sessionHasClientInfo ? draft.clientInfo : nil).databaseValue, draft.clientCapabilities.databaseValue,
                draft.owner.replica.databaseValue, draft.owner.epoch.databaseValue,
                self.context.limits.replicaLease.microseconds.databaseValue, self.context.versions.session.databaseValue,
            ]
        let rows = try await self.context.refusing {
            try await self.context.connection(organization).query(
                """
                INSERT INTO sessions (
                    organization_id, id_hash, id, account_id, role, auth_kind, auth_issuer, auth_subject, resource, protocol_version,
                    client_info, client_capabilities, state, owner_replica, owner_epoch, created_at, last_activity_at, record_version)
                SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', $13, $14, {now}, {now}, $16
                WHERE EXISTS (SELECT 1 FROM replicas r WHERE r.id = $13 AND r.epoch = $14 AND r.heartbeat_at > {now} - $15)
                RETURNING \(SessionRecord.columns)
                """, values: [organization.databaseValue] + values)
        }
        guard let row = rows.first else {
            throw StoreError(code: .ownerLost, message: "the replica that opens the session has no valid lease")
        }
        return try SessionRecord(row, organization: organization)
    }

    /// Where requests of an open session go; nil when there is no such session or it was closed.
    package func route(hash: SecretHash, in organization: OrganizationID) async throws -> SessionRoute? {
        try await self.context.connection(organization).first(
            """
            SELECT s.id, s.account_id, s.resource, r.id, r.epoch, r.address FROM sessions s
            LEFT JOIN replicas r ON r.id = s.owner_replica AND r.epoch = s.owner_epoch AND r.heartbeat_at > {now} - $3
            WHERE s.organization_id = $1 AND s.id_hash = $2 AND s.state = 'open'
            """, organization, hash, self.context.limits.replicaLease.microseconds
        ) { row in
            var row = row.reader()
            return SessionRoute(
                id: try row.next(), account: try row.next(), resource: try row.next(), owner: try ReplicaLease(&row),
                address: try row.next())
        }
    }

    /// The session with this id hash, open or closed; nil when there is none.
    package func find(hash: SecretHash, in organization: OrganizationID) async throws -> SessionRecord? {
        try await self.context.connection(organization).first(
            "SELECT \(SessionRecord.columns) FROM sessions WHERE organization_id = $1 AND id_hash = $2", organization, hash
        ) { try SessionRecord($0, organization: organization) }
    }

    /// The session with this public name, open or closed; nil when there is none.
    package func find(_ session: SessionRecordID, in organization: OrganizationID) async throws -> SessionRecord? {
        try await self.context.connection(organization).first(
            "SELECT \(SessionRecord.columns) FROM sessions WHERE organization_id = $1 AND id = $2", organization, session
        ) { try SessionRecord($0, organization: organization) }
    }

    /// Makes a replica the owner of an open session that has no live owner, or that it owns already; returns the session as it then is.
    ///
    /// Throws `notFound` for a session that is closed or does not exist, and `ownerLost` when another live replica owns it or the
    /// caller's own lease lapsed. Of several replicas that try at once exactly one succeeds.
    package func adopt(_ session: SessionRecordID, in organization: OrganizationID, by lease: ReplicaLease) async throws -> SessionRecord {
        let adopted = try await self.context.connection(organization).first(
            """
            UPDATE sessions SET owner_replica = $3, owner_epoch = $4, last_activity_at = {now}
            WHERE organization_id = $1 AND id = $2 AND state = 'open'
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $5)
                AND ((owner_replica = $3 AND owner_epoch = $4) OR NOT EXISTS (
                    SELECT 1 FROM replicas r
                    WHERE r.id = sessions.owner_replica AND r.epoch = sessions.owner_epoch AND r.heartbeat_at > {now} - $5))
            RETURNING \(SessionRecord.columns)
            """, organization, session, lease.replica, lease.epoch, self.context.limits.replicaLease.microseconds
        ) { try SessionRecord($0, organization: organization) }
        if let adopted { return adopted }
        guard let found = try await self.find(session, in: organization), found.state == .open else {
            throw StoreError(code: .notFound, message: "there is no such open session")
        }
        throw StoreError(code: .ownerLost, message: "another replica owns the session, or the caller's own lease lapsed")
    }

    /// Notes activity, at most once per ``StoreLimits/touchInterval`` and otherwise without a write; throws `ownerLost` when the session
    /// is no longer the caller's or was closed, and when the caller's lease lapsed while this was on its way.
    package func touch(_ session: SessionRecordID, in organization: OrganizationID, by lease: ReplicaLease) async throws {
        let connection = self.context.connection(organization)
        let lost = StoreError(code: .ownerLost, message: "the session was closed or has another owner")
        let isDue = try await connection.first(
            """
            SELECT CASE WHEN last_activity_at < {now} - $5 THEN 1 ELSE 0 END FROM sessions
            WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4 AND state = 'open'
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $6)
            """, organization, session, lease.replica, lease.epoch, self.context.limits.touchInterval.microseconds,
            self.context.limits.replicaLease.microseconds
        ) { try $0.single(Bool.self) }
        guard let isDue else { throw lost }
        guard isDue else { return }
        let changed = try await connection.execute(
            """
            UPDATE sessions SET last_activity_at = {now}
            WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4 AND state = 'open'
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $5)
            """, organization, session, lease.replica, lease.epoch, self.context.limits.replicaLease.microseconds)
        guard changed == 1 else { throw lost }
    }

    /// Gives back all sessions of a replica that stops, so that any other may adopt them at once. Returns how many. Crosses
    /// organizations and touches nothing but the owner.
    @discardableResult
    package func release(_ lease: ReplicaLease) async throws -> Int {
        var count = 0
        var last = ""
        while true {
            let organizations: [OrganizationID] = try await self.context.ask(
                .ownedOrganizations, lease.replica, lease.epoch, last, self.context.limits.sweepBatch
            ).map { try $0.single() }
            for organization in organizations {
                count += try await self.context.connection(organization).execute(
                    """
                    UPDATE sessions SET owner_replica = NULL, owner_epoch = NULL
                    WHERE organization_id = $1 AND owner_replica = $2 AND owner_epoch = $3
                    """, organization, lease.replica, lease.epoch)
            }
            guard let next = organizations.last, organizations.count == self.context.limits.sweepBatch else { return count }
            last = next.rawValue
        }
    }

    /// Ends a session for good, by its client or an admin; false when it was closed before, `notFound` when there is none.
    @discardableResult
    package func close(_ session: SessionRecordID, in organization: OrganizationID) async throws -> Bool {
        let isClosed = try await self.context.database.transaction(in: .organization(organization)) { connection in
            let owner: ReplicaID?? = try await connection.first(
                """
                UPDATE sessions SET state = 'closed', last_activity_at = {now}
                WHERE organization_id = $1 AND id = $2 AND state = 'open' RETURNING owner_replica
                """, organization, session, as: { try $0.single(ReplicaID?.self) })
            guard let owner else { return false }
            if let owner { try await self.context.database.announce(owner.rawValue, on: .closings, over: connection) }
            return true
        }
        if isClosed { return true }
        guard try await self.find(session, in: organization) != nil else {
            throw StoreError(code: .notFound, message: "there is no such session")
        }
        return false
    }

    /// Which of a replica's sessions were closed by somebody else: what its owner polls. Crosses organizations, ids only.
    package func closedSessions(of lease: ReplicaLease) async throws -> [ClosedSession] {
        try await self.context.ask(.closedSessions, lease.replica, lease.epoch, self.context.limits.maxPageSize).map { row in
            var row = row.reader()
            return ClosedSession(organization: try row.next(), session: try row.next())
        }
    }

    /// The processes that have sessions which somebody closed, as that happens; nil where owners must poll. Crosses organizations, ids of
    /// processes only. Those that ``makeRoom(for:in:limit:closingIdleFor:)`` closes are not told: nobody waits for their end.
    package func closings() -> StoreChanges<ReplicaID>? { StoreChanges(.closings, of: self.context.database) }

    /// Sees to it that an account may open one more session: when it has `limit` open ones, those that showed no activity for `age` are
    /// closed, oldest first, up to ``StoreLimits/sweepBatch``. False when there is no room even so.
    ///
    /// Most clients never close their sessions, hence the closing; two openings at once may both find the last room, which is good enough
    /// for a bound against waste.
    package func makeRoom(
        for account: AccountID, in organization: OrganizationID, limit: Int, closingIdleFor age: Duration
    ) async throws -> Bool {
        let connection = self.context.connection(organization)
        let count = try await connection.first(
            "SELECT COUNT(*) FROM sessions WHERE organization_id = $1 AND account_id = $2 AND state = 'open'", organization, account
        ) { try $0.single(Int.self) }
        guard let count, count >= limit else { return true }
        let closed = try await connection.execute(
            """
            UPDATE sessions SET state = 'closed' WHERE organization_id = $1 AND id IN (
                SELECT id FROM sessions WHERE organization_id = $1 AND account_id = $2 AND state = 'open' AND last_activity_at < {now} - $3
                ORDER BY last_activity_at LIMIT $4)
            """, organization, account, age.microseconds, self.context.limits.sweepBatch)
        return count - closed < limit
    }

    /// Gives back one session, for an owner that has dealt with its end or suspends it.
    package func release(_ session: SessionRecordID, in organization: OrganizationID, by lease: ReplicaLease) async throws {
        try await self.context.connection(organization).execute(
            """
            UPDATE sessions SET owner_replica = NULL, owner_epoch = NULL
            WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4
            """, organization, session, lease.replica, lease.epoch)
    }

    /// The organization's open sessions, newest first; of one account when given.
    package func list(
        in organization: OrganizationID, account: AccountID? = nil, _ page: PageRequest = .first
    ) async throws -> Page<SessionRecord> {
        let keyset = try Keyset(page, list: "sessions", limits: self.context.limits)
        let items = try await self.context.connection(organization).all(
            """
            SELECT \(SessionRecord.columns) FROM sessions
            WHERE organization_id = $1 AND id < $2 AND state = 'open' AND (CAST($3 AS TEXT) IS NULL OR account_id = $3)
            ORDER BY id DESC LIMIT $4
            """, organization, keyset.descending, account, keyset.fetchCount
        ) { try SessionRecord($0, organization: organization) }
        return keyset.page(items) { [$0.id.rawValue] }
    }

    /// Removes sessions that were closed, or showed no activity, for longer than `age`; up to ``StoreLimits/sweepBatch``, returns how
    /// many. Crosses organizations and returns nothing of theirs.
    package func purge(state: SessionRecord.State, olderThan age: Duration) async throws -> Int {
        let stale: [OrganizationID] = try await self.context.ask(
            .staleSessions, state, age.microseconds, self.context.limits.sweepBatch
        ).map { row in
            var row = row.reader()
            return try row.next()
        }
        var count = 0
        for (organization, staleCount) in stale.reduce(into: [OrganizationID: Int](), { $0[$1, default: 0] += 1 }) {
            // Looks at each session again, in the statement that removes it: it may have shown activity since.
            count += try await self.context.connection(organization).execute(
                """
                DELETE FROM sessions WHERE organization_id = $1 AND id IN (
                    SELECT id FROM sessions WHERE organization_id = $1 AND state = $2 AND last_activity_at < {now} - $3
                    ORDER BY last_activity_at LIMIT $4)
                """, organization, state, age.microseconds, staleCount)
        }
        return count
    }

    private func check(_ draft: SessionDraft) throws(StoreError) {
        let limits = self.context.limits
        try self.context.check(draft.resource, "the resource", maxBytes: limits.maxTextBytes)
        try self.context.check(draft.protocolVersion, "the protocol version", maxBytes: limits.maxNameBytes)
        guard (draft.clientInfo?.bytes.count ?? 0) <= limits.maxTextBytes, draft.clientCapabilities.bytes.count <= limits.maxTextBytes
        else {
            throw StoreError(code: .invalidValue, message: "clientInfo or capabilities are longer than \(limits.maxTextBytes) bytes")
        }
    }
}

extension ReplicaLease {
    /// Reads a nullable pair of columns.
    init?(_ row: inout RowReader) throws {
        let replica: ReplicaID? = try row.next()
        let epoch: Int64? = try row.next()
        guard let replica, let epoch else { return nil }
        self.init(replica: replica, epoch: epoch)
    }
}

extension SessionRecord {
    static let columns: Statement = """
        id, account_id, role, auth_kind, auth_issuer, auth_subject, resource, protocol_version, client_info, client_capabilities, state,
        owner_replica, owner_epoch, created_at, last_activity_at, record_version
        """

    init(_ row: DatabaseRow, organization: OrganizationID) throws {
        var row = row.reader()
        let id: SessionRecordID = try row.next()
        let principal = Principal(
            organization: organization, account: try row.next(), role: try row.next(), method: try Principal.Method(&row))
        self.init(
            id: id, principal: principal, resource: try row.next(), protocolVersion: try row.next(), clientInfo: try row.next(),
            clientCapabilities: try row.next(), state: try row.next(), owner: try ReplicaLease(&row), createdAt: try row.next(),
            lastActivityAt: try row.next(), version: try row.next())
    }
}
