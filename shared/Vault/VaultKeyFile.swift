internal import Model

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

/// The file `vault.key` in the data folder, which holds the vault's key and nothing else.
///
/// It is made once, for a database without secrets, readable by its owner alone. Lost with the database in place, the secrets are lost,
/// so a new key is never made quietly beside them. Both services may start on an empty folder at once: the file appears whole or not at
/// all, and whoever comes second reads the first one's.
package enum VaultKeyFile {
    private static let prefix = "roost-vault-key-1:"
    private static let maxBytes = 256

    /// Reads the key, or makes it where that is safe.
    ///
    /// - Parameters:
    ///   - path: The file. Its folder exists.
    ///   - storedKeyVersion: The key version of some sealed value in the database; nil when it holds none.
    package static func load(path: String, storedKeyVersion: Int?) throws(VaultError) -> VaultKey {
        let key: VaultKey
        if let existing = try self.read(path) {
            key = existing
        } else if storedKeyVersion == nil {
            key = try self.create(path)
        } else {
            throw VaultError(
                .keyMissing,
                "\(path) is missing and the database holds credentials that were sealed with it. Restore the file from a backup; "
                    + "without it every connection must be removed and added again.")
        }
        guard storedKeyVersion == nil || storedKeyVersion == key.version else {
            throw VaultError(
                .wrongKey,
                "\(path) is not the key that the database's credentials were sealed with. Restore the file that belongs to this database.")
        }
        return key
    }

    /// Nil when there is no such file.
    private static func read(_ path: String) throws(VaultError) -> VaultKey? {
        let descriptor = Self.retrying { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw self.unusable(path, "cannot be opened: \(self.systemError)") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw self.unusable(path, "is not a file") }
        guard status.st_mode & 0o077 == 0 else { throw self.unusable(path, "can be read by others; run chmod 600 on it") }
        var buffer = [UInt8](repeating: 0, count: self.maxBytes)
        let count = Self.retrying { buffer.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) } }
        guard count >= 0 else { throw self.unusable(path, "cannot be read: \(self.systemError)") }
        let line = String(decoding: buffer.prefix(count), as: UTF8.self).prefix { $0 != "\n" }
        guard line.hasPrefix(self.prefix), let bytes = Base64URL.decode(line.dropFirst(self.prefix.count)), let key = VaultKey(bytes: bytes)
        else {
            throw self.unusable(path, "does not hold a vault key")
        }
        return key
    }

    /// Writes a new key beside its place and links it there, which fails where a file already is.
    private static func create(_ path: String) throws(VaultError) -> VaultKey {
        let key = VaultKey()
        let text = Array("\(self.prefix)\(Base64URL.encode(key.bytes))\n".utf8)
        let temporary = "\(path).\(UInt64.random(in: .min ... .max))"
        let descriptor = Self.retrying { open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw self.unusable(path, "cannot be made: \(self.systemError)") }
        defer { unlink(temporary) }
        let isWritten =
            Self.retrying { text.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) } } == text.count
            && fsync(descriptor) == 0
        guard close(descriptor) == 0, isWritten else { throw self.unusable(path, "cannot be written: \(self.systemError)") }
        guard link(temporary, path) == 0 else {
            guard errno == EEXIST, let other = try self.read(path) else { throw self.unusable(path, "cannot be made: \(self.systemError)") }
            return other
        }
        self.syncFolder(of: path)
        return key
    }

    /// Makes the file's name survive a crash, so that no secret is stored under a key that is not.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = Self.retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func unusable(_ path: String, _ fault: String) -> VaultError {
        VaultError(.keyUnusable, "\(path) \(fault).")
    }

    private static var systemError: String { String(cString: strerror(errno)) }

    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}

/// The type has a member named `read`, which hides the C function.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int { read(descriptor, buffer, count) }

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, buffer, count) }
