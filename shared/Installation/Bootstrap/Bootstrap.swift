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
/// run finds the file and stores the hashes that are missing. A key of the file that was revoked is replaced there by a new one in the
/// same way, so no key in the file stays a dead one.
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

    /// `keys.json` beside the channel key.
    package static func defaultKeysFile(_ settings: InstallationSettings) -> String {
        let folder = settings.channel.keyFile.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
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
        try await store.prepare()
        let organization = try await self.organization(store)
        try PrivateFile.createIfMissing(self.keysFile) { Self.newFile(organization) }
        for part in KeyPart.allCases { try await self.ensure(part, store) }
        return try self.readFile().keys
    }

    /// The parts of the keys file that hold keys.
    private enum KeyPart: String, CaseIterable {
        case agent = "agent_key"
        case admin = "admin_key"
        case installation = "installation_key"

        func key(of keys: Keys) -> APIKeyText {
            switch self {
            case .agent: keys.agent
            case .admin: keys.admin
            case .installation: keys.installation
            }
        }

        var name: String {
            switch self {
            case .agent: "First agent key"
            case .admin: "First admin key"
            case .installation: "First installation key"
            }
        }
    }

    /// Sees to it that a key of the file works.
    ///
    /// Looks again after every step, because other processes may do the same: at most one draws a new key, and at most one stores it.
    private func ensure(_ part: KeyPart, _ store: Store) async throws {
        for _ in 0..<Self.maxAttempts {
            let (bytes, keys) = try self.readFile()
            switch try await store.keys.standing(hash: part.key(of: keys).hash) {
            case .active: return
            case .revoked: try PrivateFile.replace(self.keysFile, bytes, with: Self.file(bytes, renewing: part))
            case .absent:
                do {
                    try await Self.insert(part, of: keys, store)
                } catch let error as StoreError where error.code == .alreadyExists {
                    // Another process was quicker.
                }
            }
        }
        throw InstallationError("The \(part.rawValue) of \(self.keysFile) was revoked or replaced again and again. Run it once more.")
    }

    /// Replacing, storing and looking are three; the others are for processes that start at the same time.
    private static let maxAttempts = 10

    private static func insert(_ part: KeyPart, of keys: Keys, _ store: Store) async throws {
        let hash = part.key(of: keys).hash
        switch part {
        case .agent: _ = try await store.keys.create(in: keys.organization, role: .agent, name: part.name, hash: hash)
        case .admin: _ = try await store.keys.create(in: keys.organization, role: .admin, name: part.name, hash: hash)
        case .installation: _ = try await store.keys.createInstallationKey(name: part.name, hash: hash)
        }
    }

    private func readFile() throws -> (bytes: [UInt8], keys: Keys) {
        let bytes = try PrivateFile.read(self.keysFile)
        return (bytes, try Self.read(bytes, path: self.keysFile))
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

    /// The same file with a new key in one part.
    private static func file(_ bytes: [UInt8], renewing part: KeyPart) throws -> [UInt8] {
        var file = try JSONValue(parsing: bytes).object ?? [:]
        file[part.rawValue] = .string(APIKeyText().secret.reveal())
        return Array((JSONValue.object(file).prettyText() + "\n").utf8)
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
