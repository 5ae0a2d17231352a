import Channel
import Database
import Logging
import MCP
import Model
import SessionAPI
import Store
import Synchronization

/// Answers the gateway: the server's side of ``SessionEndpoint``.
///
/// It runs on event loops. What may compute for long, and would hold up every other message of the loop, leaves it: calls, the catalog,
/// large messages.
final class SessionHandler: ChannelHandler {
    let keeper: SessionKeeper
    let runner: SessionCallRunner
    let notices: NoticeWatch
    let server: MCPServerInfo
    let draining: DrainFlag
    /// What is spoken with gateways.
    let version: ContractVersion
    /// How much this process has to do, as the registry tells it.
    let load: @Sendable () -> Int64
    let limits: SessionLimits
    let logger: Logger
    private let callers = SessionCallers()

    init(
        keeper: SessionKeeper, runner: SessionCallRunner, notices: NoticeWatch, server: MCPServerInfo, draining: DrainFlag,
        version: ContractVersion, load: @escaping @Sendable () -> Int64, limits: SessionLimits, logger: Logger
    ) {
        self.keeper = keeper
        self.runner = runner
        self.notices = notices
        self.server = server
        self.draining = draining
        self.version = version
        self.load = load
        self.limits = limits
        self.logger = logger
    }

    func respond(to request: ChannelRequest) async throws -> ChannelResponse {
        guard let endpoint = SessionEndpoint(method: request.method, path: request.path), endpoint != .status || self.version.hasStatus
        else {
            return ChannelResponse(status: 404)
        }
        if endpoint == .status { return self.status() }
        guard let caller = self.callers.caller(request.headers) else {
            self.logger.error("a request on the channel does not keep to the contract", metadata: ["path": "\(request.path)"])
            return ChannelResponse(status: 400)
        }
        let version = min(SessionCallers.version(request.headers) ?? self.version, self.version)
        var response = try await self.respond(to: request, at: endpoint, for: caller, in: version)
        if !version.hasOwners { response.headers[SessionHeaders.owner] = nil }
        return response
    }

    private func respond(
        to request: ChannelRequest, at endpoint: SessionEndpoint, for caller: SessionCaller, in version: ContractVersion
    ) async throws -> ChannelResponse {
        let token = request.headers[SessionHeaders.session]
        switch endpoint {
        case .open:
            return try await self.answering(request) { envelope in try await self.open(envelope, stale: token, caller) }
        case .message:
            return try await self.answering(request) { envelope in
                try await self.message(
                    envelope, session: token, caller, remaining: request.remaining,
                    execution: version.hasExecutionNames ? Self.execution(of: request) : nil)
            }
        case .listen:
            return try await self.answering {
                try await self.listen(session: token, after: request.headers[SessionHeaders.lastEvent], caller)
            }
        case .close:
            return try await self.answering { try await self.close(session: token, caller) }
        case .closeRecord(let record):
            return try await self.answering {
                try await self.keeper.close(record, in: caller.principal.organization)
                return ChannelResponse(status: 204)
            }
        case .status: return self.status()
        }
    }

    // MARK: - Routes

    /// A replica without a lease is none that a gateway should take back.
    private func status() -> ChannelResponse {
        guard let lease = self.keeper.registration.currentLease else { return ChannelResponse(status: 503) }
        let status = ReplicaStatus(
            owner: SessionOwner(replica: lease.replica, epoch: lease.epoch), load: self.load(), isDraining: self.draining.isSet)
        return ChannelResponse(status: 200, headers: status.headers)
    }

    private func open(_ envelope: MCPEnvelope, stale: String?, _ caller: SessionCaller) async throws -> ChannelResponse {
        guard !self.draining.isSet else { throw RefusedRequest.draining }
        guard case .initialize(let requestID, let initialization) = try MCPClientMessage(envelope, limits: self.limits.mcp) else {
            throw MCPError(.missingSession, "Only initialize opens a session.")
        }
        if let stale, try await self.keeper.isOpen(stale, for: caller) {
            throw MCPError(.invalidRequest, "The session is open already; initialize opens a new one without Mcp-Session-Id.")
        }
        let (token, session) = try await self.keeper.open(initialization, id: requestID, for: caller)
        self.keeper.unpin(session)
        self.logger.info("session opened", metadata: ["session": "\(session.record)", "revision": "\(session.revision.rawValue)"])
        var response = ChannelResponse(json: MCPAnswer.initialized(requestID, revision: session.revision, server: self.server))
        response.headers[SessionHeaders.session] = token
        return response
    }

    private func message(
        _ envelope: MCPEnvelope, session token: String?, _ caller: SessionCaller, remaining: Duration?, execution: ExecutionID?
    ) async throws -> ChannelResponse {
        let session = try await self.keeper.pin(try Self.required(token), for: caller, adopts: !self.draining.isSet)
        defer { self.keeper.unpin(session) }
        try await self.check(caller, in: session)
        let message = try MCPClientMessage(envelope, limits: self.limits.mcp)
        if case .callTool = message, self.draining.isSet { throw RefusedRequest.draining }
        switch await session.receive(message, as: execution) {
        case .answer(let bytes): return ChannelResponse(json: bytes)
        case .acknowledge: return ChannelResponse(status: 202)
        case .refuse(let error): throw error
        case .listTools(let requestID):
            return try await withTaskExecutorPreference(globalConcurrentExecutor) {
                let tools = try await session.stack(for: caller.principal, from: self.keeper.stacks).tools()
                session.listedTools.withLock { $0 = ToolListMark(tools) }
                return ChannelResponse(json: MCPAnswer.tools(requestID, tools, revision: session.revision))
            }
        case .start(let call):
            let time = CallTime(self.limits, remaining: remaining)
            return await withTaskExecutorPreference(globalConcurrentExecutor) {
                await self.runner.answer(call, of: session, for: caller.principal, within: time)
            }
        }
    }

