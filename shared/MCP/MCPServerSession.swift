/// The server's side of one MCP session, as a value: what a message leads to, and which calls are in flight.
///
/// No I/O and no waiting; the session's actor performs the actions. The session exists only after `initialize` was answered, so a second
/// `initialize` is always wrong here. Requests that come before `notifications/initialized` are served: several clients never send it,
/// and nothing of a session depends on it that the row does not hold.
///
/// Ids may collide, because clients that share a session over several connections each count from one. Calls are therefore known by
/// numbers of our own and all run to their end; a cancellation that names an id held by more than one call in flight is ignored, since it
/// would as likely end somebody else's call.
package struct MCPServerSession: Sendable {
    /// One call in flight.
    package struct CallNumber: Sendable, Hashable {
        let value: UInt64
    }

    /// What is to be done about a message.
    package enum Action: Sendable {
        /// Answer with these bytes.
        case answer([UInt8])
        /// Accept without an answer.
        case acknowledge
        /// Answer with the list of tools.
        case listTools(JSONRPCID)
        /// Run a call and report its end with ``MCPServerSession/finish(_:)``.
        case start(CallNumber, JSONRPCID, MCPToolCall)
        /// Stop a call, which still ends in ``MCPServerSession/finish(_:)``; accept the message without an answer.
        case stop(CallNumber)
        /// Answer with a refusal.
        case refuse(MCPError)
    }

    private struct Call {
        let id: JSONRPCID
        var isStopped = false
    }

    /// What was negotiated.
    package let revision: MCPRevision
    /// Whether the session answers no more.
    package private(set) var isClosed = false
    private let maxCallsInFlight: Int
    private var calls: [CallNumber: Call] = [:]
    private var nextNumber: UInt64 = 0

    package init(revision: MCPRevision, maxCallsInFlight: Int = MCPLimits().maxCallsInFlight) {
        self.revision = revision
        self.maxCallsInFlight = maxCallsInFlight
    }

    /// How many calls are in flight, stopped ones included until they have ended.
    package var callCount: Int { self.calls.count }

    /// Takes a message.
    package mutating func receive(_ message: MCPClientMessage) -> Action {
        guard !self.isClosed else { return .refuse(.unknownSession(message.requestID)) }
        switch message {
        case .initialize(let id, _):
            return .refuse(
                MCPError(.invalidRequest, "The session is open already; initialize opens a new one without Mcp-Session-Id.", id: id))
        case .ping(let id):
            return .answer(MCPAnswer.empty(id))
        case .listTools(let id, let cursor):
            guard cursor?.isEmpty ?? true else {
                return .refuse(MCPError(.invalidParams, "The cursor is not one that this server gave out.", id: id))
            }
            return .listTools(id)
        case .callTool(let id, let call):
            return self.start(id, call)
        case .otherRequest(let id, let method):
            return .refuse(MCPError(.methodNotFound, "The method \(method.prefix(64)) is not offered.", id: id))
        case .cancelled(let id):
            return self.stop(id)
        case .initialized, .otherNotification, .response:
            return .acknowledge
        }
    }

    /// Notes that a call has ended; tells whether its answer is still to be sent, which it is not after the client cancelled it.
    package mutating func finish(_ number: CallNumber) -> Bool {
        guard let call = self.calls.removeValue(forKey: number) else { return false }
        return !call.isStopped
    }

    /// Ends the session; returns the calls in flight, which are to be ended.
    package mutating func close() -> [CallNumber] {
        self.isClosed = true
        return self.calls.keys.sorted { $0.value < $1.value }
    }

    private mutating func start(_ id: JSONRPCID, _ call: MCPToolCall) -> Action {
        guard self.calls.count < self.maxCallsInFlight else {
            return .refuse(
                MCPError(
                    .tooManyCalls, "The session has \(self.maxCallsInFlight) calls in flight, which is the limit; wait for one to end.",
                    id: id,
                    retryAfter: .seconds(1)))
        }
        let number = CallNumber(value: self.nextNumber)
        self.nextNumber += 1
        self.calls[number] = Call(id: id)
        return .start(number, id, call)
    }

    private mutating func stop(_ id: JSONRPCID?) -> Action {
        let named = self.calls.filter { $0.value.id == id }
        guard named.count == 1, let number = named.first?.key, self.calls[number]?.isStopped == false else { return .acknowledge }
        self.calls[number]?.isStopped = true
        return .stop(number)
    }
}

extension MCPClientMessage {
    /// The id of a request.
    package var requestID: JSONRPCID? {
        switch self {
        case .initialize(let id, _), .ping(let id), .listTools(let id, _), .callTool(let id, _), .otherRequest(let id, _): id
        case .initialized, .cancelled, .otherNotification, .response: nil
        }
    }
}
