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
        let expiry: Duration
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
    func find(_ credential: String, at uptime: Duration) -> Caller? {
        let code = self.code(credential)
        return self.state.withLock { state in
            guard let entry = state.entries[code], entry.expiry > uptime else { return nil }
            return entry.caller
        }
    }

    /// Remembers a good credential until `expiry`.
    func store(_ caller: Caller, for credential: String, at uptime: Duration, until expiry: Duration) {
        guard expiry > uptime else { return }
        let code = self.code(credential)
        self.state.withLock { state in
            // Once in a lifetime of entries, so that none pays for all.
            if uptime >= state.purge || state.entries.count >= self.maxEntries {
                state.entries = state.entries.filter { $0.value.expiry > uptime }
                state.purge = expiry
            }
            // Full of fresh ones: that many credentials within half a second; starting over costs each of them one look-up.
            if state.entries.count >= self.maxEntries { state.entries = [:] }
            state.entries[code] = Entry(caller: caller, expiry: expiry)
        }
    }

    /// What stands for a credential here.
    func code(_ credential: String) -> HMAC<SHA256>.MAC {
        var credential = credential
        return credential.withUTF8 { HMAC<SHA256>.authenticationCode(for: $0, using: self.key) }
    }
}
