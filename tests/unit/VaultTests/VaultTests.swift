import Database
import JSON
import Model
import Store
import Synchronization
import TestSupport
import Testing

@testable import Vault

/// Two organizations with connections, in an empty database.
private struct Fixture {
    let store: Store
    let key = VaultKey()
    let organization: OrganizationID
    let connection: ConnectionID
    let others: [OrganizationID]

    static func run(_ body: (Fixture) async throws -> Void) async throws {
        try await withTemporaryStore { store in
            let first = try await store.organizations.create(name: "Acme", slug: "acme").id
            let others = [try await store.organizations.create(name: "Beta", slug: "beta").id]
            try await body(Fixture(store: store, organization: first, connection: try await Self.connect(store, first), others: others))
        }
    }

    func vault(_ key: VaultKey? = nil, others: [VaultKey] = [], providers: [any SecretProvider] = []) -> Vault {
        Vault(keyring: Keyring(current: key ?? self.key, others: others), store: self.store, providers: providers)
    }

    /// Adds a connection with secrets, sealed by the vault, and gives its id.
    static func connect(_ store: Store, _ organization: OrganizationID, slug: String = "notes") async throws -> ConnectionID {
        let draft = IntegrationDraft(
            slug: slug, kind: .openAPI, name: slug, description: "", config: JSONText([:]), baseURL: nil, documentURL: nil, document: nil)
        let integration = try await store.integrations.add(draft, tools: ToolSet(tools: [], definitions: []), in: organization)
        let connection = ConnectionDraft(
            integration: integration.integration.id, owner: .organization, account: nil, name: "main", method: "token")
        return try await store.connections.add(connection, secrets: [], in: organization).connection.id
    }

    /// Stores secrets for the connection; seals them again when a new data key came before they were stored.
    func keep(_ values: [String: String], with vault: Vault) async throws {
        while true {
            var sealed: [SealedSecret] = []
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                sealed.append(try await vault.seal(Secret(value), name: name, of: self.connection, in: self.organization))
            }
            do {
                return try await self.store.secrets.replace(sealed, owner: self.connection, in: self.organization)
            } catch let error as StoreError where error.code == .retiredKey {
                continue
            }
        }
    }

    /// The stored secrets, opened.
    func open(with vault: Vault) async throws -> [String: String] {
        var values: [String: String] = [:]
        for sealed in try await self.store.secrets.read(owner: self.connection, in: self.organization) {
            values[sealed.name] = try await vault.open(sealed, of: self.connection, in: self.organization).reveal()
        }
        return values
    }

    func versions() async throws -> Set<Int> {
        Set(try await self.store.secrets.read(owner: self.connection, in: self.organization).map(\.keyVersion))
    }
}

private func code(_ body: () async throws -> Void) async -> VaultError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? VaultError)?.code
    }
}

@Suite("Each organization's secrets are sealed under a data key of its own", .timeLimit(.minutes(2)))
struct VaultTests {
    @Test("What one process seals another with the same vault key opens, and no other place does")
    func roundTrip() async throws {
        try await Fixture.run { fixture in
            let sealed = try await fixture.vault().seal(Secret("s3cret"), name: "token", of: fixture.connection, in: fixture.organization)
            #expect(sealed.keyVersion == 1)
            let other = fixture.vault()
            #expect(try await other.open(sealed, of: fixture.connection, in: fixture.organization) == Secret("s3cret"))
            #expect(await code { _ = try await other.open(sealed, of: ConnectionID(), in: fixture.organization) } == .cannotOpen)
            // It has no data key of its own, and nobody makes one for opening.
            #expect(await code { _ = try await other.open(sealed, of: fixture.connection, in: fixture.others[0]) } == .cannotOpen)
            #expect(try await fixture.store.dataKeys.all(in: fixture.others[0]).isEmpty)
        }
    }

