import Database
import Engine
import ExecutionStack
import Foundation
import Logging
import Model
import Sandbox
import Store
import TestSupport

/// An organization on a real database and the real sandbox, with a catalog of closures.
struct StackFixture: Sendable {
    let store: Store
    let tenant: TestTenant
    let admin: Principal
    let agent: Principal
    let catalogs: FakeCatalogs
    let core: CoreServices
    /// What the store stands on.
    let database: TamperedDatabase

    /// The services of a request: a store of its own over the process's database.
    struct RequestServices: StackServices {
        let core: CoreServices
        let store: Store
    }

    /// The services of a session: a store of its own over another connection to the same file.
    struct SessionServices: StackServices {
        let core: CoreServices
        let store: Store
    }

    /// Runs `body` with all of it; programs run in `other` where there is one, and not in the real sandbox.
    static func with(
        _ change: (inout EngineLimits) -> Void = { _ in }, sandbox other: (any SandboxRunning)? = nil,
        _ body: @Sendable (StackFixture) async throws -> Void
    ) async throws {
        var limits = StoreLimits()
        // Nobody renews the heartbeat of a replica in these tests.
        limits.replicaLease = .seconds(3600)
        var engineLimits = EngineLimits()
        change(&engineLimits)
        let bounds = engineLimits
        try await withMigratedDatabase { [limits] plain in
            let database = TamperedDatabase(plain)
            let store = Store(database: database, limits: limits)
            let tenant = try await store.makeTenant()
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let sandbox = SandboxHost(configuration: SandboxConfiguration(workerPath: self.workerPath), logger: logger)
            let owner = ExecutionOwner(records: store.executions, lease: FixedLease(currentLease: tenant.lease), logger: logger)
            let catalogs = FakeCatalogs()
            let fixture = StackFixture(
                store: store, tenant: tenant, admin: try await store.makePrincipal(.admin, in: tenant),
                agent: try await store.makePrincipal(.agent, in: tenant), catalogs: catalogs,
                core: CoreServices(
                    sandbox: other ?? sandbox, catalog: { _ in try await catalogs.catalog() },
                    authority: AuthorityCache(source: StoreAuthoritySource(store: store)),
                    owner: owner, limits: bounds, logger: logger), database: database)
            try await withThrowingTaskGroup { group in
                if other == nil { group.addTask { try await sandbox.run() } }
                group.addTask { await owner.run() }
                try await body(fixture)
                group.cancelAll()
            }
        }
    }

    /// A stack as the gateway makes one for a request.
    func request(_ principal: Principal? = nil) async throws -> ExecutionStack {
        try await ExecutionStack.make(
            scope: ExecutionScope(principal: principal ?? self.agent, client: .rest),
            services: RequestServices(core: self.core, store: self.store))
    }

    /// A stack as the session-service makes one for a session.
    func session(_ principal: Principal? = nil) async throws -> ExecutionStack {
        try await ExecutionStack.make(
            scope: ExecutionScope(principal: principal ?? self.agent, client: .mcp(session: SessionRecordID())),
            services: SessionServices(core: self.core, store: self.store))
    }

    /// The worker lies beside the test executable.
    private static var workerPath: String {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: executable).deletingLastPathComponent().appendingPathComponent("sandbox-worker").path
    }
}

/// A lease that holds for ever.
struct FixedLease: LeaseSource {
    private let held: ManualLease

    init(currentLease: ReplicaLease?) { self.held = ManualLease(currentLease) }

    var currentLease: ReplicaLease? { self.held.currentLease }

    func lease() async throws -> ReplicaLease { try await self.held.lease() }

    func untilLost(_ lease: ReplicaLease) async { await self.held.untilLost(lease) }
}

extension Store {
    /// The tenant's account with a key that is really stored.
    func makePrincipal(_ role: Principal.Role, in tenant: TestTenant) async throws -> Principal {
        let account = try await self.accounts.create(in: tenant.organization.id, name: role.rawValue)
        let key = try await self.keys.create(
            in: tenant.organization.id, account: account.id, role: role, name: role.rawValue, hash: SecretHash(of: "\(account.id)"))
        return Principal(organization: tenant.organization.id, account: account.id, role: role, method: .apiKey(key.id))
    }
}

extension StackFixture {
    /// Renews the lease of an execution's owner: with a heartbeat that is later in the database's time than the last.
    func renewLease(of execution: ExecutionID) async throws {
        let organization = self.tenant.organization.id
        let last = try await self.store.executions.pulse(of: execution, in: organization)?.heartbeatAt
        repeat {
            try await self.store.replicas.heartbeat(self.tenant.lease, load: 0, isDraining: false)
        } while try await self.store.executions.pulse(of: execution, in: organization)?.heartbeatAt == last
    }
}
