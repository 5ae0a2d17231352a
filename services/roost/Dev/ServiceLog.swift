import SystemPackage

/// The file that a service's output and errors are appended to, and the one before it.
///
/// The service writes to its descriptor whatever happens, so the file is bounded from outside: beyond the bound it is copied to
/// `<name>.1` and emptied. Lines that are written in that moment may be lost.
struct ServiceLog: Sendable {
    let path: FilePath
    /// How large the file may grow before it is put aside; twice that is kept.
    var maxBytes = 16 << 20

    /// Opens the file for a child; the caller closes it.
    func open() throws -> FileDescriptor {
        try FileDescriptor.open(
            self.path, .readWrite, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite])
    }

    /// Puts the contents aside when there are too many.
    func bound() throws {
        let file = try self.open()
        try file.closeAfter {
            guard try file.seek(offset: 0, from: .end) > self.maxBytes else { return }
            let previous = try FileDescriptor.open(
                FilePath(self.path.string + ".1"), .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: [.ownerReadWrite])
            try previous.closeAfter { try Self.copy(file, to: previous) }
            try file.resize(to: 0)
        }
    }

    /// The last line that says something; nil for an empty file.
    func lastLine() -> String? {
        guard let file = try? self.open() else { return nil }
        let text = try? file.closeAfter {
            let end = try file.seek(offset: 0, from: .end)
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: max(0, end - 4096), into: $0) }
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
        return text?.split(whereSeparator: \.isNewline).last.map(String.init)
    }

    private static func copy(_ source: FileDescriptor, to target: FileDescriptor) throws {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var offset: Int64 = 0
        while true {
            let count = try bytes.withUnsafeMutableBytes { try source.read(fromAbsoluteOffset: offset, into: $0) }
            guard count > 0 else { return }
            try target.writeAll(bytes[..<count])
            offset += Int64(count)
        }
    }
}