    @Test("Organizations have keys of their own, which stand in the database only wrapped")
    func apart() async throws {
        try await Fixture.run { fixture in
            for organization in [fixture.organization] + fixture.others {
                _ = try await fixture.vault().seal(Secret("s"), name: "token", of: fixture.connection, in: organization)
            }
            var keys: Set<[UInt8]> = []
            for organization in [fixture.organization] + fixture.others {
                let wrapped = try #require(try await fixture.store.dataKeys.newest(in: organization))
                let key = try fixture.key.unwrap(wrapped, for: organization)
                #expect(!wrapped.wrapped.contains(key.bytes))
                keys.insert(key.bytes)
            }
            #expect(keys.count == 2)
            #expect(try await fixture.store.dataKeys.vaultKeys() == [fixture.key.id])
        }
    }

    @Test("Many that seal an organization's first secrets at once end with one data key")
    func race() async throws {
        try await Fixture.run { fixture in
            let sealed = try await withThrowingTaskGroup(of: SealedSecret.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        try await fixture.vault().seal(
                            Secret("\(number)"), name: "\(number)", of: fixture.connection, in: fixture.organization)
                    }
                }
                return try await group.reduce(into: [SealedSecret]()) { $0.append($1) }
            }
            #expect(try await fixture.store.dataKeys.all(in: fixture.organization).count == 1)
            let vault = fixture.vault()
            for secret in sealed {
                #expect(try await vault.open(secret, of: fixture.connection, in: fixture.organization) == Secret(secret.name))
            }
        }
    }

    @Test("A vault without the key that the secrets need is refused before it does anything, and makes no key beside them")
    func wrongKey() async throws {
        try await Fixture.run { fixture in
            try await fixture.keep(["token": "s"], with: fixture.vault())
            let stranger = VaultKey()
            #expect(await code { try await fixture.vault(stranger).check() } == .wrongKey)
            #expect(await code { _ = try await fixture.open(with: fixture.vault(stranger)) } == .wrongKey)
            // Not even for an organization that has no key yet.
            #expect(
                await code {
                    _ = try await fixture.vault(stranger).seal(Secret("s"), name: "n", of: fixture.connection, in: fixture.others[0])
                } == .wrongKey)
            #expect(try await fixture.store.dataKeys.vaultKeys() == [fixture.key.id])
        }
    }

    @Test("Unwrapped keys are kept for a while, in bounded number, and then looked up again")
    func cache() async throws {
        try await withTemporaryDatabase { database in
            let store = Store(database: database)
            try await store.migrate()
            let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
            let now = Mutex(ContinuousClock.now)
            var limits = VaultLimits()
            limits.keyLifetime = .seconds(10)
            let vault = Vault(keyring: Keyring(current: VaultKey()), store: store, limits: limits, now: { now.withLock { $0 } })
            let connection = ConnectionID()
            let sealed = try await vault.seal(Secret("s"), name: "token", of: connection, in: organization)
            try await database.connection(in: .installation).execute("DELETE FROM data_keys")
            #expect(try await vault.open(sealed, of: connection, in: organization) == Secret("s"))
            now.withLock { $0 += .seconds(11) }
            #expect(await code { _ = try await vault.open(sealed, of: connection, in: organization) } == .cannotOpen)
        }
        let cache = DataKeyCache(maxKeys: 2, lifetime: .seconds(10), now: { .now })
        let organization = OrganizationID()
        for version in 1...2 { cache.keep(DataKey(version: version), of: organization) }
        _ = cache.key(1, of: organization)
        cache.keep(DataKey(version: 3), of: organization)
        #expect(cache.key(1, of: organization) != nil && cache.key(2, of: organization) == nil && cache.key(3, of: organization) != nil)
        cache.drop(before: 3, of: organization)
        #expect(cache.key(1, of: organization) == nil && cache.key(3, of: organization) != nil)
    }
}