    /// A stream: the rest of one that answers a call, or one for what belongs to no request.
    private func listen(session token: String?, after event: String?, _ caller: SessionCaller) async throws -> ChannelResponse {
        let token = try Self.required(token)
        let session: Session
        do {
            session = try await self.keeper.pin(token, for: caller, adopts: !self.draining.isSet)
        } catch let refusal as RefusedRequest where refusal.refusal == .misdirected || refusal.refusal == .draining {
            guard let kept = try await self.kept(event, of: token, for: caller) else { throw refusal }
            return kept
        }
        defer { self.keeper.unpin(session) }
        try await self.check(caller, in: session)
        var known: ToolListMark?
        if let event {
            switch StreamEventID(event) {
            case .answer(let stream, let number): return try await self.runner.resume(stream, after: number, of: session)
            case .notices(_, _, let mark): known = mark
            case nil: throw MCPError.unknownEvent()
            }
        }
        guard !self.draining.isSet else {
            // While a call of the session runs here nobody else can take it. A stream that ends in good order has the client come back;
            // after a few refusals clients listen no more.
            guard session.revision.hasPollingStreams else { throw RefusedRequest.draining }
            var response = ChannelResponse.events
            let event = MCPAnswer.comingBack(after: self.limits.comingBackDelay)
            response.body = .stream { try await $0.write(event) }
            return response
        }
        guard self.keeper.streams.hasRoom else {
            throw RefusedRequest(refusal: .overloaded, message: "The session service has as many streams as it can; try again.")
        }
        var response = ChannelResponse.events
        response.body = .held(by: await self.notices.makeStream(of: session, for: caller.principal, known: known))
        return response
    }

    /// An answer that its client comes back for, of a session that is another process's. What is kept of it needs no owner, and the owner
    /// may be out of the gateways' reach.
    private func kept(_ event: String?, of token: String, for caller: SessionCaller) async throws -> ChannelResponse? {
        guard case .answer(let stream, let number)? = event.flatMap(StreamEventID.init),
            let row = try await self.keeper.row(SecretHash(of: token), for: caller)
        else { return nil }
        try await self.keeper.stacks.checkStanding(of: caller.principal)
        return try await self.runner.kept(stream, after: number, of: row, in: caller.principal.organization)
    }

    /// Refuses a caller that may not act any more, and a session that this process lost while that was found out.
    private func check(_ caller: SessionCaller, in session: Session) async throws {
        try await self.keeper.stacks.checkStanding(of: caller.principal)
        guard self.keeper.registration.currentLease == session.lease else {
            throw RefusedRequest(refusal: .unavailable, message: "The session service lost touch with its database; try again.")
        }
    }

    private func envelope(_ request: ChannelRequest) async throws -> MCPEnvelope {
        let bytes = try await self.body(request)
        guard bytes.count > EventLoopExecutor.maxBytes else { return try MCPEnvelope.peek(bytes, limits: self.limits.mcp) }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try MCPEnvelope.peek(bytes, limits: self.limits.mcp) }
    }

    private func body(_ request: ChannelRequest) async throws -> [UInt8] {
        let limit = self.limits.mcp.maxMessageBytes
        do throws(ChannelError) {
            return try await request.body.collect(upTo: limit)
        } catch {
            guard error.code == .tooLarge else { throw error }
            throw MCPError(.tooLarge, "The message is larger than \(limit) bytes.")
        }
    }

    private func close(session token: String?, _ caller: SessionCaller) async throws -> ChannelResponse {
        try await self.keeper.close(try Self.required(token), for: caller)
        return ChannelResponse(status: 204)
    }

    private static func required(_ token: String?) throws(MCPError) -> String {
        guard let token else {
            throw MCPError(.missingSession, "The header Mcp-Session-Id is missing; open a session with initialize first.")
        }
        return token
    }

    // MARK: - Errors

    /// Reads the message and answers it; what goes wrong from then on answers its id.
    private func answering(
        _ request: ChannelRequest, _ body: (MCPEnvelope) async throws -> ChannelResponse
    ) async throws -> ChannelResponse {
        try await self.answering {
            let envelope = try await self.envelope(request)
            return try await self.answering(envelope.requestID) { try await body(envelope) }
        }
    }

    /// The one table from what went wrong to what the client is told.
    private func answering(_ id: JSONRPCID? = nil, _ body: () async throws -> ChannelResponse) async throws -> ChannelResponse {
        do {
            return try await body()
        } catch let error as MCPError {
            return ChannelResponse(error.answering(id))
        } catch let error as RefusedRequest {
            return error.response(to: id)
        } catch let error as StoreError where error.code == .ownerLost {
            self.logger.warning("a session could not be written", metadata: ["cause": "\(error)"])
            return RefusedRequest(refusal: .unavailable, message: "The session service lost its lease; try again.").response(to: id)
        } catch let error where error is CancellationError || error is ChannelError {
            throw error
        } catch {
            // What is written here, a session's beginning and its end, may be asked for again whatever became of it: a session that
            // nobody knows of ends by itself. What calls write is the execution's.
            if let refused = (error as? DatabaseError).flatMap(RefusedRequest.init(_:)) {
                self.logger.warning("the database cannot be used", metadata: ["cause": "\(error)"])
                return refused.response(to: id)
            }
            self.logger.error("a request failed", metadata: ["cause": "\(error)"])
            return ChannelResponse(MCPError(.internalError, "The request failed for a reason within Roost; see its log.", id: id))
        }
    }
}

/// Whether the process is about to stop.
final class DrainFlag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { self.state.withLock { $0 } }

    func set() { self.state.withLock { $0 = true } }
}
