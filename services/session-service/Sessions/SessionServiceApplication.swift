package import Channel
package import Logging
package import MCP
package import Replicas
package import ServiceLifecycle
package import SessionAPI
package import Store

/// The whole session-service but for what an installation shares: the thin executable and the tests build the same one.
package struct SessionServiceApplication: Sendable {
    /// How to run it.
    package struct Settings: Sendable {
        /// The bounds of sessions.
        package var limits = SessionLimits()
        /// The name or address under which gateways reach this process; nil for the one that the channel listens on.
        package var advertisedHost: String?
        /// The program's version, for clients and the registry.
        package var version: String
        /// What is spoken with gateways; only tests of two versions side by side have another one.
        package var contract = ContractVersion.current

        package init(version: String) { self.version = version }
    }

    /// Answers for readiness: whether the process holds its lease.
    package let registration: ReplicaRegistration
    /// The session tier, for its counts.
    package let sessions: SessionService
    /// The channel's server.
    package let server: any ChannelServer

    /// The services in the order in which a `ServiceGroup` is to start them, after whatever `services` and `store` stand on. Shutting down in
    /// reverse, it drains the calls first, then lets the channel deliver, then gives its registration up.
    package var services: [any ServiceLifecycle.Service] { [self.registration, self.server, self.sessions] }
}

/// Builds a session-service.
///
/// - Parameters:
///   - settings: The bounds, each with a default.
///   - stacks: Makes the stacks of sessions: ``ExecutionStackSessions``.
///   - store: The database, brought up to date.
///   - registration: The process's registration, made before because the core needs its lease too; it is told here what to register.
///   - drainExecutions: Ends the executions of this process with typed results, within its own bound.
///   - makeServer: Makes the channel's server for the handler.
package func buildSessionService(
    _ settings: SessionServiceApplication.Settings, stacks: any SessionStackMaking, store: Store, registration: ReplicaRegistration,
    logger: Logger, drainExecutions: @escaping @Sendable () async -> Void = {}, clock: any Clock<Duration> = ContinuousClock(),
    makeServer: (any ChannelHandler) throws -> any ChannelServer
) rethrows -> SessionServiceApplication {
    let sessions = SessionService(
        SessionService.Dependencies(
            store: store, registration: registration, stacks: stacks, server: .roost(version: settings.version), logger: logger,
            clock: clock,
            beginDraining: { registration.drain() }, drainExecutions: drainExecutions, speaking: settings.contract),
        limits: settings.limits)
    let server = try makeServer(sessions.handler)
    registration.describe(
        address: {
            var address = try await server.address
            if let host = settings.advertisedHost { address.host = host }
            return address.description
        },
        load: { sessions.load })
    return SessionServiceApplication(registration: registration, sessions: sessions, server: server)
}

extension MCPServerInfo {
    /// Roost, as it introduces itself.
    package static func roost(version: String) -> MCPServerInfo {
        MCPServerInfo(
            name: "roost", title: "Roost", version: version,
            description: "Runs programs that reach an organization's integrations, with its credentials and under its policies.",
            instructions: """
                Use the tool `execute` to run a TypeScript program that finds operations with `tools.search`, reads their types with \
                `tools.describe.tool` and calls them. Prefer one program that does the whole task over many small ones.
                """)
    }
}
