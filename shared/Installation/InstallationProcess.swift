package import Catalog
package import Channel
import Database
import Egress
import Engine
package import ExecutionStack
package import Identity
package import JSON
package import Logging
import Model
import OperatorHTTP
package import Replicas
import RoostAPI
import Sandbox
package import Service
package import ServiceLifecycle
package import Store
import Vault

/// What a process of either service is made of, opened from the settings by one function, so that both are made of the same.
package struct InstallationProcess: Sendable {
    package let store: Store
    package let catalog: Catalog
    package let core: CoreServices
    package let authenticator: Authenticator
    package let registration: ReplicaRegistration
    package let channelKey: ChannelKey
    /// The OpenAPI document of Roost's own REST API.
    package let apiDocument: JSONText
    /// What has to run for the rest to work, in the order of starting.
    package let services: [any ServiceLifecycle.Service]
    package let readinessChecks: [Readiness.Check]
    /// Lets the executions of this process end, within their bound.
    package let drainExecutions: @Sendable () async -> Void

    /// Opens everything; nothing runs until ``services`` do.
    ///
    /// ``registration`` must still be told where this process listens.
    package static func open(
        _ settings: InstallationSettings, kind: Replica.Kind, version: String, logger: Logger
    ) async throws -> InstallationProcess {
        let database = try await settings.database.open()
        do {
            return try await Self.open(settings, on: database, kind: kind, version: version, logger: logger)
        } catch {
            try? await database.close()
            throw error
        }
    }

    private static func open(
        _ settings: InstallationSettings, on database: any Database, kind: Replica.Kind, version: String, logger: Logger
    ) async throws -> InstallationProcess {
        let store = Store(
            database: database, limits: settings.store.limits, writing: settings.isPreviousVersion ? .previous : .current)
        try await store.prepare()
        let keyBytes = try PrivateFile.read(settings.channel.keyFile)
        guard let channelKey = ChannelKey(bytes: keyBytes) else {
            throw InstallationError(
                "The file \(settings.channel.keyFile) holds no key of at least \(ChannelKey.minBytes) bytes. Move it away and run `roost bootstrap`."
            )
        }
        let vault = try await settings.vault.open(store)
        let egress = try EgressClient(limits: settings.egress.limits, allowList: settings.egress.allow, logger: logger)
        var operatorLimits = OperatorHTTPLimits()
        if let issuer = settings.issuer { operatorLimits.timeout = issuer.timeout }
        let operatorHTTP = OperatorHTTPClient(limits: operatorLimits)
        let tokens = ExecutionTokens(internalKey: keyBytes)
        let registration = ReplicaRegistration(
            ReplicaRegistration.Identity(kind: kind, version: version), store: store, limits: settings.store.registration, logger: logger)
        let sandbox = SandboxHost(configuration: settings.sandbox.configuration, logger: logger)
        let owner = ExecutionOwner(
            records: store.executions, lease: registration, limits: settings.engine.owner, answer: settings.engine.limits.answer,
            logger: logger)
        let document = JSONText(OpenAPIDocument.make(version: version))
        let gateways = ReplicaWatch(.apiGateway, store: store, logger: logger)
        let catalog = try Self.catalog(
            store: store, vault: vault, egress: egress, tokens: tokens, gateways: gateways, document: document,
            limits: settings.catalog.limits)
        let authority = AuthorityCache(source: StoreAuthoritySource(store: store), limits: settings.policies.authority)
        let core = CoreServices(
            sandbox: sandbox, catalog: catalog, authority: authority, owner: owner, limits: settings.engine.limits, logger: logger)
        let authenticator = Authenticator(
            keys: store.keys, executionTokens: tokens, issuer: Self.issuer(settings.issuer, store, operatorHTTP, logger),
            limits: settings.authentication.limits, logger: logger)
        return InstallationProcess(
            store: store, catalog: catalog, core: core, authenticator: authenticator, registration: registration, channelKey: channelKey,
            apiDocument: document,
            services: [
                DatabaseService(database: database), egress, OperatorHTTPService(client: operatorHTTP), sandbox, registration, gateways,
                owner, AuthorityWatch(authority, store: store),
                DrainNotice(registration: registration),
            ],
            readinessChecks: [
                .init("database") { await Self.fault { _ = try await store.replicas.live(kind) } },
                .init("registration") { registration.currentLease == nil ? "this process is not registered" : nil },
            ],
            drainExecutions: { await owner.drain() })
    }

    /// The catalog with Roost's own API in it, which is called at the address that a gateway has registered.
    private static func catalog(
        store: Store, vault: Vault, egress: EgressClient, tokens: ExecutionTokens, gateways: ReplicaWatch, document: JSONText,
        limits: CatalogLimits
    ) throws -> Catalog {
        let access = BuiltInIntegration.Access(
            target: {
                if let known = Self.target(gateways.replicas) { return known }
                return Self.target(try await gateways.refresh())
            },
            token: { principal, execution in tokens.make(for: principal, execution: execution) })
        let builtIn = try BuiltInIntegration(document: document.bytes, access: access)
        return Catalog(store: store, vault: vault, upstream: egress, builtIn: builtIn, limits: limits)
    }

    /// Where a gateway takes calls of Roost's own API; the youngest, because the row of one that was killed looks alive for a while.
    private static func target(_ gateways: [Replica]) -> InternalTarget? {
        let candidates = gateways.filter { !$0.isDraining }
        guard let gateway = candidates.max(by: { $0.startedAt < $1.startedAt }), let address = ChannelAddress(gateway.address) else {
            return nil
        }
        return InternalTarget(host: address.host, port: address.port)
    }

    private static func issuer(
        _ settings: IssuerSettings?, _ store: Store, _ http: OperatorHTTPClient, _ logger: Logger
    ) -> IssuerVerifier? {
        settings.map { IssuerVerifier(settings: $0, client: http, people: store, logger: logger) }
    }

    private static func fault(_ work: () async throws -> Void) async -> String? {
        do {
            try await work()
            return nil
        } catch {
            return "does not answer"
        }
    }
}

/// The engine stops what it runs when the registration loses its lease.
extension ReplicaRegistration: LeaseSource {}
