import Engine
import Model
import Policies
import Synchronization
import Testing

@Suite struct AuthorityCacheTests {
    private let source = FakeAuthority()
    private let instant = ManualInstant()
    private let principal = Principal(organization: OrganizationID(), account: AccountID(), role: .agent, method: .apiKey(APIKeyID()))

    private func cache(_ change: (inout AuthorityCache.Limits) -> Void = { _ in }) -> AuthorityCache {
        var limits = AuthorityCache.Limits()
        change(&limits)
        let instant = self.instant
        return AuthorityCache(source: self.source, limits: limits, now: { instant.now })
    }

    private func isBlocked(_ snapshot: AuthoritySnapshot) -> Bool {
        guard let address = ToolAddress("api.org.main.get") else { return false }
        return !snapshot.policies.isVisible(address)
    }

    @Test("Calls within the bound share one read, and a later one asks for the revision alone")
    func freshness() async throws {
        let cache = self.cache()
        for _ in 0..<5 { _ = try await cache.snapshot(for: self.principal) }
        #expect(self.source.state.withLock { $0.revisionReads } == 1)
        self.instant.advance(by: .milliseconds(501))
        _ = try await cache.snapshot(for: self.principal)
        #expect(self.source.state.withLock { $0.revisionReads } == 2)
        #expect(self.source.state.withLock { $0.policyReads } == 1)
    }

    @Test("A change binds calls that start after the bound")
    func change() async throws {
        let cache = self.cache()
        #expect(!self.isBlocked(try await cache.snapshot(for: self.principal)))
        self.source.set(("api.*", .block))
        self.instant.advance(by: .milliseconds(501))
        #expect(self.isBlocked(try await cache.snapshot(for: self.principal)))
    }

    @Test("A call fails when the rules it needs cannot be read, and the next one tries again")
    func failure() async throws {
        let cache = self.cache()
        _ = try await cache.snapshot(for: self.principal)
        self.instant.advance(by: .milliseconds(501))
        self.source.state.withLock { $0.isFailing = true }
        await #expect(throws: FakeAuthority.Unreachable.self) { try await cache.snapshot(for: self.principal) }
        self.source.state.withLock { $0.isFailing = false }
        _ = try await cache.snapshot(for: self.principal)
    }

    @Test("A read that hangs fails all who wait for it once its time is over, and the next one reads anew")
    func hangs() async throws {
        let (clock, source, principal) = (ManualClock(), self.source, self.principal)
        let instant = self.instant
        let cache = AuthorityCache(source: source, now: { instant.now }, sleep: { try await clock.sleep(for: $0) })
        let gate = (arrived: Gate(), proceed: Gate())
        source.state.withLock { $0.gates = [gate] }
        let reader = Task { try await cache.snapshot(for: principal) }
        await gate.arrived.wait()
        let other = Task { try await cache.snapshot(for: principal) }
        await clock.waitForSleepers(1)
        clock.advance(by: AuthorityCache.Limits().readTimeout)
        await #expect(throws: (any Error).self) { try await reader.value }
        // Who came too late to wait for the same read has read anew.
        _ = try? await other.value
        #expect(try await cache.snapshot(for: principal).isPrincipalActive)
    }

    @Test("A stored policy that cannot be read fails the call")
    func unreadablePolicy() async throws {
        let cache = self.cache()
        self.source.set(("git*", .block))
        await #expect(throws: (any Error).self) { try await cache.snapshot(for: self.principal) }
    }

    @Test("A read that began too long before a call is not used for it, however late it ends")
    func slowRead() async throws {
        let cache = self.cache()
        let (arrived, proceed) = (Gate(), Gate())
        self.source.state.withLock { $0.gates = [(arrived, proceed)] }
        async let early = cache.snapshot(for: self.principal)
        await arrived.wait()
        // The change is made while the first read is under way with its old answer; the late call must see it.
        self.source.set(("api.*", .block))
        self.instant.advance(by: .seconds(2))
        async let late = cache.snapshot(for: self.principal)
        proceed.open()
        #expect(self.isBlocked(try await late))
        _ = try await early
    }

    @Test("When the reading call is cancelled, one that waited for it reads instead")
    func cancelledReader() async throws {
        let cache = self.cache()
        let (arrived, proceed) = (Gate(), Gate())
        self.source.state.withLock { $0.gates = [(arrived, proceed)] }
        let principal = self.principal
        let reader = Task { try await cache.snapshot(for: principal) }
        await arrived.wait()
        async let waiting = cache.snapshot(for: self.principal)
        reader.cancel()
        #expect(!self.isBlocked(try await waiting))
        await #expect(throws: CancellationError.self) { try await reader.value }
    }

