import Database
package import Model

/// The streams of sessions that clients may take up again: a row while the call runs, and then its answer for a while.
///
/// Only a session's owner writes, and each write fails once it is not the owner any more, or its lease lapsed so that another may have
/// become it: an answer which another process has already declared lost never comes after all.
package struct SessionStreamRepository: Sendable {
    let context: StoreContext

    /// Notes a stream before its client hears of it; false when the session has as many as it may.
    ///
    /// Throws `ownerLost` when the session is closed or has another owner, or the caller's lease lapsed.
    package func open(
        _ stream: SessionStreamID, request: String, execution: ExecutionID, of session: SessionRecordID, in organization: OrganizationID,
        by lease: ReplicaLease, within bounds: SessionStreamBounds
    ) async throws -> Bool {
        try self.context.check(request, "the request's id", maxBytes: self.context.limits.maxTextBytes)
        let connection = self.context.connection(organization)
        let age = self.context.limits.replicaLease.microseconds
        let inserted = try await connection.execute(
            """
            INSERT INTO session_streams (
                organization_id, session_id, id, request_id, owner_replica, owner_epoch, state, sequence, expires_at, answer_bytes,
                execution_id, record_version)
            SELECT $1, $2, $3, $4, $5, $6, 'open', 0, {now} + $7, 0, $10, $11
            WHERE EXISTS (
                    SELECT 1 FROM sessions s WHERE s.organization_id = $1 AND s.id = $2 AND s.owner_replica = $5 AND s.owner_epoch = $6
                    AND s.state = 'open')
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $5 AND r.epoch = $6 AND r.heartbeat_at > {now} - $9)
                AND (SELECT COUNT(*) FROM session_streams t WHERE t.organization_id = $1 AND t.session_id = $2) < $8
            """, organization, session, stream, request, lease.replica, lease.epoch, bounds.lifetime.microseconds, bounds.maxStreams,
            age, execution, self.context.versions.sessionStream)
        if inserted == 1 { return true }
        let isOwned = try await connection.first(
            """
            SELECT 1 FROM sessions
            WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4 AND state = 'open'
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $5)
            """, organization, session, lease.replica, lease.epoch, age, as: { _ in true })
        guard isOwned == true else { throw Self.lost }
        return false
    }

    /// Writes how a stream ended; false when its answer was beyond the bounds, which is then what the stream's row says.
    ///
    /// Throws `ownerLost` when the session is closed or has another owner, the caller's lease lapsed, or the stream has ended.
    package func end(
        _ stream: SessionStreamID, of session: SessionRecordID, in organization: OrganizationID, by lease: ReplicaLease,
        with end: SessionStreamEnd, within bounds: SessionStreamBounds
    ) async throws -> Bool {
        let (state, sequence, answer): (SessionStreamRecord.State, Int64, [UInt8]?) =
            switch end {
            case .answer(let bytes, let sequence) where bytes.count <= bounds.maxAnswerBytes: (.answered, sequence, bytes)
            case .answer(_, let sequence): (.dropped, sequence, nil)
            case .dropped: (.dropped, .max, nil)
            case .silent: (.silent, 0, nil)
            }
        let byteCount = answer?.count ?? 0
        let ended = try await self.context.connection(organization).first(
            """
            UPDATE session_streams SET
                state = CASE WHEN $9 > 0 AND $9 > $10 - taken.bytes THEN 'dropped' ELSE $6 END, sequence = $7,
                answer = CASE WHEN $9 > 0 AND $9 > $10 - taken.bytes THEN NULL ELSE CAST($8 AS {bytes}) END,
                answer_bytes = CASE WHEN $9 > 0 AND $9 > $10 - taken.bytes THEN 0 ELSE $9 END, expires_at = {now} + $11
            FROM (
                SELECT CAST(COALESCE(SUM(t.answer_bytes), 0) AS BIGINT) AS bytes FROM session_streams t
                WHERE t.organization_id = $1 AND t.session_id = $2) AS taken
            WHERE organization_id = $1 AND session_id = $2 AND id = $3 AND owner_replica = $4 AND owner_epoch = $5
                AND session_streams.state = 'open' AND EXISTS (
                    SELECT 1 FROM sessions s WHERE s.organization_id = $1 AND s.id = $2 AND s.owner_replica = $4 AND s.owner_epoch = $5
                    AND s.state = 'open')
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $4 AND r.epoch = $5 AND r.heartbeat_at > {now} - $12)
            RETURNING state
            """, organization, session, stream, lease.replica, lease.epoch, state, sequence, answer.databaseValue, byteCount,
            bounds.maxSessionBytes, bounds.retention.microseconds, self.context.limits.replicaLease.microseconds,
            as: { try $0.single(SessionStreamRecord.State.self) })
        guard let ended else { throw Self.lost }
        return ended == state && state != .dropped
    }

    /// The stream, unless there is none or its time is up.
    package func find(
        _ stream: SessionStreamID, of session: SessionRecordID, in organization: OrganizationID
    ) async throws -> SessionStreamRecord? {
        try await self.context.connection(organization).first(
            """
            SELECT id, request_id, execution_id, owner_replica, owner_epoch, state, sequence, answer, record_version
            FROM session_streams
            WHERE organization_id = $1 AND session_id = $2 AND id = $3 AND expires_at > {now}
            """, organization, session, stream
        ) { row in
            var row = row.reader()
            return SessionStreamRecord(
                id: try row.next(), request: try row.next(), execution: try row.next(),
                owner: ReplicaLease(replica: try row.next(), epoch: try row.next()),
                state: try row.next(), sequence: try row.next(), answer: try row.next(), version: try row.next())
        }
    }

    /// Removes rows whose time is up, up to ``StoreLimits/sweepBatch``; returns how many. Crosses organizations and returns nothing of
    /// theirs.
    package func purge() async throws -> Int {
        let stale: [OrganizationID] = try await self.context.ask(.staleStreams, self.context.limits.sweepBatch).map { row in
            var row = row.reader()
            return try row.next()
        }
        var count = 0
        for (organization, staleCount) in stale.reduce(into: [OrganizationID: Int](), { $0[$1, default: 0] += 1 }) {
            count += try await self.context.connection(organization).execute(
                """
                DELETE FROM session_streams WHERE organization_id = $1 AND id IN (
                    SELECT id FROM session_streams WHERE organization_id = $1 AND expires_at < {now} ORDER BY expires_at LIMIT $2)
                """, organization, staleCount)
        }
        return count
    }

    private static let lost = StoreError(
        code: .ownerLost, message: "the session was closed or has another owner, the caller's lease lapsed, or the stream has ended")
}
