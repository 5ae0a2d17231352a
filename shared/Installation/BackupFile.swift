package import Database
package import Store
import SystemPackage

/// A backup in a file: readable by its owner only, whole or not there at all.
package enum BackupFile {
    /// Writes the database to a file that must not exist yet.
    package static func write(_ database: any Database, to path: String) async throws -> Backup.Report {
        guard let database = database as? any SnapshotReading else {
            throw InstallationError("This kind of database cannot be read as of one moment.")
        }
        return try await PrivateFile.create(path) { file in
            try await Backup.write(database, version: ServiceMain.version) { _ = try file.writeAll($0) }
        }
    }

    /// Checks a file to its end, then puts it into an empty database in one transaction.
    package static func restore(_ path: String, into database: any Database, lease: Duration) async throws -> Backup.Report {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
        } catch {
            throw InstallationError("The file \(path) cannot be opened: \(error).")
        }
        do {
            try Backup.check { try Self.read(file, $0) }
            let report = try await Backup.restore(into: database, lease: lease) {
                try file.seek(offset: 0, from: .start)
                return { try Self.read(file, $0) }
            }
            try file.close()
            return report
        } catch {
            try? file.close()
            throw error
        }
    }

    private static func read(_ file: FileDescriptor, _ maxCount: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: maxCount) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
