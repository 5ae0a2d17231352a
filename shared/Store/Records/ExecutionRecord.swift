import Database
package import JSON
package import Model

/// An execution as it starts; its row exists before its program runs.
package struct ExecutionDraft: Sendable {
    package var id: ExecutionID
    package var principal: Principal
    /// The MCP session it came through; nil over REST.
    package var session: SessionRecordID?
    package var client: ExecutionRecord.Client
    /// SHA-256 of the program, in hexadecimal.
    package var codeHash: String
    /// What the sandbox draws its randomness from.
    package var seed: UInt64
    /// What the sandbox takes as the time of its start.
    package var startedAt: Timestamp
    package var owner: ReplicaLease

    package init(
        id: ExecutionID = ExecutionID(), principal: Principal, session: SessionRecordID?, client: ExecutionRecord.Client, codeHash: String,
        seed: UInt64, startedAt: Timestamp, owner: ReplicaLease
    ) {
        self.id = id
        self.principal = principal
        self.session = session
        self.client = client
        self.codeHash = codeHash
        self.seed = seed
        self.startedAt = startedAt
        self.owner = owner
    }
}

/// One run of agent code.
package struct ExecutionRecord: Sendable, Hashable {
    /// How the program came in.
    package enum Client: String, Sendable, Hashable, CaseIterable, DatabaseConvertible {
        case mcp
        case rest
    }

    package let id: ExecutionID
    package let account: AccountID
    package let method: Principal.Method
    package let session: SessionRecordID?
    package let client: Client
    package let state: ExecutionState
    package let codeHash: String
    package let seed: UInt64
    /// The lease under which it was started.
    package let owner: ReplicaLease
    package let startedAt: Timestamp
    package let endedAt: Timestamp?
    /// When somebody asked for it to be stopped; its owner acts on it.
    package let cancelRequestedAt: Timestamp?
    /// Result, logs and error as the engine shaped them; nil in lists and before the end.
    package let outcome: JSONText?
    /// Why it failed, for lists and counts.
    package let errorCode: String?
    /// The form in which it was written, see ``RecordVersions``.
    package let version: Int64
}

/// An execution and the organization it belongs to, all that a sweep across organizations may know.
package struct ExecutionReference: Sendable, Hashable {
    package let organization: OrganizationID
    package let execution: ExecutionID

    init(_ row: DatabaseRow) throws {
        var row = row.reader()
        self.organization = try row.next()
        self.execution = try row.next()
    }
}

/// How an execution ended.
package struct ExecutionEnd: Sendable {
    /// One of the terminal states.
    package var state: ExecutionState
    package var outcome: JSONText?
    package var errorCode: String?
    /// The ends of its calls that are not written yet.
    package var calls: [ExecutionCallEnd]

    package init(state: ExecutionState, outcome: JSONText?, errorCode: String? = nil, calls: [ExecutionCallEnd] = []) {
        self.state = state
        self.outcome = outcome
        self.errorCode = errorCode
        self.calls = calls
    }
}
