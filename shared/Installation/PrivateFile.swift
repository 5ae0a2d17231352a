import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files with secrets: readable by their owner only, whole or not there at all, and never reached through a symbolic link, which would
/// let whoever may write the folder choose what is read.
enum PrivateFile {
    /// The largest that is read.
    private static let maxBytes = 64 << 10

    /// Makes the file (0600, its folder 0700) unless it exists.
    ///
    /// The contents are written and synced under another name first, then linked to the final one: whoever reads sees all of it, and
    /// of several processes that try at once exactly one wins.
    static func createIfMissing(_ path: String, contents: () -> [UInt8]) throws {
        var status = stat()
        if lstat(path, &status) == 0 { return }
        let folder = Self.folder(of: path)
        mkdir(folder, 0o700)
        try Self.withNewFile(beside: path, contents: contents()) { temporary in
            guard link(temporary, path) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
            Self.sync(folder: folder)
        }
    }

    /// Puts `contents` in the file's place if it still holds `expected`, and does nothing if another process changed it meanwhile.
    ///
    /// Whoever replaces holds a lock on the folder, so that of several processes that try at once exactly one wins. Readers see the old
    /// file or the new one.
    static func replace(_ path: String, _ expected: [UInt8], with contents: [UInt8]) throws {
        let folder = Self.folder(of: path)
        let lock: FileDescriptor
        do {
            lock = try FileDescriptor.open(FilePath(folder), .readOnly, options: [.directory, .closeOnExec])
        } catch {
            throw InstallationError("The folder \(folder) cannot be opened: \(error).")
        }
        try lock.closeAfter {
            while flock(lock.rawValue, LOCK_EX) != 0 {
                guard errno == EINTR else { throw InstallationError("The folder \(folder) cannot be locked: \(Errno(rawValue: errno)).") }
            }
            guard try Self.read(path) == expected else { return }
            try Self.withNewFile(beside: path, contents: contents) { temporary in
                guard rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
                Self.sync(folder: folder)
            }
        }
    }

    /// Reads the file; refuses one that others than its owner can read.
    static func read(_ path: String) throws -> [UInt8] {
        let file: FileDescriptor
        do {
            // Opening a pipe would wait for its writer.
            file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
        } catch Errno.noSuchFileOrDirectory {
            throw InstallationError("The file \(path) is missing. `roost bootstrap` makes it.")
        } catch Errno.tooManySymbolicLinkLevels {
            throw InstallationError("The file \(path) is a symbolic link. Name the file itself.")
        } catch {
            throw InstallationError("The file \(path) cannot be opened: \(error).")
        }
        return try file.closeAfter {
            // The file that is open is looked at, not the one that has its name by now.
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw InstallationError("\(path) is not a file.")
            }
            guard status.st_mode & 0o077 == 0 else {
                throw InstallationError("The file \(path) can be read by others than its owner. Run `chmod 600` on it.")
            }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            do {
                while bytes.count <= Self.maxBytes {
                    let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                    if count == 0 { return bytes }
                    bytes += chunk[..<count]
                }
            } catch {
                throw InstallationError("The file \(path) cannot be read: \(error).")
            }
            throw InstallationError("The file \(path) is too large to be a key file.")
        }
    }

    /// Writes and syncs a file (0600) of another name in the same folder, and takes that name away again after `body`.
    private static func withNewFile(beside path: String, contents: [UInt8], _ body: (_ temporary: String) throws -> Void) throws {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max))"
        do {
            let file = try FileDescriptor.open(
                FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
            defer { unlink(temporary) }
            try file.closeAfter {
                try file.writeAll(contents)
                guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            }
            try body(temporary)
        } catch {
            throw InstallationError("The file \(path) cannot be made: \(error). Check the folder and its owner.")
        }
    }

    private static func folder(of path: String) -> String {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder
    }

    /// Makes the file's name survive a crash, so that no hash is stored of a key that is not. Not every file system can.
    private static func sync(folder: String) {
        guard let descriptor = try? FileDescriptor.open(FilePath(folder), .readOnly, options: [.directory, .closeOnExec]) else { return }
        fsync(descriptor.rawValue)
        try? descriptor.close()
    }
}
