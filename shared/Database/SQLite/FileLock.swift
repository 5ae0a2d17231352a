#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An exclusive lock on a file of its own, held as long as this object lives, at most until its process ends, however it ends.
///
/// Each taken lock is a description of its own (`flock`), so that two databases of one process exclude each other as two processes do.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Waits for the lock; blocks the thread, so call it from one that may block.
    init(path: String, timeout: Duration) throws(DatabaseError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw DatabaseError(code: .unavailable, message: "the lock file beside the database cannot be opened", nativeCode: Int(errno))
        }
        let deadline = ContinuousClock.now.advanced(by: timeout)
        self.descriptor = descriptor
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let failure = errno
            guard failure == EWOULDBLOCK || failure == EINTR, ContinuousClock.now < deadline else {
                throw DatabaseError(
                    code: .busy, message: "another process kept the lock beside the database for \(timeout)", nativeCode: Int(failure))
            }
            usleep(Self.pause)
        }
    }

    /// Microseconds between attempts. A blocking attempt could not be bounded in time.
    private static let pause: UInt32 = 5000

    /// Replaces what the file says, for whoever wants to know about the holder. What fails is left out: the lock does not need it.
    func note(_ text: String) {
        let bytes = Array(text.utf8)
        guard ftruncate(self.descriptor, 0) == 0 else { return }
        _ = pwrite(self.descriptor, bytes, bytes.count, 0)
    }

    /// What the holder of a lock has noted; empty where there is nothing.
    static func note(at path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    deinit { close(self.descriptor) }
}
