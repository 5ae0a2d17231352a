/// Translations of the texts seen last, within a bound on their size; the one that was not used for longest goes first.
struct TranslationCache {
    private struct Entry {
        let program: TranslatedProgram
        let byteCount: Int
        var lastUse: UInt64
    }

    private let maxBytes: Int
    private var entries: [String: Entry] = [:]
    private var byteCount = 0
    private var clock: UInt64 = 0

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// The translation of exactly this text.
    mutating func program(for source: String) -> TranslatedProgram? {
        self.clock += 1
        self.entries[source]?.lastUse = self.clock
        return self.entries[source]?.program
    }

    /// Keeps a translation, unless it alone would fill more than a quarter of the cache.
    mutating func insert(_ program: TranslatedProgram, for source: String) {
        let byteCount = source.utf8.count + program.code.utf8.count + program.mappings.utf8.count + 256
        guard byteCount <= self.maxBytes / 4, self.entries[source] == nil else { return }
        self.clock += 1
        self.entries[source] = Entry(program: program, byteCount: byteCount, lastUse: self.clock)
        self.byteCount += byteCount
        while self.byteCount > self.maxBytes, let oldest = self.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            self.entries[oldest.key] = nil
            self.byteCount -= oldest.value.byteCount
        }
    }
}