@Suite("Keys change while everything goes on", .timeLimit(.minutes(2)))
struct RotationTests {
    @Test("A new data key seals what comes and, step by step, what was there; a vault with the old one in memory goes on")
    func dataKey() async throws {
        try await Fixture.run { fixture in
            let running = fixture.vault()
            let values = Dictionary(uniqueKeysWithValues: (0..<30).map { ("name\($0)", "value\($0)") })
            try await fixture.keep(values, with: running)
            let before = try await fixture.store.secrets.read(owner: fixture.connection, in: fixture.organization)
            let rotation = try await fixture.vault().rotateDataKey(of: fixture.organization)
            #expect(rotation == Vault.Rotation(changed: 30))
            #expect(try await fixture.versions() == [2])
            #expect(try await fixture.open(with: running) == values)
            // What somebody read before the rotation opens after it.
            #expect(try await running.open(before[0], of: fixture.connection, in: fixture.organization) == Secret("value0"))
            let sealed = try await running.seal(Secret("s"), name: "token", of: fixture.connection, in: fixture.organization)
            #expect(sealed.keyVersion == 2)
            #expect(try await fixture.store.dataKeys.all(in: fixture.organization).map(\.state) == [.retired, .active])
            #expect(try await fixture.vault().finishRotation(of: fixture.organization) == Vault.Rotation())
        }
    }

    @Test("Steps are bounded, and what an interrupted rotation left is finished by the next")
    func bounded() async throws {
        try await withTemporaryDatabase { database in
            var limits = StoreLimits()
            limits.resealBatch = 4
            let store = Store(database: database, limits: limits)
            try await store.migrate()
            let organization = try await store.organizations.create(name: "Acme", slug: "acme").id
            let fixture = Fixture(
                store: store, organization: organization, connection: try await Fixture.connect(store, organization), others: [])
            let values = Dictionary(uniqueKeysWithValues: (0..<11).map { ("name\($0)", "value\($0)") })
            try await fixture.keep(values, with: fixture.vault())
            // A rotation that died after it had made the key.
            _ = try await fixture.vault().makeDataKey(2, of: organization)
            #expect(try await fixture.versions() == [1])
            #expect(try await fixture.open(with: fixture.vault()) == values)
            #expect(try await fixture.vault().finishRotation(of: organization).changed == 11)
            #expect(try await fixture.versions() == [2])
            #expect(try await fixture.open(with: fixture.vault()) == values)
        }
    }

    @Test("A secret that is replaced while it is sealed anew keeps its new value")
    func replaced() async throws {
        try await Fixture.run { fixture in
            let vault = fixture.vault()
            try await fixture.keep(["token": "old"], with: vault)
            let batch = try await fixture.store.secrets.sealed(before: 2, after: nil, in: fixture.organization)
            try await fixture.keep(["token": "new"], with: vault)
            let stale = SealedSecret(name: "token", sealed: [1], keyVersion: 2)
            #expect(try await fixture.store.secrets.reseal([(try #require(batch.first), stale)], in: fixture.organization) == 0)
            #expect(try await fixture.open(with: vault) == ["token": "new"])
        }
    }

