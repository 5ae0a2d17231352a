import Foundation
import Testing
import Vault

@Suite("The key file is made once and belongs to its database")
final class VaultKeyFileTests {
    private let folder: URL
    private var path: String { self.folder.appending(path: "vault.key").path }

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "roost-vault-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    private func code(storedKeyVersion: Int?) -> VaultError.Code? {
        do throws(VaultError) {
            _ = try VaultKeyFile.load(path: self.path, storedKeyVersion: storedKeyVersion)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("An empty database gets a key that its owner alone can read, and the same one next time")
    func made() throws {
        let first = try VaultKeyFile.load(path: self.path, storedKeyVersion: nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: self.path)
        #expect((attributes[.posixPermissions] as? Int) == 0o600)
        #expect(try VaultKeyFile.load(path: self.path, storedKeyVersion: nil).version == first.version)
        #expect(try VaultKeyFile.load(path: self.path, storedKeyVersion: first.version).version == first.version)
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path) == ["vault.key"])
    }

    @Test("A missing key beside stored credentials is an error that makes nothing")
    func missing() {
        #expect(self.code(storedKeyVersion: 7) == .keyMissing)
        #expect(!FileManager.default.fileExists(atPath: self.path))
    }

    @Test("A key that did not seal the stored credentials is refused")
    func wrong() throws {
        let key = try VaultKeyFile.load(path: self.path, storedKeyVersion: nil)
        #expect(self.code(storedKeyVersion: key.version ^ 1) == .wrongKey)
    }

    @Test("A file that others can read, or that is no key, is refused and left alone")
    func unusable() throws {
        _ = try VaultKeyFile.load(path: self.path, storedKeyVersion: nil)
        for mode in [0o644, 0o640, 0o604, 0o660] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self.path)
            #expect(self.code(storedKeyVersion: nil) == .keyUnusable)
        }
        for text in ["", "\n", "roost-vault-key-1:", "roost-vault-key-1:AAAA", "roost-vault-key-2:\(String(repeating: "A", count: 43))"] {
            try Data(text.utf8).write(to: URL(filePath: self.path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: self.path)
            #expect(self.code(storedKeyVersion: nil) == .keyUnusable)
            #expect(try Data(contentsOf: URL(filePath: self.path)) == Data(text.utf8))
        }
        try FileManager.default.removeItem(atPath: self.path)
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
        #expect(self.code(storedKeyVersion: nil) == .keyUnusable)
    }

    @Test("A folder that does not exist is an error with its path")
    func noFolder() {
        let error = #expect(throws: VaultError.self) {
            try VaultKeyFile.load(path: "\(self.folder.path)/none/vault.key", storedKeyVersion: nil)
        }
        #expect(error?.message.contains("/none/vault.key") == true)
    }

    @Test("Many that start at once on an empty folder get one key")
    func race() async throws {
        let path = self.path
        let versions = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<32 { group.addTask { try? VaultKeyFile.load(path: path, storedKeyVersion: nil).version } }
            return await group.reduce(into: Set<Int?>()) { $0.insert($1) }
        }
        #expect(versions.count == 1)
        #expect(!versions.contains(nil))
    }
}
