#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The database's place in the file system.
struct SQLiteFile: Sendable {
    let path: String

    /// What processes lock while they create or migrate the database.
    var lockPath: String { self.path + ".lock" }

    /// Makes the folder (0700, its parents too) and an empty file (0600) where they are missing. SQLite gives its own side files the
    /// mode of the database. What exists keeps its mode.
    func prepare() throws(DatabaseError) {
        try self.makeFolder(self.path.split(separator: "/", omittingEmptySubsequences: false).dropLast())
        let descriptor = open(self.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("the database file cannot be created or opened") }
        close(descriptor)
    }

    private func makeFolder(_ parts: ArraySlice<Substring>) throws(DatabaseError) {
        let folder = parts.joined(separator: "/")
        guard !folder.isEmpty, mkdir(folder, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT else { throw Self.failure("the database's folder cannot be created") }
        try self.makeFolder(parts.dropLast())
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure("the database's folder cannot be created") }
    }

    private static func failure(_ message: String) -> DatabaseError {
        DatabaseError(code: errno == EROFS ? .readOnly : .unavailable, message: message, nativeCode: Int(errno))
    }
}
