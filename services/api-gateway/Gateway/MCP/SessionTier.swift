import Channel
import Installation
import Logging
import MCP
import Model
import Replicas
import ServiceLifecycle
import SessionAPI
import Store
import Synchronization
import Telemetry

/// The session-services as a gateway sees them: who is there, a connection to each, and which of them gets a message.
///
/// A message that certainly was not looked at goes to another replica, or to the same one's successor, within a bounded wait: that is
/// how a client outlives a restart of the session-service without noticing. A message that may have been looked at is never repeated.
final class SessionTier: ServiceLifecycle.Service {
    /// The times of the tier.
    struct Limits: Sendable {
        /// How long a message waits for a replica that takes it.
        var replicaWait: Duration = .seconds(5)
        /// The pause between looks at the registry while it waits.
        var retryPause: Duration = .milliseconds(50)
        /// How long anything but a tool call may take.
        var answerTimeout: Duration = .seconds(30)
        /// How long a tool call may take, its wait for a replica included.
        var callTimeout: Duration = .seconds(3660)
        /// Bytes of answers that wait for their clients; answers beyond that end in an error that says so.
        var maxUnreadBytes = 256 << 20
        /// How many replicas are kept connected.
        var maxReplicas = 256

        init(_ settings: GatewaySettings) {
            self.replicaWait = settings.replicaWait
            self.answerTimeout = settings.answerTimeout
            self.callTimeout = settings.callTimeout
            self.maxUnreadBytes = settings.maxUnreadBytes
            self.maxReplicas = settings.maxReplicas
        }
    }

    /// One replica with its connection, as long as the registry has it.
    private struct Member: Sendable {
        let client: SessionClient
        let retire: AsyncStream<Never>.Continuation
    }

    /// A connection whose `run()` is to be started.
    private struct Newcomer: Sendable {
        let channel: any ChannelClient
        let retired: AsyncStream<Never>
    }

    private let watch: ReplicaWatch
    private let connect: @Sendable (ChannelAddress) throws -> any ChannelClient
    private let limits: Limits
    private let logger: Logger
    private let unread: UnreadAnswers
    private let members = Mutex<[ReplicaID: Member]>([:])
    private let newcomers: AsyncStream<Newcomer>
    private let announce: AsyncStream<Newcomer>.Continuation

    init(
        watch: ReplicaWatch, limits: Limits, logger: Logger, connect: @escaping @Sendable (ChannelAddress) throws -> any ChannelClient
    ) {
        self.watch = watch
        self.connect = connect
        self.limits = limits
        self.unread = UnreadAnswers(maxBytes: limits.maxUnreadBytes)
        self.logger = logger
        (self.newcomers, self.announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limits.maxReplicas))
    }

    /// Keeps the connections until the graceful shutdown.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for await newcomer in self.newcomers {
                    group.addTask { await Self.keep(newcomer) }
                }
                group.cancelAll()
            }
        }
    }

    /// Sends a message to a replica and gives its answer.
    ///
    /// - Parameter execution: What the execution of a tool call is to be called.
    /// - Throws: ``MCPError`` as the client is to see it.
    func send(
        _ route: MCPRequestHead.Route, _ envelope: MCPEnvelope?, for caller: SessionCaller, trace: TraceContext,
        execution: ExecutionID? = nil
    ) async throws -> SessionAnswer {
        let timeout = envelope?.method == "tools/call" ? self.limits.callTimeout : self.limits.answerTimeout
        return try await self.attempt(envelope, within: timeout) { client, timeout throws(SessionAPIError) in
            switch (route, envelope) {
            case (.open(let stale), let envelope?):
                try await client.open(envelope, stale: stale, for: caller, timeout: timeout, trace: trace)
            case (.message(let session), let envelope?):
                try await client.send(
                    envelope, session: session, for: caller, timeout: timeout, trace: trace, execution: execution)
            case (.close(let session), _):
                try await client.close(session: session, for: caller, timeout: timeout, trace: trace)
            case (_, nil):
                throw SessionAPIError(.malformed, "a message has no body")
            }
        }
    }

    /// Ends a session by its public name.
    func close(_ session: SessionRecordID, for caller: SessionCaller, trace: TraceContext) async throws -> SessionAnswer {
        try await self.attempt(nil, within: self.limits.answerTimeout) { client, timeout throws(SessionAPIError) in
            try await client.close(session, for: caller, timeout: timeout, trace: trace)
        }
    }

    /// Whether a replica is there to take messages.
    var hasReplica: Bool { self.watch.replicas.contains { !$0.isDraining } }

    // MARK: - Internals

    /// Asks replicas until one takes the message; each is told what is left of the time.
    private func attempt(
        _ envelope: MCPEnvelope?, within timeout: Duration,
        _ call: (SessionClient, Duration) async throws(SessionAPIError) -> SessionAnswer
    ) async throws -> SessionAnswer {
        let start = ContinuousClock.now
        let deadline = start + self.limits.replicaWait
        var last = SessionAPIError(.unreachable, "no session-service is registered")
        while true {
            for replica in self.candidates() {
                do throws(SessionAPIError) {
                    let answer = try await call(self.client(of: replica), timeout - start.duration(to: .now))
                    guard let refusal = answer.refusal, [.draining, .misdirected].contains(refusal) else { return answer }
                    last = SessionAPIError(.unreachable, "the replica refused: \(refusal.rawValue)")
                } catch {
                    guard error.code == .unreachable else {
                        self.logger.notice("A message got no answer", metadata: ["replica": "\(replica.id)", "cause": "\(error)"])
                        throw error.answer(to: envelope)
                    }
                    last = error
                }
            }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                self.logger.warning("No session-service takes messages", metadata: ["cause": "\(last)"])
                throw last.answer(to: envelope)
            }
            try await Task.sleep(for: self.limits.retryPause)
            _ = try? await self.watch.refresh()
        }
    }

    /// The replicas to ask, in order: the youngest first, because the row of one that was killed looks alive until its lease ends.
    private func candidates() -> [Replica] {
        self.watch.replicas.filter { !$0.isDraining }.sorted { ($0.startedAt, $0.id) > ($1.startedAt, $1.id) }
    }

    private func client(of replica: Replica) throws(SessionAPIError) -> SessionClient {
        try self.members.withLock { members throws(SessionAPIError) in
            if let member = members[replica.id] { return member.client }
            // A newcomer is the time to let go of those that left the registry.
            let known = Set(self.watch.replicas.map(\.id))
            for (id, member) in members where !known.contains(id) {
                member.retire.finish()
                members[id] = nil
            }
            guard let address = ChannelAddress(replica.address) else {
                throw SessionAPIError(.unreachable, "the registered address \(replica.address) is not of the form host:port")
            }
            let channel: any ChannelClient
            do {
                channel = try self.connect(address)
            } catch {
                throw SessionAPIError(.unreachable, "\(error)")
            }
            let (retired, retire) = AsyncStream<Never>.makeStream()
            guard case .enqueued = self.announce.yield(Newcomer(channel: channel, retired: retired)) else {
                throw SessionAPIError(.unreachable, "the gateway stops, or knows too many replicas")
            }
            let member = Member(client: SessionClient(channel: channel, unread: self.unread), retire: retire)
            members[replica.id] = member
            return member.client
        }
    }

    /// Runs one connection until its replica leaves the registry.
    private static func keep(_ newcomer: Newcomer) async {
        await withDiscardingTaskGroup { group in
            group.addTask { try? await newcomer.channel.run() }
            for await _ in newcomer.retired {}
            group.cancelAll()
        }
    }
}
