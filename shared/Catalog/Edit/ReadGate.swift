import Synchronization

/// Lets a few readers of documents in at a time. Reading a large one takes some hundred megabytes for a moment; more at once are refused
/// instead of kept waiting with their bytes in memory.
final class ReadGate: Sendable {
    private let maxReaders: Int
    private let readers = Mutex(0)

    init(maxReaders: Int) { self.maxReaders = maxReaders }

    /// Runs `body`, or throws `busy` when as many run already.
    func whileEntered<Result>(_ body: () async throws -> Result) async throws -> Result {
        let isEntered = self.readers.withLock { readers in
            guard readers < self.maxReaders else { return false }
            readers += 1
            return true
        }
        guard isEntered else { throw CatalogError(.busy, "Other documents are being read. Try again in a moment.") }
        defer { self.readers.withLock { $0 -= 1 } }
        return try await body()
    }
}
