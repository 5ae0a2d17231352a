import Database
package import JSON
package import Model

/// What opens a session; written before the client hears its id.
package struct SessionDraft: Sendable {
    /// Hash of the session id that the client will present.
    package var hash: SecretHash
    /// The public name for lists.
    package var id: SessionRecordID
    package var principal: Principal
    /// The resource (MCP URL) that it was opened on; it answers on no other.
    package var resource: String
    /// The negotiated MCP revision.
    package var protocolVersion: String
    /// `clientInfo` as the client sent it.
    package var clientInfo: JSONText?
    /// `capabilities` as the client sent them, needed to go on with the session elsewhere.
    package var clientCapabilities: JSONText
    /// The process that opens it and owns it from the start.
    package var owner: ReplicaLease

    package init(
        hash: SecretHash, id: SessionRecordID = SessionRecordID(), principal: Principal, resource: String, protocolVersion: String,
        clientInfo: JSONText?, clientCapabilities: JSONText, owner: ReplicaLease
    ) {
        self.hash = hash
        self.id = id
        self.principal = principal
        self.resource = resource
        self.protocolVersion = protocolVersion
        self.clientInfo = clientInfo
        self.clientCapabilities = clientCapabilities
        self.owner = owner
    }
}

/// One MCP session as it is stored: everything that another process needs to go on with it.
package struct SessionRecord: Sendable, Hashable {
    /// Whether the session still answers.
    package enum State: String, Sendable, Hashable, CaseIterable, DatabaseConvertible {
        case open
        /// Ended by the client or an admin, for good.
        case closed
    }

    package let id: SessionRecordID
    /// Who opened it, with the role and method at that time.
    package let principal: Principal
    package let resource: String
    package let protocolVersion: String
    package let clientInfo: JSONText?
    package let clientCapabilities: JSONText
    package let state: State
    /// The process that runs it or ran it last; nil after it was released.
    package let owner: ReplicaLease?
    package let createdAt: Timestamp
    /// Exact to ``StoreLimits/touchInterval``.
    package let lastActivityAt: Timestamp
    /// The form in which it was written, see ``RecordVersions``.
    package let version: Int64
}

/// Where requests of a session go.
package struct SessionRoute: Sendable, Hashable {
    package let id: SessionRecordID
    package let account: AccountID
    package let resource: String
    /// The owner, when its heartbeat is fresh; otherwise another replica may adopt the session.
    package let owner: ReplicaLease?
    /// The live owner's internal address.
    package let address: String?
}

/// A session that was closed while a replica owned it.
package struct ClosedSession: Sendable, Hashable {
    package let organization: OrganizationID
    package let session: SessionRecordID
}
