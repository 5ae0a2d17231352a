import Engine
import JSON
import Logging
import Model
import Sandbox
import Store
import TestSupport

/// An engine over fakes.
struct EngineHarness {
    let catalog = FakeCatalog()
    let authority = FakeAuthority()
    let records = FakeRecords()
    let lease = FakeLease()
    let clock = ManualClock()
    /// The clock of the runs; the one above is the owner's.
    let runClock = ManualClock()
    let owner: ExecutionOwner
    let cache: AuthorityCache
    var principal = Principal(organization: OrganizationID(), account: AccountID(), role: .agent, method: .apiKey(APIKeyID()))
    var limits = EngineLimits()

    init() {
        self.owner = ExecutionOwner(
            records: self.records, lease: self.lease, clock: self.clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var limits = AuthorityCache.Limits()
        // Every call reads anew: these tests are about what a call finds, not about when it is read.
        limits.freshness = .zero
        self.cache = AuthorityCache(source: self.authority, limits: limits)
    }

    func engine(_ sandbox: ScriptedSandbox) -> Engine {
        let services = Engine.Services(
            sandbox: sandbox, catalog: self.catalog, authority: self.cache, owner: self.owner,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return Engine(
            scope: Engine.Scope(principal: self.principal, client: .rest, session: nil), services: services, limits: self.limits,
            clock: self.runClock)
    }

    /// Runs a scripted program that returns what the closure gives, and gives its result as the answer shows it.
    func result(_ body: @escaping @Sendable (ScriptedSandbox.Realm) async -> JSONValue?) async throws -> JSONValue {
        let answer = try await self.engine(.returning(body)).execute("return 1")
        return try answer.structuredContent.value()["result"] ?? .null
    }

    /// Lets the owner look once after what it could not write.
    func watch() async {
        let owner = self.owner
        let watching = Task { await owner.run() }
        defer { watching.cancel() }
        await self.clock.waitForSleepers(2)
        self.clock.advance(by: .milliseconds(250))
        await self.clock.waitForSleepers(2)
    }

    /// What a program sees that makes this one call.
    func call(_ path: String, _ argument: JSONValue? = nil) async throws -> JSONValue {
        try await self.result { await $0.call(path, argument) }
    }
}
