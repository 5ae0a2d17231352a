internal import Model
import Synchronization

/// Unwrapped data keys, for a while: a tool call needs one, and should not cost a look-up for it.
///
/// A version's key never changes, so that nothing in here can be wrong. It is bounded in number and in time so that a process holds few
/// keys, and notices within that time that a vault key was taken from it.
final class DataKeyCache: Sendable {
    private struct Name: Hashable {
        let organization: OrganizationID
        let version: Int
    }

    private struct Entry {
        let key: DataKey
        let expiry: ContinuousClock.Instant
        var lastUse: UInt64
    }

    private struct State {
        var entries: [Name: Entry] = [:]
        var useCount: UInt64 = 0
    }

    private let state = Mutex(State())
    private let maxKeys: Int
    private let lifetime: Duration
    private let now: @Sendable () -> ContinuousClock.Instant

    init(maxKeys: Int, lifetime: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.maxKeys = maxKeys
        self.lifetime = lifetime
        self.now = now
    }

    func key(_ version: Int, of organization: OrganizationID) -> DataKey? {
        let now = self.now()
        return self.state.withLock { state in
            let name = Name(organization: organization, version: version)
            guard let entry = state.entries[name] else { return nil }
            guard entry.expiry > now else {
                state.entries[name] = nil
                return nil
            }
            state.useCount += 1
            state.entries[name]?.lastUse = state.useCount
            return entry.key
        }
    }

    /// Keeps a key, in the place of the one unused longest when there are too many.
    func keep(_ key: DataKey, of organization: OrganizationID) {
        let expiry = self.now() + self.lifetime
        self.state.withLock { state in
            state.useCount += 1
            let name = Name(organization: organization, version: key.version)
            state.entries[name] = Entry(key: key, expiry: expiry, lastUse: state.useCount)
            guard state.entries.count > self.maxKeys, let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
                return
            }
            state.entries[oldest.key] = nil
        }
    }

    /// Forgets an organization's versions before `version`: they were rotated out, and what they sealed is sealed anew.
    func drop(before version: Int, of organization: OrganizationID) {
        self.state.withLock { state in
            state.entries = state.entries.filter { $0.key.organization != organization || $0.key.version >= version }
        }
    }
}
