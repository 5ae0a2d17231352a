import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files with secrets: readable by their owner only, and whole or not there at all.
enum PrivateFile {
    /// The largest that is read.
    private static let maxBytes = 64 << 10

    /// Makes the file (0600, its folder 0700) unless it exists.
    ///
    /// The contents are written and synced under another name first, then linked to the final one: whoever reads sees all of it, and
    /// of several processes that try at once exactly one wins.
    static func createIfMissing(_ path: String, contents: () -> [UInt8]) throws {
        if access(path, F_OK) == 0 { return }
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        if !folder.isEmpty { mkdir(folder, 0o700) }
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max))"
        do {
            let file = try FileDescriptor.open(
                FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
            defer { unlink(temporary) }
            try file.closeAfter {
                try file.writeAll(contents())
                guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            }
            guard link(temporary, path) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
        } catch {
            throw InstallationError("The file \(path) cannot be made: \(error). Check the folder and its owner.")
        }
    }

    /// Reads the file; refuses one that others than its owner can read.
    static func read(_ path: String) throws -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw InstallationError("The file \(path) is missing. `roost bootstrap` makes it.") }
        guard status.st_mode & 0o077 == 0 else {
            throw InstallationError("The file \(path) can be read by others than its owner. Run `chmod 600` on it.")
        }
        guard status.st_size <= Self.maxBytes else { throw InstallationError("The file \(path) is too large to be a key file.") }
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
            return try file.closeAfter {
                var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
                let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
                return Array(bytes.prefix(count))
            }
        } catch {
            throw InstallationError("The file \(path) cannot be read: \(error).")
        }
    }
}
