import Channel
import Logging
import MCP
import Model
import Replicas
import ServiceLifecycle
import SessionAPI
import Store
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// One or more gateways over replicas in memory, with a clock that a test turns.
struct TierHarness {
    /// One gateway.
    struct FakeGateway {
        let replicas: ReplicaSet
        let router: SessionRouter
        let registry: FakeRegistry

        /// Reads the registry, as the regular look does.
        func look() throws {
            let found = try self.registry.look()
            self.replicas.update(ReplicaReading(number: found.number, replicas: found.replicas))
        }
    }

    static let organization = OrganizationID()
    static let caller = SessionCaller(
        principal: Principal(organization: organization, account: AccountID(), role: .agent, method: .apiKey(APIKeyID())), resource: "/mcp")
    let registry = FakeRegistry()
    let replicas: [FakeReplica]
    let gateways: [FakeGateway]
    let clock = ManualClock()

    private init(replicaCount: Int, gatewayCount: Int, limits: TierLimits) {
        let registry = self.registry
        let replicas = (0..<replicaCount).map { _ in FakeReplica(registry) }
        self.replicas = replicas
        var logger = Logger(label: "tier")
        logger.logLevel = .critical
        let clock = MonotonicClock(self.clock)
        self.gateways = (0..<gatewayCount).map { _ in
            let set = Announced<ReplicaSet>()
            let replicaSet = ReplicaSet(
                limits: limits, clock: clock, logger: logger,
                look: {
                    let found = try registry.look()
                    try await set.value().update(ReplicaReading(number: found.number, replicas: found.replicas))
                },
                connect: { address in
                    let replica = replicas.first { $0.id.rawValue.dropFirst(4) == address.host }
                    return FakeChannel(try #require(replica))
                })
            set.announce(replicaSet)
            let router = SessionRouter(replicas: replicaSet, limits: limits, clock: clock, logger: logger) { session, _ in
                let found = try registry.lookUp(session)
                try await registry.pass()
                guard let owner = found else { return .unknown }
                return owner.map(SessionRouter.LookUp.owned) ?? .unowned
            }
            return FakeGateway(replicas: replicaSet, router: router, registry: registry)
        }
    }

    /// Runs `body` beside gateways that have read the registry once.
    static func run(
        replicas: Int = 3, gateways: Int = 1, limits: TierLimits = TierLimits(), _ body: (TierHarness) async throws -> Void
    ) async throws {
        let harness = TierHarness(replicaCount: replicas, gatewayCount: gateways, limits: limits)
        for gateway in harness.gateways { try gateway.look() }
        let group = ServiceGroup(
            services: harness.gateways.map(\.replicas), logger: Logger(label: "tier") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body(harness)
            } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    // MARK: - Talking to it

    var gateway: FakeGateway { self.gateways[0] }

    static func message(_ method: String) throws -> MCPEnvelope {
        try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":{}}"#.utf8))
    }

    /// Opens a session; its id.
    func open(at gateway: Int = 0) async throws -> String {
        let answer = try await self.tryToOpen(at: gateway)
        return try #require(answer.headers.first { $0.name == SessionHeaders.session }?.value)
    }

    /// Asks for a session; whatever is answered.
    func tryToOpen(at gateway: Int = 0) async throws -> SessionAnswer {
        let envelope = try Self.message("initialize")
        return try await self.gateways[gateway].router.send(.newSession, envelope, within: .seconds(9)) {
            client, timeout throws(SessionAPIError) in
            try await client.open(envelope, stale: nil, for: Self.caller, timeout: timeout, trace: nil)
        }
    }

    /// Sends a message of a session.
    func send(_ session: String, _ method: String = "ping", at gateway: Int = 0) async throws -> SessionAnswer {
        let envelope = try Self.message(method)
        return try await self.gateways[gateway].router.send(
            .session(SecretHash(of: session), Self.organization), envelope, within: .seconds(9)
        ) { client, timeout throws(SessionAPIError) in
            try await client.send(envelope, session: session, for: Self.caller, timeout: timeout, trace: nil)
        }
    }

    /// Listens on a session, by the tier itself, as the MCP endpoint does.
    func listen(_ session: String, after event: String? = nil, at gateway: Int = 0) async throws -> SessionAnswer {
        let gateway = self.gateways[gateway]
        let tier = SessionTier(replicas: gateway.replicas, router: gateway.router, limits: gateway.router.limits)
        return try await tier.send(.listen(session: session, after: event), nil, for: Self.caller, trace: .root())
    }

    /// The replica that owns a session.
    func owner(of session: String) throws -> FakeReplica {
        let owner = try #require(try self.registry.lookUp(SecretHash(of: session)) ?? nil)
        return try #require(self.replicas.first { $0.id == owner.replica })
    }

    /// How many messages all replicas got.
    var messageCount: Int { self.replicas.reduce(0) { $0 + $1.messageCount } }

    /// Runs `body` while the clock goes on by itself.
    func withRunningClock<Result>(_ body: () async throws -> Result) async throws -> Result {
        let clock = self.clock
        let ticking = Task {
            while !Task.isCancelled {
                clock.advance(by: .milliseconds(20))
                await Task.yield()
            }
        }
        defer { ticking.cancel() }
        return try await body()
    }

    /// Waits until something is as it should be.
    func until(_ condition: () throws -> Bool) async throws {
        while try !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}
