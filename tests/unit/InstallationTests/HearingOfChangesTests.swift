import Database
import Logging
import Model
import Policies
import Replicas
import ServiceLifecycle
import Store
import TestSupport
import Testing

@testable import Engine

/// Two processes on one PostgreSQL, of which the second asks for changes only every ten minutes: what it knows earlier it was told.
@Suite("What one process changes another acts on at once", .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(2)))
struct HearingOfChangesTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("A changed policy binds the next call, and also one that was made while the connection was lost")
    func policies() async throws {
        try await Self.withProcesses { here, there, cut in
            let tenant = try await here.makeTenant()
            let cache = Self.cache(there)
            let address = try #require(ToolAddress("api.org.main.get"))
            try await Self.running([AuthorityWatch(cache, store: there)]) {
                let policy = try await here.policies.create(in: tenant.organization.id, pattern: "api.*", action: .block)
                for (round, action) in [PolicyAction.block, .allow, .block, .allow].enumerated() {
                    if round == 3 { try await cut() }
                    _ = try await here.policies.update(policy.id, action: action, in: tenant.organization.id)
                    while true {
                        let heard = cache.changeNumber(of: tenant.organization.id)
                        if try await cache.snapshot(for: tenant.principal).policies.isVisible(address) == (action == .allow) { break }
                        await cache.untilChanged(tenant.organization.id, since: heard)
                    }
                }
            }
        }
    }

    @Test("A revoked key stops the program that runs under it")
    func revocation() async throws {
        try await Self.withProcesses { here, there, _ in
            let tenant = try await here.makeTenant()
            let key = try await here.keys.create(
                in: tenant.organization.id, account: tenant.account.id, role: .agent, name: "k", hash: SecretHash(of: "k"))
            let principal = Principal(
                organization: tenant.organization.id, account: tenant.account.id, role: .agent, method: .apiKey(key.id))
            let cache = Self.cache(there)
            try await Self.running([AuthorityWatch(cache, store: there)]) {
                #expect(try await cache.snapshot(for: principal).isPrincipalActive)
                let watch = RunWatch(
                    timeLimit: nil, standingInterval: .seconds(600), sleep: { try await ContinuousClock().sleep(for: $0) },
                    isActive: { try await cache.snapshot(for: principal).isPrincipalActive },
                    changeNumber: { cache.changeNumber(of: principal.organization) },
                    untilChanged: { await cache.untilChanged(principal.organization, since: $0) })
                async let reason = watch.revocation()
                _ = try await here.keys.revoke(key.id, in: tenant.organization.id)
                #expect(await reason == .revoked)
            }
        }
    }

    @Test("A cancellation stops the execution")
    func cancellation() async throws {
        try await Self.withProcesses { here, there, cut in
            let tenant = try await here.makeTenant()
            var limits = ExecutionOwner.Limits()
            limits.cancelPollInterval = .seconds(600)
            limits.drainTimeout = .zero
            let owner = ExecutionOwner(records: there.executions, lease: Lease(tenant.lease), limits: limits, logger: Self.logger)
            try await Self.running([owner]) {
                for isCut in [false, true] {
                    let id = ExecutionID()
                    let running = try owner.begin(id)
                    defer { owner.finish(id) }
                    try await owner.recordStart(
                        ExecutionDraft(
                            id: id, principal: tenant.principal, session: nil, client: .rest, codeHash: "c0de", seed: 1, startedAt: .now(),
                            owner: running.lease))
                    if isCut { try await cut() }
                    try await here.executions.requestCancel(id, in: tenant.organization.id)
                    #expect(await running.signal.reason() == .cancelled)
                }
            }
        }
    }

    @Test("A process that comes is known")
    func replicas() async throws {
        try await Self.withProcesses { here, there, _ in
            let watch = ReplicaWatch(.apiGateway, store: there, interval: .seconds(600), logger: Self.logger)
            try await Self.running([watch]) {
                let replica = try await here.replicas.register(ReplicaID(), kind: .apiGateway, address: "127.0.0.1:1", version: "1")
                while watch.replicas.map(\.id) != [replica.id] { await Task.yield() }
                try await here.replicas.deregister(replica.lease)
                while !watch.replicas.isEmpty { await Task.yield() }
            }
        }
    }

    private static func cache(_ store: Store) -> AuthorityCache {
        var limits = AuthorityCache.Limits()
        limits.freshness = .seconds(600)
        return AuthorityCache(source: StoreAuthoritySource(store: store), limits: limits)
    }

    /// Runs `body` with the stores of two processes, and what cuts every listening connection.
    private static func withProcesses(
        _ body: @escaping @Sendable (_ here: Store, _ there: Store, _ cut: @escaping @Sendable () async throws -> Void) async throws -> Void
    ) async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { first in
                try await installation.withDatabase(installation.serviceURL) { second in
                    try await body(Store(database: first, limits: .patient), Store(database: second, limits: .patient)) {
                        try await installation.server.administer(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = '\(installation.database)' AND query LIKE 'LISTEN%'
                            """)
                    }
                }
            }
        }
    }

    private static func running(_ services: [any ServiceLifecycle.Service], _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(services: services, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body()
            } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private struct Lease: LeaseSource {
        private let held: ManualLease

        init(_ lease: ReplicaLease) { self.held = ManualLease(lease) }

        var currentLease: ReplicaLease? { self.held.currentLease }

        func lease() async throws -> ReplicaLease { try await self.held.lease() }

        func untilLost(_ lease: ReplicaLease) async { await self.held.untilLost(lease) }
    }
}
