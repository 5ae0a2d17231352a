/// The header fields of the contract between gateway and session-service.
///
/// Everything that begins with ``prefix`` is said by one service to the other. The channel's key is what makes it believable, so the
/// gateway removes every such field from what comes from outside and from what goes there.
package enum SessionHeaders {
    /// What the names of all internal fields begin with.
    package static let prefix = "roost-"
    /// The ``ContractVersion`` in which the gateway asks.
    package static let contract = "roost-contract"
    /// On whose behalf the gateway calls: organization, account, role, the MCP URL's path, to which a session is bound beside its principal,
    /// and how the principal signed in: `api_key <id>`, `token <issuer> <subject>` (each base64url) or `execution <id>`.
    package static let caller = "roost-caller"
    /// On an answer: why the service refused a request without having looked at the message, see ``SessionRefusal``.
    package static let refusal = "roost-refusal"
    /// On a refusal: the lease under which another replica keeps the session, where that is known, as ``SessionOwner`` writes it.
    package static let owner = "roost-owner"
    /// On the answer to ``SessionEndpoint/status``: the lease that the replica holds, as ``SessionOwner`` writes it.
    package static let replica = "roost-replica"
    /// On that answer: a measure of how much the replica has to do, and `true` when it is about to stop.
    package static let load = "roost-load"
    package static let draining = "roost-draining"
    /// On a tool call: what its execution is to be called, so that the gateway can find out what became of it when no answer comes. A name is
    /// never run twice.
    package static let execution = "roost-execution"
    /// The session, as in MCP.
    package static let session = "mcp-session-id"
    /// The event after which a stream is to go on, as in MCP.
    package static let lastEvent = "last-event-id"
}

/// Why a session-service refused a request although another replica, or the same one later, may take it. Nothing was done. A reason that a
/// later version knows is as good as ``overloaded``.
package enum SessionRefusal: String, Sendable, Hashable, CaseIterable {
    /// It is about to stop.
    case draining
    /// Another replica owns the session, the one in ``SessionHeaders/owner`` where that field is there.
    case misdirected
    /// It has as many sessions or calls as it can hold.
    case overloaded
    /// It cannot reach what it needs, such as the database.
    case unavailable
}
