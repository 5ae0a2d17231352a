import Database
package import Model

/// Running processes of both services. Holds no organization's data.
///
/// A replica owns sessions and executions as long as its heartbeat is younger than ``StoreLimits/replicaLease`` by the database's
/// clock. One that missed it cannot revive its lease: others may have taken over already. It registers again, gets a higher epoch,
/// and everything it owned under the old one is no longer its own.
package struct ReplicaRepository: Sendable {
    let context: StoreContext

    /// Registers a process, or registers it again with a higher epoch; returns its row.
    package func register(
        _ replica: ReplicaID, kind: Replica.Kind, address: String, version: String
    ) async throws -> Replica {
        try self.context.check(address, "the address", maxBytes: self.context.limits.maxNameBytes)
        try self.context.check(version, "the version", maxBytes: self.context.limits.maxNameBytes)
        let row = try await self.context.database.transaction(in: .installation) { connection in
            let row = try await connection.first(
                """
                INSERT INTO replicas (id, kind, address, version, epoch, load, draining, started_at, heartbeat_at)
                VALUES ($1, $2, $3, $4, 1, 0, 0, {now}, {now})
                ON CONFLICT (id) DO UPDATE SET
                    kind = excluded.kind, address = excluded.address, version = excluded.version, epoch = replicas.epoch + 1, load = 0,
                    draining = 0, heartbeat_at = excluded.heartbeat_at
                RETURNING \(Replica.columns)
                """, replica, kind, address, version, as: Replica.init)
            try await self.context.database.announce(replica.rawValue, on: .replicas, over: connection)
            return row
        }
        guard let row else { throw StoreError(code: .corrupted, message: "an inserted row was not returned") }
        return row
    }

    /// Keeps a replica's lease and says how much it has to do; throws `ownerLost` when the lease lapsed before.
    ///
    /// The caller counts its own lease from before this was sent.
    package func heartbeat(_ lease: ReplicaLease, load: Int64, isDraining: Bool) async throws {
        let changed = try await self.context.installation.execute(
            """
            UPDATE replicas SET heartbeat_at = {now}, load = $3, draining = $4
            WHERE id = $1 AND epoch = $2 AND heartbeat_at > {now} - $5
            """, lease.replica, lease.epoch, load, isDraining, self.context.limits.replicaLease.microseconds)
        guard changed == 1 else {
            throw StoreError(code: .ownerLost, message: "the replica's lease lapsed; stop what it owns and register again")
        }
    }

    /// Ends a replica's registration; what it still owns may be taken over or swept at once.
    package func deregister(_ lease: ReplicaLease) async throws {
        try await self.context.database.transaction(in: .installation) { connection in
            try await connection.execute("DELETE FROM replicas WHERE id = $1 AND epoch = $2", lease.replica, lease.epoch)
            try await self.context.database.announce(lease.replica.rawValue, on: .replicas, over: connection)
        }
    }

    /// Ends the registrations of all processes of a kind, for a caller that knows that none of them lives.
    package func deregisterAll(_ kind: Replica.Kind) async throws {
        try await self.context.installation.execute("DELETE FROM replicas WHERE kind = $1", kind)
    }

    /// The processes that come and go, as they do; nil where one must ask. Heartbeats, which tell load and draining, are not told.
    package func changes() -> StoreChanges<ReplicaID>? { StoreChanges(.replicas, of: self.context.database) }

    /// The replicas of a kind whose lease holds, draining ones too, by id.
    package func live(_ kind: Replica.Kind) async throws -> [Replica] {
        try await self.context.installation.all(
            "SELECT \(Replica.columns) FROM replicas WHERE kind = $1 AND heartbeat_at > {now} - $2 ORDER BY id LIMIT $3",
            kind, self.context.limits.replicaLease.microseconds, self.context.limits.maxReplicas, as: Replica.init)
    }

    /// Forgets replicas whose last heartbeat is older than `age`; returns how many. Their ids are never used again.
    package func purge(olderThan age: Duration) async throws -> Int {
        try await self.context.installation.execute("DELETE FROM replicas WHERE heartbeat_at < {now} - $1", age.microseconds)
    }
}
