import Foundation
import Testing

@testable import Installation

@Suite struct ConfigurationReferenceTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test("docs/configuration.md is what `roost configuration` prints")
    func document() async throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let expected = try await ConfigurationReference.markdown() + "\n"
        #expect(text == expected, "run `roost configuration > docs/configuration.md`")
    }

    @Test("the sample configuration has no fault, in the environment of a fresh installation")
    func sample() async throws {
        let path = Self.root.appendingPathComponent("deploy/roost.sample.yaml").path
        let settings = try await InstallationSettings.load(environment: ["ROOST_CONFIG": path])
        guard case .sqlite(let path, _) = settings.database.place else {
            Issue.record("the sample is for one machine")
            return
        }
        #expect(path.hasPrefix("/"))
    }

    @Test("nothing configured is three faults at once, by key")
    func required() async throws {
        let error = await #expect(throws: (any Error).self) { _ = try await InstallationSettings.load(environment: [:]) }
        let text = "\(error.map { "\($0)" } ?? "")"
        for key in ["roost.database.url", "roost.vault.key_file", "roost.channel.key_file"] { #expect(text.contains(key)) }
    }
}

@Suite struct SettingsFaultTests {
    @Test(
        "a value that cannot work is a fault that names its key",
        arguments: [
            ("ROOST_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/33", "roost.gateway.trusted_proxies"),
            ("ROOST_GATEWAY_PORT", "0", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://roost.example/", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "http://", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://a b", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://roost.example/path", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://roost.example?x", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://Roost.example", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_PUBLIC_URL", "https://user@roost.example", "roost.gateway.public_url"),
            ("ROOST_GATEWAY_ALLOWED_ORIGINS", "app.example", "roost.gateway.allowed_origins"),
            ("ROOST_REPLICA_LEASE", "2s", "roost.replica.lease"),
            ("ROOST_STORE_MAX_PAGE_SIZE", "0", "roost.store.max_page_size"),
            ("ROOST_DATABASE_URL", "postgresql://a:b:c/x?nothing=1", "roost.database.url"),
            ("ROOST_DATABASE_URL", "mysql://x", "roost.database.url"),
            ("ROOST_DATABASE_OWNER_URL", "postgresql://owner@host/x", "roost.database.owner_url"),
            ("ROOST_DATABASE_SOFT_CONNECTIONS", "11", "roost.database.soft_connections"),
            ("ROOST_CHANNEL_TLS_KEY_FILE", "/key.pem", "roost.channel.tls_certificate_file"),
            ("ROOST_VAULT_ALLOWED_REFERENCES", "*=env:ROOST_DATABASE_URL", "roost.vault.allowed_references"),
            ("ROOST_VAULT_ALLOWED_REFERENCES", "acme=env:NOTES_*,acme=env:SENTRY_DSN", "roost.vault.allowed_references"),
            ("ROOST_NO_SUCH", "1", "ROOST_NO_SUCH"),
        ])
    func faults(name: String, value: String, key: String) async throws {
        let complete = [
            "ROOST_DATABASE_URL": "sqlite:/tmp/x.db", "ROOST_VAULT_KEY_FILE": "/tmp/v", "ROOST_CHANNEL_KEY_FILE": "/tmp/c",
        ]
        _ = try await InstallationSettings.load(environment: complete)
        let environment = complete.merging([name: value]) { $1 }
        let error = await #expect(throws: (any Error).self) { _ = try await InstallationSettings.load(environment: environment) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(key))
    }
}
