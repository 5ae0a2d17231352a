import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files with secrets: readable by their owner only, whole or not there at all, and never reached through a symbolic link that leads out
/// of their folder. Links within it are how Kubernetes mounts secrets.
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

    /// Makes the file (0600); refuses when it exists.
    static func create(_ path: String, contents: [UInt8]) throws {
        try Self.withNewFile(beside: path, contents: contents) { temporary in
            guard link(temporary, path) == 0 else { throw Errno(rawValue: errno) }
            Self.sync(folder: Self.folder(of: path))
        }
    }

    /// Makes the file (0600) of what `write` puts into it: it appears when that has returned, or not at all. Refuses when it exists.
    static func create<Result>(_ path: String, _ write: (FileDescriptor) async throws -> Result) async throws -> Result {
        let temporary = Self.temporaryName(for: path)
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
        } catch {
            throw InstallationError("The file \(path) cannot be made: \(error). Check the folder and its owner.")
        }
        defer { unlink(temporary) }
        let result: Result
        do {
            result = try await write(file)
            guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            try file.close()
            guard link(temporary, path) == 0 else { throw Errno(rawValue: errno) }
        } catch let error as Errno {
            try? file.close()
            throw InstallationError("The file \(path) cannot be made: \(error). It must not exist, and its disk needs room.")
        } catch {
            try? file.close()
            throw error
        }
        Self.sync(folder: Self.folder(of: path))
        return result
    }

    private static func temporaryName(for path: String) -> String { "\(path).\(getpid()).\(UInt32.random(in: .min ... .max))" }

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
    ///
    /// A file of root's may also be readable by our group: that is how a container is handed one that it cannot change.
    static func read(_ path: String) throws -> [UInt8] {
        guard let bytes = try Self.readIfPresent(path) else {
            throw InstallationError("The file \(path) is missing. `roost bootstrap` makes it.")
        }
        return bytes
    }

    /// As ``read(_:)``; nil when there is no such file.
    static func readIfPresent(_ path: String) throws -> [UInt8]? {
        try Self.readIfPresent(path, within: Self.folder(of: path), maxBytes: Self.maxBytes) { status in
            let forGroup: mode_t = status.st_uid == 0 && geteuid() != 0 ? 0o040 : 0
            guard status.st_mode & 0o077 & ~forGroup == 0 else {
                throw InstallationError("The file \(path) can be read by others than its owner. Run `chmod 600` on it.")
            }
        }
    }

    /// Reads a file of a folder that somebody else fills, such as secrets that are mounted; nil when there is no such file.
    ///
    /// - Parameter name: Without `..`. Symbolic links are followed as long as they stay in the folder.
    static func readIfPresent(_ name: String, inFolder folder: String, maxBytes: Int) throws -> [UInt8]? {
        try Self.readIfPresent(folder + "/" + name, within: folder, maxBytes: maxBytes) { status in
            guard status.st_mode & 0o002 == 0 else {
                throw InstallationError("The file \(name) in the folder of secrets can be written by everybody. Run `chmod o-w` on it.")
            }
        }
    }

    /// - Parameter check: Looks at the file that is open, not at the one that has its name by now.
    private static func readIfPresent(
        _ path: String, within folder: String, maxBytes: Int, check: (stat) throws -> Void
    ) throws -> [UInt8]? {
        let file: FileDescriptor
        do {
            // Opening a pipe would wait for its writer.
            file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw InstallationError("The file \(path) cannot be opened: \(error).")
        }
        return try file.closeAfter {
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw InstallationError("\(path) is not a file.")
            }
            guard let real = Self.realPath(folder), let opened = Self.path(of: file), opened.hasPrefix(real == "/" ? real : real + "/")
            else { throw InstallationError("The file \(path) is a symbolic link that leads out of its folder. Name the file itself.") }
            try check(status)
            return try Self.contents(of: file, path: path, maxBytes: maxBytes)
        }
    }

    private static func contents(of file: FileDescriptor, path: String, maxBytes: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        do {
            while bytes.count <= maxBytes {
                let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return bytes }
                bytes += chunk[..<count]
            }
        } catch {
            throw InstallationError("The file \(path) cannot be read: \(error).")
        }
        throw InstallationError("The file \(path) is too large to be a key file.")
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Where the open file really is.
    private static func path(of file: FileDescriptor) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        #if os(Linux)
        let count = readlink("/proc/self/fd/\(file.rawValue)", &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        #else
        guard fcntl(file.rawValue, F_GETPATH, &buffer) == 0 else { return nil }
        #endif
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes and syncs a file (0600) of another name in the same folder, and takes that name away again after `body`.
    private static func withNewFile(beside path: String, contents: [UInt8], _ body: (_ temporary: String) throws -> Void) throws {
        let temporary = Self.temporaryName(for: path)
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
