import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The folder in which one installation keeps its database, keys and logs, held by one supervisor at a time.
struct DataFolder: ~Copyable {
    let path: FilePath
    private let lock: FileDescriptor

    /// Makes the folder (0700) if need be, and takes its lock, which the kernel gives back when the process ends.
    ///
    /// - Throws: ``UsageError`` when the folder cannot be made or another supervisor holds it.
    init(path: FilePath) throws {
        self.path = path
        for folder in Self.withParents(path.appending("logs")) where mkdir(folder.string, 0o700) != 0 && errno != EEXIST {
            throw UsageError("The data folder \(folder) cannot be made: \(Errno(rawValue: errno)). Set ROOST_DATA_DIR to another one.")
        }
        let lock: FileDescriptor
        do {
            lock = try FileDescriptor.open(
                path.appending("dev.lock"), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
        } catch {
            throw UsageError("The data folder \(path) cannot be written to: \(error). Set ROOST_DATA_DIR to another one.")
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try? lock.close()
            throw UsageError("The data folder \(path) is in use by another `roost dev`. Stop that one, or set ROOST_DATA_DIR.")
        }
        self.lock = lock
    }

    /// The folder and all above it, the highest first.
    private static func withParents(_ path: FilePath) -> [FilePath] {
        var folders = [path]
        while let last = folders.last, last.components.count > 1 { folders.append(last.removingLastComponent()) }
        return folders.reversed()
    }

    deinit { try? self.lock.close() }

    func file(_ name: String) -> String { self.path.appending(name).string }
}

/// Something that the person who started the command can mend; its text is all they are shown.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
