import Foundation
import TestSupport
import Testing

@testable import Installation

@Suite("Private files", .timeLimit(.minutes(1))) struct PrivateFileTests {
    @Test("a file is made once, for its owner alone, and read whole")
    func create() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/new/file"
            let contents = (0..<20_000).map { UInt8(truncatingIfNeeded: $0) }
            try PrivateFile.createIfMissing(path) { contents }
            try PrivateFile.createIfMissing(path) { [1] }
            #expect(try PrivateFile.read(path) == contents)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/new") == ["file"])
        }
    }

    @Test("a file is replaced only while it holds what was expected")
    func replace() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/file"
            try PrivateFile.createIfMissing(path) { [1] }
            try PrivateFile.replace(path, [2], with: [3])
            #expect(try PrivateFile.read(path) == [1])
            try PrivateFile.replace(path, [1], with: [3])
            #expect(try PrivateFile.read(path) == [3])
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test("a link out of the folder, a folder, a file for others, one that is too large and one that is not there are refused")
    func refused() async throws {
        try await withTemporaryFolder { folder in
            try PrivateFile.createIfMissing(folder + "/real") { [1] }
            try FileManager.default.createDirectory(atPath: folder + "/other", withIntermediateDirectories: false)
            try PrivateFile.createIfMissing(folder + "/other/real") { [1] }
            try FileManager.default.createSymbolicLink(atPath: folder + "/other/link", withDestinationPath: "../real")
            try FileManager.default.createSymbolicLink(atPath: folder + "/other/absolute", withDestinationPath: folder + "/real")
            try FileManager.default.createSymbolicLink(atPath: folder + "/dangling", withDestinationPath: folder + "/nothing")
            // What stands in the way is not written through.
            try PrivateFile.createIfMissing(folder + "/dangling") { [2] }
            #expect(!FileManager.default.fileExists(atPath: folder + "/nothing"))
            try PrivateFile.createIfMissing(folder + "/open") { [1] }
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder + "/open")
            try PrivateFile.createIfMissing(folder + "/large") { [UInt8](repeating: 0, count: (64 << 10) + 1) }
            for (name, word) in [
                ("other/link", "symbolic link"), ("other/absolute", "symbolic link"), ("dangling", "is missing"), ("open", "chmod 600"),
                ("large", "too large"),
                ("missing", "is missing"), ("", "not a file"),
            ] {
                let error = #expect(throws: InstallationError.self) { _ = try PrivateFile.read(folder + "/" + name) }
                #expect(error.map { "\($0)" }?.contains(word) == true, "\(name)")
            }
        }
    }

    @Test("a link within the folder is followed, as Kubernetes mounts secrets")
    func mounted() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/..2026_11", withIntermediateDirectories: false)
            try PrivateFile.createIfMissing(folder + "/..2026_11/vault.key") { [7] }
            try FileManager.default.createSymbolicLink(atPath: folder + "/..data", withDestinationPath: "..2026_11")
            try FileManager.default.createSymbolicLink(atPath: folder + "/vault.key", withDestinationPath: "..data/vault.key")
            #expect(try PrivateFile.read(folder + "/vault.key") == [7])
            #expect(try PrivateFile.readIfPresent("vault.key", inFolder: folder, maxBytes: 1) == [7])
            #expect(throws: InstallationError.self) { try PrivateFile.readIfPresent("vault.key", inFolder: folder, maxBytes: 0) }
            #expect(throws: InstallationError.self) { try PrivateFile.readIfPresent("..data", inFolder: folder, maxBytes: 9) }
        }
    }
}
