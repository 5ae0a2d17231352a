import Database
package import JSON
package import Model

/// Runs of agent code. Each belongs to one process by a lease on its row, leaves `running` and `waiting` exactly once, and is ended by
/// a sweep when its process dies.
package struct ExecutionRepository: Sendable {
    /// What came of the end of an execution.
    package enum Finish: Sendable, Hashable {
        /// This call ended it.
        case recorded
        /// It had ended before, with this state and error code: by an earlier try of the same caller, whose answer was lost, or because a
        /// sweep was faster. What is stored stays.
        case alreadyEnded(ExecutionState, errorCode: String?)
    }

    /// The error code of an execution whose process died.
    package static let interruptedCode = "execution_interrupted"

    let context: StoreContext

    /// Their tool calls.
    package var calls: ExecutionCallRepository { ExecutionCallRepository(context: self.context) }

    /// Writes a running execution. Call it before the program runs; throws `ownerLost` when the owner's lease lapsed.
    package func start(_ draft: ExecutionDraft) async throws {
        try self.context.check(draft.codeHash, "the code's hash", maxBytes: self.context.limits.maxNameBytes)
        let values =
            [draft.principal.organization.databaseValue, draft.id.databaseValue, draft.principal.account.databaseValue]
            + draft.principal.method.columns
            + [
                draft.session.databaseValue, draft.client.databaseValue, draft.codeHash.databaseValue,
                Int64(bitPattern: draft.seed).databaseValue, draft.owner.replica.databaseValue, draft.owner.epoch.databaseValue,
                draft.startedAt.databaseValue, self.context.limits.replicaLease.microseconds.databaseValue,
                self.context.versions.execution.databaseValue,
            ]
        let inserted = try await self.context.refusing {
            try await self.context.connection(draft.principal.organization).execute(
                """
                INSERT INTO executions (
                    organization_id, id, account_id, auth_kind, auth_issuer, auth_subject, session_id, client, code_hash, seed,
                    owner_replica, owner_epoch, started_at, state, record_version)
                SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'running', $15
                WHERE EXISTS (SELECT 1 FROM replicas r WHERE r.id = $11 AND r.epoch = $12 AND r.heartbeat_at > {now} - $14)
                """, values: values)
        }
        guard inserted == 1 else { throw StoreError(code: .ownerLost, message: "the replica that runs the execution has no valid lease") }
    }

    /// The one end of an execution: writes its outcome if it still runs or waits and belongs to the caller.
    ///
    /// The ends of its calls go with it, and what is to be written exactly once for each execution goes into this transaction. Throws
    /// `ownerLost` when the execution goes on under another owner, or the caller's lease lapsed: a write that was held up on its way must
    /// not undo what was said of the execution meanwhile. Throws `notFound` when there is none, `invalidValue` for an outcome beyond
    /// ``StoreLimits/maxOutcomeBytes``.
    @discardableResult
    package func finish(
        _ execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease, with end: ExecutionEnd
    ) async throws -> Finish {
        precondition(end.state.isTerminal, "an execution ends in a terminal state")
        guard (end.outcome?.bytes.count ?? 0) <= self.context.limits.maxOutcomeBytes else {
            throw StoreError(code: .invalidValue, message: "the outcome is longer than \(self.context.limits.maxOutcomeBytes) bytes")
        }
        return try await self.context.database.transaction(in: .organization(organization)) { connection in
            let changed = try await connection.execute(
                """
                UPDATE executions SET state = $5, ended_at = {now}, outcome = $6, error_code = $7
                WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4 AND ended_at IS NULL
                    AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $8)
                """, organization, execution, lease.replica, lease.epoch, end.state, end.outcome, end.errorCode,
                self.context.limits.replicaLease.microseconds)
            if changed == 1 {
                try await ExecutionCallRepository.write(end.calls, of: execution, in: organization, on: connection)
                return .recorded
            }
            let stored = try await connection.first(
                "SELECT state, error_code FROM executions WHERE organization_id = $1 AND id = $2", organization, execution
            ) { row -> (state: ExecutionState, errorCode: String?) in
                var row = row.reader()
                return (try row.next(), try row.next())
            }
            guard let stored else { throw StoreError(code: .notFound, message: "there is no such execution") }
            guard stored.state.isTerminal else {
                throw StoreError(code: .ownerLost, message: "the execution belongs to another process, or the caller's lease lapsed")
            }
            return .alreadyEnded(stored.state, errorCode: stored.errorCode)
        }
    }

    /// Moves an execution between `running` and `waiting`; throws `ownerLost` when it ended or is another process's, or the caller's lease
    /// lapsed.
    package func setWaiting(
        _ isWaiting: Bool, _ execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws {
        let changed = try await self.context.connection(organization).execute(
            """
            UPDATE executions SET state = $5
            WHERE organization_id = $1 AND id = $2 AND owner_replica = $3 AND owner_epoch = $4 AND ended_at IS NULL
                AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $3 AND r.epoch = $4 AND r.heartbeat_at > {now} - $6)
            """, organization, execution, lease.replica, lease.epoch, isWaiting ? ExecutionState.waiting : .running,
            self.context.limits.replicaLease.microseconds)
        guard changed == 1 else { throw StoreError(code: .ownerLost, message: "the execution ended or belongs to another process") }
    }

    /// Asks an execution's owner to stop it; its own process does, wherever that is. With `account`, only that account's.
    ///
    /// Returns the execution's state: a terminal one means that there was nothing left to stop. Throws `notFound`.
    @discardableResult
    package func requestCancel(
        _ execution: ExecutionID, in organization: OrganizationID, account: AccountID? = nil
    ) async throws -> ExecutionState {
        let isRequested = try await self.context.database.transaction(in: .organization(organization)) { connection in
            let owner: ReplicaID? = try await connection.first(
                """
                UPDATE executions SET cancel_requested_at = COALESCE(cancel_requested_at, {now})
                WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL AND (CAST($3 AS TEXT) IS NULL OR account_id = $3)
                RETURNING owner_replica
                """, organization, execution, account, as: { try $0.single() })
            guard let owner else { return false }
            try await self.context.database.announce(owner.rawValue, on: .cancellations, over: connection)
            return true
        }
        let connection = self.context.connection(organization)
        let state: ExecutionState? = try await connection.first(
            "SELECT state FROM executions WHERE organization_id = $1 AND id = $2 AND (CAST($3 AS TEXT) IS NULL OR account_id = $3)",
            organization, execution, account, as: { try $0.single() })
        guard let state else { throw StoreError(code: .notFound, message: "there is no such execution") }
        return isRequested && state.isTerminal ? .running : state
    }

    /// Which of a process's executions somebody wants stopped: what every owner polls. Crosses organizations, ids only.
    package func cancelRequests(of lease: ReplicaLease) async throws -> [ExecutionReference] {
        try await self.context.ask(.cancelRequests, lease.replica, lease.epoch, self.context.limits.maxPageSize)
            .map(ExecutionReference.init)
    }

    /// The processes that run executions which somebody wants stopped, as they are asked for; nil where owners must poll. Crosses
    /// organizations, ids of processes only.
    package func cancellations() -> StoreChanges<ReplicaID>? { StoreChanges(.cancellations, of: self.context.database) }

    /// What is stored of an execution whose process died, made from what is known of its calls; nil for nothing.
    package typealias InterruptedOutcome = @Sendable (ExecutionID, ExecutionCalls) -> JSONText?

    /// Ends what dead owners left, as ``interrupt(_:in:outcome:)`` does; returns what it ended, up to ``StoreLimits/sweepBatch``. Any
    /// process may call it, and several at once: each execution is ended by one of them.
    package func sweep(outcome: InterruptedOutcome) async throws -> [ExecutionReference] {
        var ended: [ExecutionReference] = []
        for orphan in try await self.orphans()
        where try await self.interrupt(orphan.execution, in: orphan.organization, waits: false, outcome: outcome) {
            ended.append(orphan)
        }
        return ended
    }

    /// Ends an execution as `failed` with ``interruptedCode`` if it goes on although its owner's lease lapsed; false when there was nothing
    /// to end. Afterwards its owner, should it live, can send nothing more that may write.
    ///
    /// The lease is looked at again in the statement that writes. Calls without an end become `outcome_unknown`, and stay so.
    ///
    /// - Parameter waits: Whether to wait for somebody who holds the execution's row: an owner that was cut off while it wrote a call's start
    ///   keeps it until the server finds that out. False leaves it to the next try.
    package func interrupt(
        _ execution: ExecutionID, in organization: OrganizationID, waits: Bool = true, outcome: InterruptedOutcome
    ) async throws -> Bool {
        try await self.context.database.transaction(in: .organization(organization)) { connection in
            if !waits {
                let isFree = try await connection.first(
                    "SELECT 1 FROM executions WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL {take}", organization, execution,
                    as: { _ in true })
                guard isFree == true else { return false }
            }
            let changed = try await connection.execute(
                """
                UPDATE executions SET state = 'failed', ended_at = {now}, error_code = $3
                WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL AND NOT EXISTS (
                    SELECT 1 FROM replicas r
                    WHERE r.id = executions.owner_replica AND r.epoch = executions.owner_epoch AND r.heartbeat_at > {now} - $4)
                """, organization, execution, Self.interruptedCode, self.context.limits.replicaLease.microseconds)
            guard changed == 1 else { return false }
            // The row above is ours now: whoever was writing a call's start has finished, and whoever comes finds the execution ended.
            let calls = try await ExecutionCallRepository.giveUp(
                execution, in: organization, on: connection, limits: self.context.limits)
            guard let outcome = outcome(execution, calls), outcome.bytes.count <= self.context.limits.maxOutcomeBytes else { return true }
            try await connection.execute(
                "UPDATE executions SET outcome = $3 WHERE organization_id = $1 AND id = $2", organization, execution, outcome)
            return true
        }
    }

    /// One execution of the organization with its outcome; with `account`, only that account's. Nil when there is none.
    package func find(_ execution: ExecutionID, in organization: OrganizationID, account: AccountID? = nil) async throws -> ExecutionRecord?
    {
        try await self.context.connection(organization).first(
            """
            SELECT \(ExecutionRecord.columns), outcome FROM executions
            WHERE organization_id = $1 AND id = $2 AND (CAST($3 AS TEXT) IS NULL OR account_id = $3)
            """, organization, execution, account
        ) { try ExecutionRecord($0, hasOutcome: true) }
    }

    /// Whether an execution goes on, and whether its owner lives; nil when there is none. One small statement, for those who wait.
    package func pulse(of execution: ExecutionID, in organization: OrganizationID) async throws -> ExecutionPulse? {
        let lease = self.context.limits.replicaLease
        return try await self.context.connection(organization).first(
            """
            SELECT CASE WHEN e.ended_at IS NULL THEN 0 ELSE 1 END,
                CASE WHEN EXISTS (
                    SELECT 1 FROM execution_calls c WHERE c.organization_id = e.organization_id AND c.execution_id = e.id
                    AND (c.outcome IS NULL OR c.outcome <> 'not_sent')) THEN 1 ELSE 0 END,
                {now}, r.heartbeat_at
            FROM executions e
            LEFT JOIN replicas r ON r.id = e.owner_replica AND r.epoch = e.owner_epoch AND r.heartbeat_at > {now} - $3
            WHERE e.organization_id = $1 AND e.id = $2
            """, organization, execution, lease.microseconds
        ) { row in
            var row = row.reader()
            return ExecutionPulse(
                hasEnded: try row.next(), hasEffects: try row.next(), readAt: try row.next(), heartbeatAt: try row.next(), lease: lease)
        }
    }

    /// The organization's executions, newest first, without outcomes; of one account when given.
    package func list(
        in organization: OrganizationID, account: AccountID? = nil, _ page: PageRequest = .first
    ) async throws -> Page<ExecutionRecord> {
        let keyset = try Keyset(page, list: "executions", limits: self.context.limits)
        let connection = self.context.connection(organization)
        let rows: [DatabaseRow]
        if let account {
            rows = try await connection.query(
                """
                SELECT \(ExecutionRecord.columns) FROM executions
                WHERE organization_id = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4
                """, organization, account, keyset.descending, keyset.fetchCount)
        } else {
            rows = try await connection.query(
                "SELECT \(ExecutionRecord.columns) FROM executions WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                organization, keyset.descending, keyset.fetchCount)
        }
        return keyset.page(try rows.map { try ExecutionRecord($0, hasOutcome: false) }) { [$0.id.rawValue] }
    }

    /// Executions whose owner's lease lapsed. Crosses organizations, ids only.
    private func orphans() async throws -> [ExecutionReference] {
        try await self.context.ask(
            .orphanedExecutions, self.context.limits.replicaLease.microseconds, self.context.limits.sweepBatch
        ).map(ExecutionReference.init)
    }
}

extension ExecutionRecord {
    static let columns: Statement = """
        id, account_id, auth_kind, auth_issuer, auth_subject, session_id, client, state, code_hash, seed, owner_replica, owner_epoch,
        started_at, ended_at, cancel_requested_at, error_code, record_version
        """

    init(_ row: DatabaseRow, hasOutcome: Bool) throws {
        var row = row.reader()
        self.id = try row.next()
        self.account = try row.next()
        self.method = try Principal.Method(&row)
        self.session = try row.next()
        self.client = try row.next()
        self.state = try row.next()
        self.codeHash = try row.next()
        self.seed = UInt64(bitPattern: try row.next())
        self.owner = ReplicaLease(replica: try row.next(), epoch: try row.next())
        self.startedAt = try row.next()
        self.endedAt = try row.next()
        self.cancelRequestedAt = try row.next()
        self.errorCode = try row.next()
        self.version = try row.next()
        self.outcome = hasOutcome ? try row.next() : nil
    }
}
