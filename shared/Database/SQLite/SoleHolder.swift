#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The right to be the only process of its kind on a SQLite file, held as long as this object lives, at most until the process ends,
/// however it ends.
///
/// The lock file beside the database says who holds it, and whether they are about to go: then a successor waits for them.
package final class SoleHolder: Sendable {
    private let lock: FileLock

    private init(lock: FileLock) {
        self.lock = lock
        lock.note("\(getpid())")
    }

    /// Takes the place of a kind on a database file, which is made where there is none.
    ///
    /// - Parameters:
    ///   - kind: part of the lock file's name, beside the file that the path leads to, whatever links are on the way.
    ///   - grace: how long to wait for a holder that says nothing: one that was killed this moment, or has not heard yet that it is to go.
    ///   - handover: how long to wait for a holder that is ending.
    /// - Throws: `busy`, naming the holder, when the place stays taken.
    package static func take(
        _ kind: String, of path: String, grace: Duration = .seconds(2), handover: Duration
    ) async throws -> SoleHolder {
        try await BlockingWork.run {
            try SQLiteFile(path: path).prepare()
            let lockPath = "\(Self.resolved(path)).\(kind).lock"
            if let lock = try Self.attempt(lockPath, grace) { return SoleHolder(lock: lock) }
            if FileLock.note(at: lockPath).hasSuffix(Self.ending), let lock = try Self.attempt(lockPath, handover) {
                return SoleHolder(lock: lock)
            }
            let holder = FileLock.note(at: lockPath).split(separator: " ").first.map { " (process \($0))" } ?? ""
            throw DatabaseError(code: .busy, message: "another \(kind)\(holder) works on the SQLite database \(path)")
        }
    }

    /// Tells successors that the place will be free soon; it is still held.
    package func announceEnd() { self.lock.note("\(getpid())\(Self.ending)") }

    private static let ending = " is ending"

    private static func attempt(_ path: String, _ timeout: Duration) throws -> FileLock? {
        do {
            return try FileLock(path: path, timeout: timeout)
        } catch {
            guard error.code == .busy else { throw error }
            return nil
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
