internal import Crypto
internal import Synchronization

/// Credentials that were found good a moment ago. Only good ones: a bad one costs its look-up every time, so that no flood of them can
/// fill a memory.
///
/// They are found by a code of their text under a key of this process's own, so that nobody finds a credential in its memory, or can
/// search for one outside of it. That costs a microsecond, the look-up in the database many times that.
final class CallerCache: Sendable {
    private struct Entry {
        let caller: Caller
        /// Until when it is taken without another look.
        var expiry: Duration
        /// Until when it may stand in for a look that cannot be had.
        let standInExpiry: Duration
        /// Whether it does, until ``expiry``.
        var isStandIn = false
    }

    private struct State {
        var entries: [HMAC<SHA256>.MAC: Entry] = [:]
        /// When those that have expired are looked for next.
        var purge = Duration.zero
    }

    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(State())
    private let maxEntries: Int

    init(maxEntries: Int) { self.maxEntries = maxEntries }

    /// How many credentials are remembered, those that expired a moment ago included.
    var count: Int { self.state.withLock { $0.entries.count } }

    /// The caller of the credential, if it was found good and that still counts at `uptime`.
    ///
    /// - Parameter takesStandIn: Whether one counts that only stands in for a look that could not be had.
    func find(_ credential: String, at uptime: Duration, takesStandIn: Bool = false) -> Caller? {
        let code = self.code(credential)
        return self.state.withLock { state in
            guard let entry = state.entries[code], entry.expiry > uptime, takesStandIn || !entry.isStandIn else { return nil }
            return entry.caller
        }
    }

    /// Whether the credential could stand in for a look at `uptime`.
    func canStandIn(_ credential: String, at uptime: Duration) -> Bool {
        let code = self.code(credential)
        return self.state.withLock { state in state.entries[code].map { $0.standInExpiry > uptime } ?? false }
    }

    /// The caller of a credential that was found good not long before `uptime` and cannot be looked up now; it is taken without another
    /// try until `expiry`.
    func standIn(_ credential: String, at uptime: Duration, until expiry: Duration) -> Caller? {
        let code = self.code(credential)
        return self.state.withLock { state in
            guard var entry = state.entries[code], entry.standInExpiry > uptime else { return nil }
            // One that was found good meanwhile counts for more.
            if entry.expiry <= uptime || entry.isStandIn {
                entry.expiry = min(expiry, entry.standInExpiry)
                entry.isStandIn = true
                state.entries[code] = entry
            }
            return entry.caller
        }
    }

    /// Forgets a credential that was found bad.
    func remove(_ credential: String) {
        let code = self.code(credential)
        self.state.withLock { $0.entries[code] = nil }
    }

    /// Remembers a good credential until `expiry`, and until `standInExpiry` for when it cannot be looked up.
    func store(
        _ caller: Caller, for credential: String, at uptime: Duration, until expiry: Duration, standInUntil standInExpiry: Duration? = nil
    ) {
        let last = max(expiry, standInExpiry ?? expiry)
        guard expiry > uptime else { return }
        let code = self.code(credential)
        self.state.withLock { state in
            // Once in a lifetime of entries, so that none pays for all.
            if uptime >= state.purge || state.entries.count >= self.maxEntries {
                state.entries = state.entries.filter { $0.value.standInExpiry > uptime }
                state.purge = last
            }
            // Those that could only stand in make room first. Full of fresh ones, that many within half a second: starting over costs each
            // of them one look-up.
            if state.entries.count >= self.maxEntries { state.entries = state.entries.filter { $0.value.expiry > uptime } }
            if state.entries.count >= self.maxEntries { state.entries = [:] }
            state.entries[code] = Entry(caller: caller, expiry: expiry, standInExpiry: last)
        }
    }

    /// What stands for a credential here.
    func code(_ credential: String) -> HMAC<SHA256>.MAC {
        var credential = credential
        return credential.withUTF8 { HMAC<SHA256>.authenticationCode(for: $0, using: self.key) }
    }
}
