import Database
package import Model

/// What makes a process the owner of a session or an execution: its id and the fencing epoch under which it registered.
///
/// Every write of an owner carries it and fails with `ownerLost` once the process registered again or its heartbeat lapsed.
package struct ReplicaLease: Sendable, Hashable {
    package let replica: ReplicaID
    package let epoch: Int64

    package init(replica: ReplicaID, epoch: Int64) {
        self.replica = replica
        self.epoch = epoch
    }
}

/// One registered process of either service.
package struct Replica: Sendable, Hashable {
    /// Which service it is.
    package enum Kind: String, Sendable, Hashable, CaseIterable, DatabaseConvertible {
        case apiGateway = "api-gateway"
        case sessionService = "session-service"
    }

    package let id: ReplicaID
    package let kind: Kind
    /// `host:port` of its internal channel; empty for one that offers none.
    package let address: String
    /// The program's version.
    package let version: String
    package let epoch: Int64
    /// A measure of how much it has to do, comparable within a kind; placement prefers the least.
    package let load: Int64
    /// Whether it takes no new work.
    package let isDraining: Bool
    package let startedAt: Timestamp
    package let heartbeatAt: Timestamp

    package init(
        id: ReplicaID, kind: Kind, address: String, version: String, epoch: Int64, load: Int64, isDraining: Bool, startedAt: Timestamp,
        heartbeatAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.address = address
        self.version = version
        self.epoch = epoch
        self.load = load
        self.isDraining = isDraining
        self.startedAt = startedAt
        self.heartbeatAt = heartbeatAt
    }

    /// What its writes carry.
    package var lease: ReplicaLease { ReplicaLease(replica: self.id, epoch: self.epoch) }
}

extension Replica {
    static let columns: Statement = "id, kind, address, version, epoch, load, draining, started_at, heartbeat_at"

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.init(
            id: try row.next(), kind: try row.next(), address: try row.next(), version: try row.next(), epoch: try row.next(),
            load: try row.next(), isDraining: try row.next(), startedAt: try row.next(), heartbeatAt: try row.next())
    }
}
