import Channel
import Hummingbird
import HummingbirdCore
import Identity
package import Installation
import JSON
package import Logging
import Model
import NIOCore
import Replicas
import RoostAPI
import Service
package import ServiceLifecycle
import SessionAPI
import Store
import Synchronization

/// The api-gateway, put together: what the executable runs and what tests start in their own process.
package struct Gateway: Sendable {
    /// Everything to run, in the order of starting.
    package let services: [any ServiceLifecycle.Service]

    /// Builds a gateway from settings; nothing listens until its services run.
    package static func make(_ settings: InstallationSettings, version: String, logger: Logger) async throws -> Gateway {
        let address = Announced<String>()
        let process = try await InstallationProcess.open(
            settings, kind: .apiGateway, version: version, logger: logger)
        process.registration.describe(address: { try await address.value() })
        let security = try ChannelFiles.clientSecurity(settings.channel)
        let (tier, watch) = try SessionTier.make(
            process.store, addresses: settings.gateway.sessionServices.compactMap { ChannelAddress($0) },
            limits: TierLimits(settings.gateway, speaking: settings.isPreviousVersion ? .previous : .current), logger: logger
        ) { address in
            try HTTP2ChannelClient(
                address: address, key: process.channelKey, security: security,
                limits: settings.channel.limits(draining: settings.gateway.drain), logger: logger)
        }
        let origin = settings.gateway.origin
        let gateway = GatewayServices(
            process: process, settings: settings.gateway, mcp: settings.mcp.limits, sessions: tier,
            rates: RequestRates(RequestRates.Limits(settings.gateway)),
            resource: settings.issuer.map { ProtectedResource(origin: origin, path: MCPEndpoint.path, issuer: $0.issuer) })
        let endpoint = MCPEndpoint(
            services: gateway, origins: OriginPolicy(publicURL: origin, allowed: settings.gateway.allowedOrigins),
            proxies: TrustedProxies(settings.gateway.trustedProxies))
        let application = Self.application(endpoint, origin: origin, address: address, logger: logger)
        let readiness = Readiness(
            process.readinessChecks + [
                .init("session-service") { tier.hasReplica ? nil : "no replica is registered" }
            ])
        let admin = AdminListener(host: settings.gateway.adminHost, port: settings.gateway.adminPort, readiness: readiness, logger: logger)
        return Gateway(services: process.services + [watch, tier, admin.application(), application])
    }

    /// All routes but the MCP endpoint itself, which ``GatewayConnection`` has.
    private static func router(_ endpoint: MCPEndpoint, origin: String) -> Router<GatewayRequestContext> {
        let router = Router(context: GatewayRequestContext.self, options: .autoGenerateHeadEndpoints)
        let services = endpoint.services
        router.add(middleware: ProblemMiddleware(proxies: endpoint.proxies, origins: endpoint.origins))
        router.get("/healthz") { _, _ in AdminListener.healthy }
        FrontPage.add(to: router, publicURL: origin)
        endpoint.addPreflight(to: router)
        ResourceMetadata.add(to: router, resource: services.resource)
        RouteTable(services: services, document: services.process.apiDocument).add(to: router)
        router.add(middleware: UnroutedMiddleware(router.routes))
        return router
    }

    /// How long a client may leave unread what it asked for.
    private static let readTimeLimit = TimeAmount.seconds(60)

    private static func application(
        _ endpoint: MCPEndpoint, origin: String, address: Announced<String>, logger: Logger
    ) -> some ApplicationProtocol {
        let settings = endpoint.services.settings
        let host = settings.advertisedHost ?? settings.host
        return Application(
            router: Self.router(endpoint, origin: origin),
            server: HTTPServerBuilder { responder in
                GatewayConnection(
                    base: HTTP1Channel(
                        responder: responder,
                        configuration: .init(additionalChannelHandlers: [SlowReaderHandler(timeLimit: Self.readTimeLimit)])),
                    endpoint: endpoint, idleTimeout: .nanoseconds(Int64(settings.idleTimeout / .nanoseconds(1))))
            },
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), serverName: nil,
                availableConnectionsDelegate: .maximum(settings.maxConnections, logger: logger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.port
                address.announce("\(host.contains(":") ? "[\(host)]" : host):\(port)")
                logger.info("The gateway is up", metadata: ["address": "\(host):\(port)"])
            },
            logger: logger)
    }
}

/// A value that becomes known later, once, and is waited for by whoever needs it.
final class Announced<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation
    private let known = Mutex<Value?>(nil)

    init() { (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1)) }

    func announce(_ value: Value) {
        self.known.withLock { $0 = value }
        self.continuation.yield(value)
    }

    /// Waits for the value; for one waiter at a time.
    func value() async throws -> Value {
        if let value = self.known.withLock({ $0 }) { return value }
        for await value in self.stream { return value }
        throw CancellationError()
    }
}
