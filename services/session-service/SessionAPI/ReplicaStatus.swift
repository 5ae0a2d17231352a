package import Channel

/// What a replica says of itself when it is asked, without a look at the database.
package struct ReplicaStatus: Sendable, Hashable {
    /// The lease that it holds.
    package let owner: SessionOwner
    /// As the registry has it: comparable among replicas.
    package let load: Int64
    /// Whether it takes no new sessions.
    package let isDraining: Bool

    package init(owner: SessionOwner, load: Int64, isDraining: Bool) {
        self.owner = owner
        self.load = load
        self.isDraining = isDraining
    }

    /// Reads an answer; nil for that of a replica without a lease.
    init?(_ response: ChannelResponse) {
        guard response.status == 200, let owner = response.headers[SessionHeaders.replica].flatMap(SessionOwner.init) else { return nil }
        self.init(
            owner: owner, load: response.headers[SessionHeaders.load].flatMap { Int64($0) } ?? 0,
            isDraining: response.headers[SessionHeaders.draining] == "true")
    }

    /// The fields that carry it.
    package var headers: ChannelHeaders {
        [
            SessionHeaders.replica: self.owner.description, SessionHeaders.load: String(self.load),
            SessionHeaders.draining: String(self.isDraining),
        ]
    }
}
