import Channel
package import Installation
package import Logging
import Service
package import ServiceLifecycle
import SessionAPI
import Store

/// The session-service, put together from an installation's settings: what the executable runs.
package struct SessionServer: Sendable {
    /// Everything to run, in the order of starting.
    package let services: [any ServiceLifecycle.Service]

    /// Builds a session-service; nothing listens until its services run.
    package static func make(_ settings: InstallationSettings, version: String, logger: Logger) async throws -> SessionServer {
        let place = try await SoleSessionService.take(settings.database, drain: settings.sessions.drain)
        let process = try await InstallationProcess.open(settings, kind: .sessionService, version: version, logger: logger)
        try await place?.forgetPredecessors(in: process.store)
        let security = try ChannelFiles.serverSecurity(settings.channel)
        var application = SessionServiceApplication.Settings(version: version)
        application.advertisedHost = settings.sessions.advertisedHost
        application.limits.mcp = settings.mcp.limits
        application.limits.maxInMemory = settings.sessions.maxInMemory
        application.limits.maxPerAccount = settings.sessions.maxPerAccount
        application.limits.maxCalls = settings.sessions.maxCalls
        application.limits.suspendAfter = settings.sessions.suspendAfter
        application.limits.callTimeout = settings.sessions.callTimeout
        application.limits.keepAliveInterval = settings.sessions.keepAliveInterval
        application.limits.maxUnreadBytes = settings.sessions.maxUnreadBytes
        application.limits.maxStreams = settings.sessions.maxStreams
        application.limits.maxStreamsPerSession = settings.sessions.maxStreamsPerSession
        application.limits.replay.retention = settings.sessions.replayRetention
        application.limits.replay.maxAnswerBytes = settings.sessions.maxReplayBytes
        application.limits.replay.maxSessionBytes = settings.sessions.maxSessionReplayBytes
        application.limits.drainTimeout = settings.sessions.drain
        application.contract = settings.isPreviousVersion ? .previous : .current
        let built = try buildSessionService(
            application, stacks: ExecutionStackSessions(services: SessionServices(core: process.core, store: process.store)),
            store: process.store, registration: process.registration, logger: logger, drainExecutions: process.drainExecutions
        ) { handler in
            try HTTP2ChannelServer(
                address: ChannelAddress(host: settings.sessions.host, port: settings.sessions.port), handler: handler,
                key: process.channelKey,
                security: security, limits: settings.channel.limits(draining: settings.sessions.drain), logger: logger)
        }
        let admin = AdminListener(
            host: settings.sessions.adminHost, port: settings.sessions.adminPort, readiness: Readiness(process.readinessChecks),
            logger: logger)
        let services: [any ServiceLifecycle.Service] = process.services + [admin.application(), built.server, built.sessions]
        return SessionServer(services: services + (place.map { [$0] } ?? []))
    }
}
