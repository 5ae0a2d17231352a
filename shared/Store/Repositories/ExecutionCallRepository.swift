import Database
package import Model

/// The tool calls of executions that may write: a row says so before the call is sent, so that nobody repeats what may have been done when
/// the process that sent it dies. Neither arguments nor results are kept.
package struct ExecutionCallRepository: Sendable {
    let context: StoreContext

    /// Writes that a call is about to be sent. Throws `ownerLost` when the execution ended, or is not the lease's, or the lease lapsed:
    /// then the call must not be sent.
    ///
    /// The execution's row is kept as it is until the call's is committed, so that whoever ends the execution sees the call.
    package func start(
        _ call: ExecutionCallDraft, of execution: ExecutionID, in organization: OrganizationID, by lease: ReplicaLease
    ) async throws {
        let address = call.address.description
        try self.context.check(address, "the tool's address", maxBytes: self.context.limits.maxTextBytes)
        let inserted = try await self.context.refusing {
            try await self.context.connection(organization).execute(
                """
                INSERT INTO execution_calls (organization_id, execution_id, sequence, address, effect, started_at)
                SELECT e.organization_id, e.id, $3, $4, $5, {now} FROM executions e
                WHERE e.organization_id = $1 AND e.id = $2 AND e.owner_replica = $6 AND e.owner_epoch = $7 AND e.ended_at IS NULL
                    AND EXISTS (SELECT 1 FROM replicas r WHERE r.id = $6 AND r.epoch = $7 AND r.heartbeat_at > {now} - $8)
                {share}
                """, organization, execution, Int64(call.sequence), address, call.effect, lease.replica, lease.epoch,
                self.context.limits.replicaLease.microseconds)
        }
        guard inserted == 1 else {
            throw StoreError(code: .ownerLost, message: "the execution ended or belongs to another process")
        }
    }

    /// Writes how calls ended, for those of which nobody has said so.
    package func end(_ ends: [ExecutionCallEnd], of execution: ExecutionID, in organization: OrganizationID) async throws {
        guard !ends.isEmpty else { return }
        try await self.context.database.transaction(in: .organization(organization)) { connection in
            try await Self.write(ends, of: execution, in: organization, on: connection)
        }
    }

    /// What is stored of an execution's calls.
    package func list(of execution: ExecutionID, in organization: OrganizationID) async throws -> ExecutionCalls {
        try await Self.list(of: execution, in: organization, on: self.context.connection(organization), limits: self.context.limits)
    }
}

extension ExecutionCallRepository {
    /// How many calls one statement changes.
    private static let maxPerStatement = 64

    /// Writes how calls ended, within a transaction.
    static func write(
        _ ends: [ExecutionCallEnd], of execution: ExecutionID, in organization: OrganizationID, on connection: any DatabaseConnection
    ) async throws {
        // Most often there is one, and its statement is kept prepared.
        if let end = ends.first, ends.count == 1 {
            try await connection.execute(
                """
                UPDATE execution_calls SET outcome = $3, ended_at = {now}
                WHERE organization_id = $1 AND execution_id = $2 AND outcome IS NULL AND sequence = $4
                """, organization, execution, end.outcome, Int64(end.sequence))
            return
        }
        for outcome in CallOutcome.allCases {
            let sequences = ends.filter { $0.outcome == outcome }.map { Int64($0.sequence).databaseValue }
            for start in stride(from: 0, to: sequences.count, by: Self.maxPerStatement) {
                let some = sequences[start..<min(start + Self.maxPerStatement, sequences.count)]
                let places = some.indices.map { "$\($0 - start + 4)" }.joined(separator: ", ")
                let statement = Statement(
                    generated: """
                        UPDATE execution_calls SET outcome = $3, ended_at = {now}
                        WHERE organization_id = $1 AND execution_id = $2 AND outcome IS NULL AND sequence IN (\(places))
                        """)
                try await connection.execute(
                    statement, values: [organization.databaseValue, execution.databaseValue, outcome.databaseValue] + some)
            }
        }
    }

    /// Marks the calls of an execution whose owner died, and gives them, within a transaction.
    static func giveUp(
        _ execution: ExecutionID, in organization: OrganizationID, on connection: any DatabaseConnection, limits: StoreLimits
    ) async throws -> ExecutionCalls {
        try await connection.execute(
            """
            UPDATE execution_calls SET outcome = 'outcome_unknown', ended_at = {now}
            WHERE organization_id = $1 AND execution_id = $2 AND outcome IS NULL
            """, organization, execution)
        return try await self.list(of: execution, in: organization, on: connection, limits: limits)
    }

    private static func list(
        of execution: ExecutionID, in organization: OrganizationID, on connection: any DatabaseConnection, limits: StoreLimits
    ) async throws -> ExecutionCalls {
        let counts = try await connection.first(
            """
            SELECT count(*), count(CASE WHEN outcome = 'not_sent' THEN NULL ELSE 1 END) FROM execution_calls
            WHERE organization_id = $1 AND execution_id = $2
            """, organization, execution
        ) { row -> (all: Int, effective: Int) in
            var row = row.reader()
            return (try row.next(), try row.next())
        }
        guard let counts, counts.all > 0 else { return .none }
        let listed = try await connection.all(
            """
            SELECT sequence, address, effect, outcome, started_at, ended_at FROM execution_calls
            WHERE organization_id = $1 AND execution_id = $2
            ORDER BY CASE WHEN outcome = 'done' OR outcome = 'not_sent' THEN 1 ELSE 0 END, sequence LIMIT $3
            """, organization, execution, limits.maxListedCalls, as: ExecutionCall.init)
        return ExecutionCalls(
            listed: listed.sorted { $0.sequence < $1.sequence }, count: counts.all, effectiveCount: counts.effective)
    }
}

extension ExecutionCall {
    fileprivate init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            sequence: UInt32(truncatingIfNeeded: try row.next(Int64.self)), address: try row.next(), effect: try row.next(),
            outcome: try row.next(), startedAt: try row.next(), endedAt: try row.next())
    }
}
