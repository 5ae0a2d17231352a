import Database
import Foundation
import Identity
import Model
import Store
import TestSupport
import Testing

@testable import Installation

@Suite("Bootstrap", .timeLimit(.minutes(1))) struct BootstrapTests {
    /// An installation in a folder of its own.
    private struct Fixture {
        let bootstrap: Bootstrap
        let keysFile: String
        let settings: InstallationSettings

        func withStore<Result>(_ body: (Store) async throws -> Result) async throws -> Result {
            let database = try await self.settings.database.open()
            do {
                let result = try await body(Store(database: database))
                try await database.close()
                return result
            } catch {
                try? await database.close()
                throw error
            }
        }

        func mode() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: self.keysFile)[.posixPermissions] as? Int
        }
    }

    private func withInstallation(_ body: (Fixture) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let settings = try await InstallationSettings.load(environment: [
                "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key",
                "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key",
            ])
            let keysFile = Bootstrap.defaultKeysFile(settings)
            try await body(Fixture(bootstrap: Bootstrap(settings: settings, keysFile: keysFile), keysFile: keysFile, settings: settings))
        }
    }

    private func revoke(_ key: APIKeyText, _ store: Store) async throws {
        let found = try #require(try await store.keys.find(hash: key.hash))
        switch found.holder {
        case .installation(let id): try await store.keys.revokeInstallationKey(id)
        case .principal(let principal):
            guard case .apiKey(let id) = principal.method else { return }
            _ = try await store.keys.revoke(id, in: principal.organization)
        }
    }

    @Test("the second run changes nothing")
    func again() async throws {
        try await self.withInstallation { installation in
            _ = try await installation.bootstrap.run()
            let file = try PrivateFile.read(installation.keysFile)
            #expect(try installation.mode() == 0o600)
            _ = try await installation.bootstrap.run()
            #expect(try PrivateFile.read(installation.keysFile) == file)
        }
    }

    @Test("a key of the file that was revoked is replaced by a working one, the others stay", arguments: 0..<3)
    func revoked(part: Int) async throws {
        try await self.withInstallation { installation in
            func texts(_ keys: Bootstrap.Keys) -> [APIKeyText] { [keys.agent, keys.admin, keys.installation] }
            let before = texts(try await installation.bootstrap.run())
            try await installation.withStore { store in
                let organization = try #require(try await store.organizations.find(slug: "default")).id
                // The last admin key cannot be revoked.
                _ = try await store.keys.create(in: organization, role: .admin, name: "second", hash: SecretHash(of: "second"))
                try await self.revoke(before[part], store)
            }
            let after = texts(try await installation.bootstrap.run())
            #expect(after[part].hash != before[part].hash)
            for other in 0..<3 where other != part { #expect(after[other].hash == before[other].hash) }
            #expect(try installation.mode() == 0o600)
            try await installation.withStore { store in
                for key in after {
                    let standing = try await store.keys.standing(hash: key.hash)
                    #expect(standing == .active)
                }
                let old = try await store.keys.standing(hash: before[part].hash)
                #expect(old == .revoked)
            }
            #expect(texts(try await installation.bootstrap.run()).map(\.hash) == after.map(\.hash))
        }
    }

    @Test("processes that start at once agree on the new keys, and no other key comes into being")
    func atOnce() async throws {
        try await self.withInstallation { installation in
            let before = try await installation.bootstrap.run()
            try await installation.withStore { try await self.revoke(before.agent, $0) }
            let agents = try await withThrowingTaskGroup(of: Bootstrap.Keys.self) { group in
                for _ in 0..<4 { group.addTask { try await installation.bootstrap.run() } }
                return try await group.reduce(into: Set<SecretHash>()) { $0.insert($1.agent.hash) }
            }
            #expect(agents.count == 1)
            try await installation.withStore { store in
                let keys = try await store.keys.list(in: before.organization).items
                #expect(keys.filter { $0.role == .agent }.count == 2)
            }
        }
    }

    @Test("a file that was written before its keys were stored gets them stored")
    func absent() async throws {
        try await self.withInstallation { installation in
            let keys = try await installation.bootstrap.run()
            let file = try PrivateFile.read(installation.keysFile)
            let drawn = APIKeyText()
            let text = String(decoding: file, as: UTF8.self).replacing(keys.agent.secret.reveal(), with: drawn.secret.reveal())
            try PrivateFile.replace(installation.keysFile, file, with: Array(text.utf8))
            #expect(try await installation.bootstrap.run().agent.hash == drawn.hash)
            let standing = try await installation.withStore { try await $0.keys.standing(hash: drawn.hash) }
            #expect(standing == .active)
        }
    }
}
