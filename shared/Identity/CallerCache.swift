internal import Synchronization

/// Credentials that were found good a moment ago. Only good ones: a bad one costs its look-up every time, so that no flood of them can
/// fill a memory.
///
/// They are found by their text: to hash it as the database wants it costs more than all the rest of a look-up.
final class CallerCache: Sendable {
    private struct Entry {
        let caller: Caller
        let expiry: Duration
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let maxEntries: Int

    init(maxEntries: Int) { self.maxEntries = maxEntries }

    /// The caller of the credential, if it was found good and that still counts at `uptime`.
    func find(_ credential: String, at uptime: Duration) -> Caller? {
        self.entries.withLock { entries in
            guard let entry = entries[credential], entry.expiry > uptime else { return nil }
            return entry.caller
        }
    }

    /// Remembers a good credential until `expiry`.
    func store(_ caller: Caller, for credential: String, at uptime: Duration, until expiry: Duration) {
        guard expiry > uptime else { return }
        self.entries.withLock { entries in
            if entries.count >= self.maxEntries { entries = entries.filter { $0.value.expiry > uptime } }
            // Full of fresh ones: that many credentials within half a second; starting over costs each of them one look-up.
            if entries.count >= self.maxEntries { entries = [:] }
            entries[credential] = Entry(caller: caller, expiry: expiry)
        }
    }
}