    @Test("What was sealed before a new data key and comes after it is refused; sealed again it is under the new one")
    func inFlight() async throws {
        try await Fixture.run { fixture in
            let vault = fixture.vault()
            try await fixture.keep(["token": "first"], with: vault)
            let late = try await vault.seal(Secret("second"), name: "token", of: fixture.connection, in: fixture.organization)
            #expect(try await fixture.vault().rotateDataKey(of: fixture.organization).changed == 1)
            let error = await #expect(throws: StoreError.self) {
                try await fixture.store.secrets.replace([late], owner: fixture.connection, in: fixture.organization)
            }
            #expect(error?.code == .retiredKey)
            try await fixture.keep(["token": "second"], with: vault)
            #expect(try await fixture.versions() == [2])
            #expect(try await fixture.open(with: vault) == ["token": "second"])
        }
    }

    @Test("Two rotations at once, with secrets written meanwhile, lose nothing")
    func concurrent() async throws {
        try await Fixture.run { fixture in
            try await fixture.keep(["token": "first"], with: fixture.vault())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { _ = try await fixture.vault().rotateDataKey(of: fixture.organization) }
                }
                group.addTask {
                    for number in 0..<20 { try await fixture.keep(["token": "\(number)", "user": "u"], with: fixture.vault()) }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.open(with: fixture.vault()) == ["token": "19", "user": "u"])
            // Each rotation leaves nothing under an older key, whatever came in between.
            let newest = try #require(try await fixture.store.dataKeys.newest(in: fixture.organization))
            #expect(try await fixture.versions() == [newest.version])
        }
    }

    @Test("A new vault key wraps every data key; what was sealed stays as it is, and the old key is let go")
    func vaultKey() async throws {
        try await Fixture.run { fixture in
            let running = fixture.vault()
            try await fixture.keep(["token": "s"], with: running)
            _ = try await running.rotateDataKey(of: fixture.organization)
            _ = try await running.seal(Secret("t"), name: "token", of: fixture.connection, in: fixture.others[0])
            let sealed = try await fixture.store.secrets.read(owner: fixture.connection, in: fixture.organization)
            let next = VaultKey()
            // First every process learns to read it, then it becomes the current one, then what is there is wrapped anew.
            let reading = fixture.vault(others: [next])
            let wrapping = fixture.vault(next, others: [fixture.key])
            let rotation = try await wrapping.rotateVaultKey()
            #expect(rotation == Vault.Rotation(changed: 3, forgotten: [fixture.key.id]))
            #expect(try await fixture.store.secrets.read(owner: fixture.connection, in: fixture.organization) == sealed)
            for vault in [running, reading, wrapping, fixture.vault(next)] {
                #expect(try await fixture.open(with: vault) == ["token": "s"])
            }
            #expect(await code { try await fixture.vault().check() } == .wrongKey)
            #expect(try await wrapping.rotateVaultKey() == Vault.Rotation())
        }
    }

    @Test("A data key that somebody changed is counted and left alone, and its vault key stays needed")
    func unreadable() async throws {
        try await withTemporaryDatabase { database in
            let store = Store(database: database)
            try await store.migrate()
            let organizations = [
                try await store.organizations.create(name: "A", slug: "a").id,
                try await store.organizations.create(name: "B", slug: "b").id,
            ]
            let (old, new) = (VaultKey(), VaultKey())
            let vault = Vault(keyring: Keyring(current: old), store: store)
            for organization in organizations { _ = try await vault.seal(Secret("s"), name: "n", of: ConnectionID(), in: organization) }
            try await database.connection(in: .installation).execute(
                "UPDATE data_keys SET wrapped = $1 WHERE organization_id = $2", [1, 2, 3] as [UInt8], organizations[0])
            let rotation = try await Vault(keyring: Keyring(current: new, others: [old]), store: store).rotateVaultKey()
            #expect(rotation == Vault.Rotation(changed: 1, unreadable: 1, stillNeeded: [old.id]))
            #expect(try await store.dataKeys.vaultKeys().contains(old.id))
        }
    }
}

