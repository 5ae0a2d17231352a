internal import Crypto
internal import Synchronization

/// Credentials that were found good a moment ago. Only good ones: a bad one costs its look-up every time, so that no flood of them can
/// fill a memory.
///
/// They are found by a code of their text under a key of this process's own, so that nobody finds a credential in its memory, or can
/// search for one outside of it. That costs half a microsecond, the look-up in the database many times that.
///
/// The code is SHA-256 over a block with the key and then the text. It need not be an HMAC, which costs five times as much: what sets
/// that apart, that nobody who has the code of one text can make that of a longer one, matters to codes that are shown to somebody.
final class CallerCache: Sendable {
    private struct Entry {
        let caller: Caller
        /// Until when it is taken without another look.
        var expiry: Duration
        /// Until when it may stand in for a look that cannot be had.
        let standInExpiry: Duration
        /// Until when it counts as one that was good of late.
        let knownUntil: Duration
        /// Whether it does, until ``expiry``.
        var isStandIn = false
    }

    /// What stands for a credential here. Its first bytes tell credentials apart as well as all of them do, so that they alone are hashed.
    struct Code: Hashable {
        fileprivate let words: SIMD4<UInt64>

        fileprivate init(_ digest: SHA256.Digest) {
            self.words = digest.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
        }

        func hash(into hasher: inout Hasher) { hasher.combine(self.words[0]) }
    }

    private struct State {
        var entries: [Code: Entry] = [:]
        /// When those that have expired are looked for next.
        var purge = Duration.zero
    }

    /// Has hashed one whole block already: 256 random bits, which are in no other place, and padding.
    private let keyed: SHA256
    private let state = Mutex(State())
    private let maxEntries: Int

    init(maxEntries: Int) {
        self.maxEntries = maxEntries
        var keyed = SHA256()
        SymmetricKey(size: .bits256).withUnsafeBytes { keyed.update(bufferPointer: $0) }
        keyed.update(data: [UInt8](repeating: 0, count: SHA256.blockByteCount - 32))
        self.keyed = keyed
    }

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

    /// Whether the credential was found good of late: whoever sends it is no stranger, whether it is still good or not.
    func isKnown(_ credential: String, at uptime: Duration) -> Bool {
        let code = self.code(credential)
        return self.state.withLock { state in state.entries[code].map { $0.knownUntil > uptime } ?? false }
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

    /// Remembers a good credential until `expiry`, until `standInExpiry` for when it cannot be looked up, and that it was good until
    /// `knownUntil`.
    func store(
        _ caller: Caller, for credential: String, at uptime: Duration, until expiry: Duration, standInUntil standInExpiry: Duration? = nil,
        knownUntil: Duration? = nil
    ) {
        let standIn = max(expiry, standInExpiry ?? expiry)
        let last = max(standIn, knownUntil ?? standIn)
        guard expiry > uptime else { return }
        let code = self.code(credential)
        self.state.withLock { state in
            // Once in a lifetime of entries, so that none pays for all.
            if uptime >= state.purge || state.entries.count >= self.maxEntries {
                state.entries = state.entries.filter { $0.value.knownUntil > uptime }
                state.purge = last
            }
            // Those that are known and no more make room first. Full of fresh ones, that many within half a second: starting over costs each
            // of them one look-up.
            if state.entries.count >= self.maxEntries { state.entries = state.entries.filter { $0.value.expiry > uptime } }
            if state.entries.count >= self.maxEntries { state.entries = [:] }
            state.entries[code] = Entry(caller: caller, expiry: expiry, standInExpiry: standIn, knownUntil: last)
        }
    }

    /// What stands for a credential here.
    func code(_ credential: String) -> Code {
        var (credential, hasher) = (credential, self.keyed)
        credential.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return Code(hasher.finalize())
    }
}
