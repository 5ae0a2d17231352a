import Identity
import Model
import Store
import Synchronization
import TestSupport

/// Clocks that a test turns by hand.
final class ManualTime: Sendable {
    private let state = Mutex((wall: Timestamp(microseconds: 1_800_000_000_000_000), uptime: Duration.zero))

    var now: Timestamp { self.state.withLock(\.wall) }

    var source: TimeSource {
        TimeSource(now: { self.state.withLock(\.wall) }, uptime: { self.state.withLock(\.uptime) })
    }

    func advance(by duration: Duration) {
        self.state.withLock { state in
            state.wall = state.wall.advanced(by: duration)
            state.uptime += duration
        }
    }
}

/// Keys in memory, which counts look-ups and can fail.
final class KeyTable: KeyDirectory {
    struct Down: Error {}

    private struct State {
        var holders: [SecretHash: KeyHolder] = [:]
        var isDown = false
        var isTouchDue = false
        var hangs = false
        var strangersGate: Gate?
        var strangers = 0
        var mostStrangers = 0
        var lookUps = 0
        var touched: [KeyHolder] = []
    }

    private let state = Mutex(State())

    var lookUps: Int { self.state.withLock(\.lookUps) }
    /// How many keys that are not here were looked up at once at the most.
    var mostStrangers: Int { self.state.withLock(\.mostStrangers) }
    var touched: [KeyHolder] { self.state.withLock(\.touched) }

    func add(_ key: APIKeyText, _ holder: KeyHolder) { self.state.withLock { $0.holders[key.hash] = holder } }
    func revoke(_ key: APIKeyText) { self.state.withLock { $0.holders[key.hash] = nil } }

    func setDown(_ isDown: Bool) { self.state.withLock { $0.isDown = isDown } }
    /// From now on a look-up ends only with its cancellation.
    func hang() { self.state.withLock { $0.hangs = true } }
    /// From now on a look-up of a key that is not here waits at a gate.
    func holdStrangers(at gate: Gate) { self.state.withLock { $0.strangersGate = gate } }
    func setTouchDue() { self.state.withLock { $0.isTouchDue = true } }

    func holder(of hash: SecretHash) async throws -> (holder: KeyHolder, isTouchDue: Bool)? {
        if self.state.withLock(\.hangs) { try await Task.sleep(for: .seconds(3600)) }
        let gate = self.state.withLock { state -> Gate? in
            guard state.holders[hash] == nil else { return nil }
            state.strangers += 1
            state.mostStrangers = max(state.mostStrangers, state.strangers)
            return state.strangersGate
        }
        await gate?.wait()
        return try self.state.withLock { state in
            state.lookUps += 1
            if state.holders[hash] == nil { state.strangers -= 1 }
            if state.isDown { throw Down() }
            return state.holders[hash].map { ($0, state.isTouchDue) }
        }
    }

    func touch(_ holder: KeyHolder) async throws {
        try self.state.withLock { state in
            state.touched.append(holder)
            throw Down()
        }
    }
}

/// Organizations and accounts in memory.
final class PeopleTable: PeopleDirectory {
    struct Down: Error {}

    private let organizations: [String: OrganizationID]
    private let state = Mutex((accounts: [String: AccountID](), names: [String](), isDown: false, disabled: Set<AccountID>()))

    init(_ organizations: [String: OrganizationID]) { self.organizations = organizations }

    var names: [String] { self.state.withLock(\.names) }

    func disable(_ account: AccountID) { self.state.withLock { _ = $0.disabled.insert(account) } }

    func setDown(_ isDown: Bool) { self.state.withLock { $0.isDown = isDown } }

    func organization(named name: String) async throws -> OrganizationID? {
        if self.state.withLock(\.isDown) { throw Down() }
        return self.organizations[name]
    }

    func account(issuer: String, subject: String, name: String, in organization: OrganizationID) async throws -> AccountID? {
        self.state.withLock { state in
            let key = "\(issuer) \(subject) \(organization)"
            if let account = state.accounts[key] { return state.disabled.contains(account) ? nil : account }
            let account = AccountID()
            state.accounts[key] = account
            state.names.append(name)
            return account
        }
    }
}

extension Principal {
    static func key(_ role: Role, organization: OrganizationID = OrganizationID()) -> Principal {
        Principal(organization: organization, account: AccountID(), role: role, method: .apiKey(APIKeyID()))
    }
}

/// The error that `body` ends with.
func failure<Value>(_ body: () async throws(IdentityError) -> Value) async -> IdentityError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
