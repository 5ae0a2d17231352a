import MCP
import Model
import Store
import Synchronization

/// One MCP session in memory: what its client may do next, and its calls in flight.
///
/// It keeps little, so that tens of thousands fit: the row has what the client said about itself, and the stack is made when it is needed and
/// let go of when the session rests. Whoever uses a session pins it in the ``SessionDirectory`` for that time.
actor Session {
    /// What is to be done about a message.
    enum Step: Sendable {
        case answer([UInt8])
        case acknowledge
        case listTools(JSONRPCID)
        case start(SessionCall)
        case refuse(MCPError)
    }

    nonisolated let record: SessionRecordID
    nonisolated let hash: SecretHash
    /// Who opened it; it answers to nobody else.
    nonisolated let owner: Principal.Owner
    nonisolated let resource: String
    nonisolated let revision: MCPRevision
    /// The lease under which this process owns it.
    nonisolated let lease: ReplicaLease
    /// The tools that its client was listed last; nil while it has listed none here.
    nonisolated let listedTools = Mutex<ToolListMark?>(nil)
    /// Whether its client may have missed a change of the tools, because the session was not in this process all the time.
    nonisolated let mayHaveMissedChanges: Mutex<Bool>
    private var machine: MCPServerSession
    private var calls: [MCPServerSession.CallNumber: SessionCall] = [:]
    private var stack: (principal: Principal, stack: any SessionStack)?

    init(
        record: SessionRecord, hash: SecretHash, revision: MCPRevision, lease: ReplicaLease, limits: MCPLimits, isRestored: Bool = false
    ) {
        self.record = record.id
        self.hash = hash
        self.owner = record.principal.owner
        self.resource = record.resource
        self.revision = revision
        self.lease = lease
        self.mayHaveMissedChanges = Mutex(isRestored)
        self.machine = MCPServerSession(revision: revision, maxCallsInFlight: limits.maxCallsInFlight)
    }

    /// Takes a message. A call that is to be stopped is told so here, and one that is to be started what its execution is called:
    /// as the gateway says, or by a name of its own.
    func receive(_ message: MCPClientMessage, as execution: ExecutionID?) -> Step {
        switch self.machine.receive(message) {
        case .answer(let bytes): return .answer(bytes)
        case .acknowledge: return .acknowledge
        case .listTools(let id): return .listTools(id)
        case .refuse(let error): return .refuse(error)
        case .stop(let number):
            self.calls[number]?.stop(.cancelled)
            return .acknowledge
        case .start(let number, let id, let request):
            let call = SessionCall(number: number, id: id, request: request, execution: execution ?? ExecutionID())
            self.calls[number] = call
            return .start(call)
        }
    }

    /// The call in flight whose stream has this id.
    func call(of stream: SessionStreamID) -> SessionCall? { self.calls.values.first { $0.stream == stream } }

    /// Ends a call that came to `ending`; its client hears of it unless it cancelled.
    func finish(_ call: SessionCall, _ ending: SessionCall.Ending) {
        self.calls[call.number] = nil
        call.end(self.machine.finish(call.number) ? ending : .nothing)
    }

    /// Ends the session and stops what runs in it.
    func close() {
        for number in self.machine.close() { self.calls[number]?.stop(.sessionClosed) }
        self.stack = nil
    }

    /// The stack for a request's principal, made when there is none or when another key is used than before.
    func stack(for principal: Principal, from stacks: any SessionStackMaking) async throws -> any SessionStack {
        if let stack = self.stack, stack.principal == principal { return stack.stack }
        let stack = try await stacks.makeStack(for: SessionScope(principal: principal, session: self.record, resource: self.resource))
        if !self.machine.isClosed { self.stack = (principal, stack) }
        return stack
    }

    /// Takes a stack that was made before the session was.
    func keep(_ stack: any SessionStack, for principal: Principal) { self.stack = (principal, stack) }
}