@Suite("Connections use secrets of the installation by reference", .timeLimit(.minutes(1)))
struct ProviderTests {
    private func providers(_ fixture: Fixture, _ list: [String]) throws -> [any SecretProvider] {
        let entries = try list.map { try #require(AllowedReferences.Entry($0)) }
        let allowed = AllowedReferences(entries, organizations: fixture.store.organizations)
        let known = ["A_TOKEN": "a", "B_TOKEN": "b"]
        return [NamedSecrets(.environment, allowed: allowed) { name throws(VaultError) in known[name].map(Secret.init(_:)) }]
    }

    @Test("Only what the list allows the organization, by slug or id, whole or by its beginning")
    func allowed() async throws {
        try await Fixture.run { fixture in
            let list = ["acme=env:A_TOKEN", "\(fixture.others[0].rawValue)=env:B_*"]
            let vault = fixture.vault(providers: try self.providers(fixture, list))
            for (organization, name, isAllowed) in [
                (fixture.organization, "A_TOKEN", true), (fixture.organization, "B_TOKEN", false), (fixture.others[0], "B_TOKEN", true),
                (fixture.others[0], "A_TOKEN", false),
            ] {
                let reference = try #require(SecretReference("env:\(name)"))
                let seen = await code { _ = try await vault.seal(reference, name: "token", of: fixture.connection, in: organization) }
                #expect(seen == (isAllowed ? nil : .referenceRefused), "\(name)")
            }
            let everybody = fixture.vault(providers: try self.providers(fixture, ["*=env:A_TOKEN"]))
            let reference = try #require(SecretReference("env:A_TOKEN"))
            let sealed = try await everybody.seal(reference, name: "token", of: fixture.connection, in: fixture.others[0])
            #expect(try await everybody.open(sealed, of: fixture.connection, in: fixture.others[0]) == Secret("a"))
            // Taken from the list it cannot be used any more.
            #expect(await code { _ = try await vault.open(sealed, of: fixture.connection, in: fixture.others[0]) } == .referenceRefused)
        }
    }

    @Test("Variables of Roost's own are refused, whatever the list allows")
    func reserved() async throws {
        try await Fixture.run { fixture in
            let entry = try #require(AllowedReferences.Entry("*=env:*"))
            let allowed = AllowedReferences([entry], organizations: fixture.store.organizations)
            let reserved = ReservedVariables(["MY_VAULT_KEY"])
            let provider = NamedSecrets(.environment, allowed: allowed, reserved: reserved) { name throws(VaultError) in Secret(name) }
            let vault = fixture.vault(providers: [provider])
            for (name, isReserved) in [
                ("ROOST_DATABASE_URL", true), ("roost_database_url", true), ("OTEL_EXPORTER_OTLP_HEADERS", true), ("SENTRY_DSN", true),
                ("MY_VAULT_KEY", true), ("NOTES_TOKEN", false),
            ] {
                let reference = try #require(SecretReference("env:\(name)"))
                let seen = await code { _ = try await vault.seal(reference, name: "t", of: fixture.connection, in: fixture.organization) }
                #expect(seen == (isReserved ? .referenceRefused : nil), "\(name)")
            }
        }
    }

    @Test("An entry that names variables of Roost's own is known for that")
    func reservedEntries() throws {
        let reserved = ReservedVariables(["MY_VAULT_KEY"])
        for (text, isReserved) in [
            ("*=env:ROOST_DATABASE_URL", true), ("*=env:ROOST_*", true), ("acme=env:SENTRY_DSN", true), ("acme=env:OTEL_A", true),
            ("acme=env:MY_VAULT_KEY", true), ("*=env:*", false), ("acme=env:MY_*", false), ("acme=file:ROOST_X", false),
        ] {
            #expect(try #require(AllowedReferences.Entry(text)).names(reserved) == isReserved, "\(text)")
        }
    }

    @Test("A reference is sealed like a value, survives a rotation, and one that leads nowhere is refused where it is made")
    func reference() async throws {
        try await Fixture.run { fixture in
            let vault = fixture.vault(providers: try self.providers(fixture, ["acme=env:*"]))
            let reference = try #require(SecretReference("env:A_TOKEN"))
            let sealed = try await vault.seal(reference, name: "token", of: fixture.connection, in: fixture.organization)
            #expect(!String(decoding: sealed.sealed, as: UTF8.self).contains("A_TOKEN"))
            try await fixture.store.secrets.replace([sealed], owner: fixture.connection, in: fixture.organization)
            // A rotation knows no providers' values.
            #expect(try await fixture.vault().rotateDataKey(of: fixture.organization).changed == 1)
            #expect(try await fixture.open(with: vault) == ["token": "a"])
            let nowhere = try #require(SecretReference("env:NONE"))
            #expect(
                await code { _ = try await vault.seal(nowhere, name: "t", of: fixture.connection, in: fixture.organization) }
                    == .secretMissing)
            let file = try #require(SecretReference("file:x"))
            #expect(
                await code { _ = try await vault.seal(file, name: "t", of: fixture.connection, in: fixture.organization) }
                    == .referenceRefused)
        }
    }
}
