import Channel
import Logging
import MCP
import Model
import Replicas
import ServiceLifecycle
import SessionAPI
import Store
import Telemetry

/// The session-services as a gateway sees them: what the MCP endpoint and the REST API talk to.
///
/// Who is there and answers is kept by ``ReplicaSet``, who gets which message is decided by ``SessionRouter``.
final class SessionTier: ServiceLifecycle.Service {
    let replicas: ReplicaSet
    private let router: SessionRouter
    private let limits: TierLimits

    init(replicas: ReplicaSet, router: SessionRouter, limits: TierLimits) {
        self.replicas = replicas
        self.router = router
        self.limits = limits
    }

    /// Keeps the connections until the graceful shutdown.
    func run() async throws { try await self.replicas.run() }

    /// Sends a message to a replica and gives its answer.
    ///
    /// - Parameter execution: What the execution of a tool call is to be called.
    /// - Throws: ``MCPError`` as the client is to see it.
    func send(
        _ route: MCPRequestHead.Route, _ envelope: MCPEnvelope?, for caller: SessionCaller, trace: TraceContext,
        execution: ExecutionID? = nil
    ) async throws -> SessionAnswer {
        let timeout = envelope?.method == "tools/call" ? self.limits.callTimeout : self.limits.answerTimeout
        return try await self.router.send(
            Self.target(route, caller), envelope, within: timeout, in: Self.line(route), isReplay: Self.isReplay(route)
        ) { client, timeout throws(SessionAPIError) in
            switch (route, envelope) {
            case (.open(let stale), let envelope?):
                try await client.open(envelope, stale: stale, for: caller, timeout: timeout, trace: trace)
            case (.message(let session), let envelope?):
                try await client.send(
                    envelope, session: session, for: caller, timeout: timeout, trace: trace, execution: execution)
            case (.listen(let session, let event), _):
                // A stream lasts as long as its client wants it, and that its replica lives is seen by the channel; but a client that
                // waits for the head hears nothing.
                try await self.begun(within: timeout) { () throws(SessionAPIError) in
                    try await client.listen(session: session, after: event, for: caller, trace: trace)
                }
            case (.close(let session), _):
                try await client.close(session: session, for: caller, timeout: timeout, trace: trace)
            case (_, nil):
                throw SessionAPIError(.malformed, "a message has no body")
            }
        }
    }

    /// Ends a session by its public name.
    func close(_ session: SessionRecordID, for caller: SessionCaller, trace: TraceContext) async throws -> SessionAnswer {
        try await self.router.send(.anywhere, nil, within: self.limits.answerTimeout) { client, timeout throws(SessionAPIError) in
            try await client.close(session, for: caller, timeout: timeout, trace: trace)
        }
    }

    /// Whether a replica is there to take messages.
    var hasReplica: Bool { self.replicas.hasCandidate }

    /// The answer that `body` gives, if its head comes in time.
    private func begun(
        within time: Duration, _ body: @escaping @Sendable () async throws(SessionAPIError) -> SessionAnswer
    ) async throws(SessionAPIError) -> SessionAnswer {
        do {
            return try await self.router.clock.within(time, body)
        } catch is MonotonicClock.TimeIsUp {
            throw SessionAPIError(.timedOut, "the stream's head did not come within \(time)")
        } catch let error as SessionAPIError {
            throw error
        } catch {
            throw SessionAPIError(.cancelled, "nobody waits for the stream any more")
        }
    }

    private static func line(_ route: MCPRequestHead.Route) -> SessionRouter.Line {
        switch route {
        case .listen: .listeners
        case .open, .message, .close: .messages
        }
    }

    private static func isReplay(_ route: MCPRequestHead.Route) -> Bool {
        if case .listen(_, _?) = route { true } else { false }
    }

    private static func target(_ route: MCPRequestHead.Route, _ caller: SessionCaller) -> SessionRouter.Target {
        switch route {
        case .open: .newSession
        case .message(let session), .listen(let session, _): .session(SecretHash(of: session), caller.principal.organization)
        case .close(let session): .end(SecretHash(of: session))
        }
    }
}

extension SessionTier {
    /// Makes the connection to an address.
    typealias Connect = @Sendable (ChannelAddress) throws -> any ChannelClient

    /// The tier over a database: the registry says who there is, unless there is a list of addresses, and the rows of sessions whose they
    /// are.
    ///
    /// - Returns: The tier, and what must run for it to know anybody.
    static func make(
        _ store: Store, addresses: [ChannelAddress] = [], limits: TierLimits, logger: Logger, connect: @escaping Connect
    ) throws -> (tier: SessionTier, watch: any ServiceLifecycle.Service) {
        // The watch tells the set, and the set asks the watch.
        let look = Announced<@Sendable () async throws -> Void>()
        let replicas = ReplicaSet(limits: limits, logger: logger, look: { try await look.value()() }, connect: connect)
        let watch: any ServiceLifecycle.Service
        if addresses.isEmpty {
            let registry = ReplicaWatch(.sessionService, store: store, logger: logger) { replicas.update($0) }
            look.announce { try await registry.refresh() }
            watch = registry
        } else {
            let list = try StaticReplicas(addresses, lease: store.limits.replicaLease, connect: connect) { replicas.update($0) }
            look.announce { await list.refresh() }
            watch = list
        }
        let router = SessionRouter(replicas: replicas, limits: limits, logger: logger) { session, organization in
            guard let route = try await store.sessions.route(hash: session, in: organization) else { return .unknown }
            return route.owner.map(SessionRouter.LookUp.owned) ?? .unowned
        }
        return (SessionTier(replicas: replicas, router: router, limits: limits), watch)
    }
}
