import Database
package import Identity
import JSON
package import Model
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes what a new installation needs, and leaves alone what exists.
///
/// The API keys are drawn first and written to the file before their hashes go into the database: whatever dies in between, the next
/// run finds the file and stores the hashes that are missing, so no key in the file is ever a dead one.
package struct Bootstrap: Sendable {
    /// What stands in the keys file.
    package struct Keys: Sendable {
        package let organization: OrganizationID
        package let agent: APIKeyText
        package let admin: APIKeyText
        package let installation: APIKeyText
    }

    private let settings: InstallationSettings
    private let keysFile: String

    package init(settings: InstallationSettings, keysFile: String) {
        self.settings = settings
        self.keysFile = keysFile
    }

    /// `keys.json` beside the database.
    package static func defaultKeysFile(_ settings: InstallationSettings) -> String {
        let folder = settings.database.path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return folder.isEmpty ? "keys.json" : folder + "/keys.json"
    }

    /// Makes the channel key, the database, the organization `default` and the keys, as far as they are missing.
    package func run() async throws -> Keys {
        try PrivateFile.createIfMissing(self.settings.channel.keyFile) { Self.newChannelKey() }
        let database = try await self.settings.database.open()
        do {
            let keys = try await self.run(Store(database: database, limits: self.settings.store.limits))
            try await database.close()
            return keys
        } catch {
            try? await database.close()
            throw error
        }
    }

    private func run(_ store: Store) async throws -> Keys {
        try await store.migrate()
        let organization = try await self.organization(store)
        try PrivateFile.createIfMissing(self.keysFile) { Self.newFile(organization) }
        let keys = try Self.read(PrivateFile.read(self.keysFile), path: self.keysFile)
        try await self.ensure(keys.agent, role: .agent, name: "First agent key", keys.organization, store)
        try await self.ensure(keys.admin, role: .admin, name: "First admin key", keys.organization, store)
        if try await store.keys.find(hash: keys.installation.hash) == nil {
            _ = try await store.keys.createInstallationKey(name: "First installation key", hash: keys.installation.hash)
        }
        return keys
    }

    private func organization(_ store: Store) async throws -> OrganizationID {
        if let found = try await store.organizations.find(slug: "default") { return found.id }
        do {
            return try await store.organizations.create(name: "Default", slug: "default").id
        } catch let error as StoreError where error.code == .alreadyExists {
            // Another process was quicker.
            guard let found = try await store.organizations.find(slug: "default") else { throw error }
            return found.id
        }
    }

    private func ensure(
        _ key: APIKeyText, role: Principal.Role, name: String, _ organization: OrganizationID, _ store: Store
    ) async throws {
        guard try await store.keys.find(hash: key.hash) == nil else { return }
        let account = try await store.accounts.create(in: organization, name: name)
        _ = try await store.keys.create(in: organization, account: account.id, role: role, name: name, hash: key.hash)
    }

    /// 256 random bits, as text so that the file can be looked at and copied.
    private static func newChannelKey() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return Array((Base64URL.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }) + "\n").utf8)
    }

    private static func newFile(_ organization: OrganizationID) -> [UInt8] {
        let file: JSONValue = [
            "organization": .string(organization.rawValue),
            "agent_key": .string(APIKeyText().secret.reveal()),
            "admin_key": .string(APIKeyText().secret.reveal()),
            "installation_key": .string(APIKeyText().secret.reveal()),
        ]
        return Array((file.prettyText() + "\n").utf8)
    }

    private static func read(_ bytes: [UInt8], path: String) throws -> Keys {
        guard let file = try? JSONValue(parsing: bytes),
            let organization = file["organization"]?.string.flatMap(OrganizationID.init(_:)),
            let agent = file["agent_key"]?.string.flatMap(APIKeyText.init(_:)),
            let admin = file["admin_key"]?.string.flatMap(APIKeyText.init(_:)),
            let installation = file["installation_key"]?.string.flatMap(APIKeyText.init(_:))
        else {
            throw InstallationError("The keys file \(path) is damaged. Move it away to have new keys made; the old ones go on working.")
        }
        return Keys(organization: organization, agent: agent, admin: admin, installation: installation)
    }
}