    @Test("A hundred calls at once share one read")
    func coalescing() async throws {
        let cache = self.cache()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { _ = try await cache.snapshot(for: self.principal) } }
            try await group.waitForAll()
        }
        #expect(self.source.state.withLock { $0.revisionReads } == 1)
    }

    @Test(
        "Whether a key may act is said without a read while the rules are fresh, and anew after the bound, a change heard of, or a failure")
    func standing() async throws {
        let cache = self.cache()
        for _ in 0..<5 { #expect(try await cache.isActive(self.principal)) }
        #expect(self.source.state.withLock { $0.revisionReads } == 1)
        self.source.state.withLock { state in
            state.isActive = false
            state.revision += 1
        }
        self.instant.advance(by: .milliseconds(500))
        #expect(try await cache.isActive(self.principal))
        self.instant.advance(by: .milliseconds(1))
        #expect(try await !cache.isActive(self.principal))
        self.source.state.withLock { state in
            state.isActive = true
            state.revision += 1
        }
        cache.forget(self.principal.organization)
        #expect(try await cache.isActive(self.principal))
        cache.forget(nil)
        self.source.state.withLock { $0.isFailing = true }
        await #expect(throws: FakeAuthority.Unreachable.self) { try await cache.isActive(self.principal) }
        let principal = self.principal
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await cache.isActive(principal)
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test("A revoked key shows with the next revision")
    func revokedKey() async throws {
        let cache = self.cache()
        #expect(try await cache.snapshot(for: self.principal).isPrincipalActive)
        self.source.state.withLock { state in
            state.isActive = false
            state.revision += 1
        }
        self.instant.advance(by: .milliseconds(501))
        #expect(try await !cache.snapshot(for: self.principal).isPrincipalActive)
    }

    @Test("Only so many organizations are remembered")
    func bounded() async throws {
        let cache = self.cache { $0.maxOrganizations = 2 }
        let others = (0..<3).map { _ in
            Principal(organization: OrganizationID(), account: AccountID(), role: .agent, method: .apiKey(APIKeyID()))
        }
        for other in others { _ = try await cache.snapshot(for: other) }
        _ = try await cache.snapshot(for: others[2])
        #expect(self.source.state.withLock { $0.revisionReads } == 3)
        _ = try await cache.snapshot(for: others[0])
        #expect(self.source.state.withLock { $0.revisionReads } == 4, "the first was forgotten")
    }

    @Test("A change that is heard of binds the next call, and nobody else's is read anew")
    func forgetting() async throws {
        let cache = self.cache()
        let other = Principal(organization: OrganizationID(), account: AccountID(), role: .agent, method: .apiKey(APIKeyID()))
        for principal in [self.principal, other] { _ = try await cache.snapshot(for: principal) }
        self.source.set(("api.*", .block))
        cache.forget(self.principal.organization)
        #expect(self.isBlocked(try await cache.snapshot(for: self.principal)))
        #expect(!self.isBlocked(try await cache.snapshot(for: other)))
        cache.forget(nil)
        #expect(self.isBlocked(try await cache.snapshot(for: other)))
    }

    @Test("What was being read when a change was heard of is read again")
    func forgettingWhileReading() async throws {
        let cache = self.cache()
        let (arrived, proceed) = (Gate(), Gate())
        self.source.state.withLock { $0.gates = [(arrived, proceed)] }
        async let early = cache.snapshot(for: self.principal)
        await arrived.wait()
        self.source.set(("api.*", .block))
        cache.forget(self.principal.organization)
        proceed.open()
        _ = try await early
        #expect(self.isBlocked(try await cache.snapshot(for: self.principal)))
    }

    @Test("Who waits for a change is woken by one, by one that came before it waited, and by cancellation")
    func waitingForChange() async throws {
        let cache = self.cache()
        _ = try await cache.snapshot(for: self.principal)
        let organization = self.principal.organization
        let number = cache.changeNumber(of: organization)
        let waiting = (0..<3).map { _ in Task { await cache.untilChanged(organization, since: number) } }
        waiting[0].cancel()
        await waiting[0].value
        cache.forget(organization)
        for task in waiting { await task.value }
        #expect(cache.changeNumber(of: organization) != number)
        await cache.untilChanged(organization, since: number)
        let anybody = Task { await cache.untilChanged(organization, since: cache.changeNumber(of: organization)) }
        cache.forget(nil)
        anybody.cancel()
        await anybody.value
    }
}
