import Catalog
import Egress
import Foundation
import Identity
import OpenAPI
import Service
import Testing

@testable import Installation

@Suite("Keys of bounds and of the issuer") struct BoundKeysTests {
    /// The three keys without which nothing starts, and a configuration file's worth of others.
    private static func load(_ more: [String: String]) async throws -> InstallationSettings {
        let required = [
            "ROOST_DATABASE_URL": "sqlite:/tmp/roost.db", "ROOST_VAULT_KEY_FILE": "/tmp/vault.key",
            "ROOST_CHANNEL_KEY_FILE": "/tmp/channel.key",
        ]
        return try await InstallationSettings.load(environment: required.merging(more) { $1 })
    }

    @Test("what is raised for the catalog and the guarded client reaches those who keep the bound")
    func raised() async throws {
        let settings = try await Self.load([
            "ROOST_OPENAPI_MAX_DOCUMENT_BYTES": "48MiB", "ROOST_OPENAPI_MAX_OPERATIONS": "30000", "ROOST_OPENAPI_MAX_DEFINITIONS": "30001",
            "ROOST_OPENAPI_MAX_SCHEMA_NODES": "9000000", "ROOST_OPENAPI_MAX_SCHEMA_BYTES": "256MiB", "ROOST_OPENAPI_MAX_VALUES": "5000000",
            "ROOST_CATALOG_DOCUMENT_TIMEOUT": "90s", "ROOST_CATALOG_MAX_CONCURRENT_READS": "3", "ROOST_EGRESS_MAX_REQUEST_BYTES": "40MiB",
            "ROOST_EGRESS_MAX_TIME": "20m", "ROOST_EGRESS_MAX_RESPONSE_BYTES": "50MiB",
        ])
        let limits = settings.catalog.limits
        #expect(limits.document.maxDocumentBytes == 48 << 20)
        #expect(limits.document.maxOperations == 30_000)
        #expect(limits.document.maxDefinitions == 30_001)
        #expect(limits.document.maxSchemaNodes == 9_000_000)
        #expect(limits.document.maxSchemaBytes == 256 << 20)
        #expect(limits.document.maxValues == 5_000_000)
        #expect(limits.documentTimeout == .seconds(90))
        #expect(limits.maxConcurrentReads == 3)
        #expect(limits.request.maxBodyBytes == 40 << 20)
        #expect(settings.egress.limits.maxTime == .seconds(1200))
        #expect(settings.egress.limits.maxResponseBytes == 50 << 20)
    }

    @Test("durations that PostgreSQL gets in milliseconds lie within what it admits", arguments: ["transaction", "migration", "busy"])
    func databaseDurations(_ name: String) async throws {
        _ = try await Self.load(["ROOST_DATABASE_\(name.uppercased())_TIMEOUT": "576h"])
        let error = await #expect(throws: ConfigurationError.self) {
            _ = try await Self.load(["ROOST_DATABASE_\(name.uppercased())_TIMEOUT": "600h"])
        }
        #expect(error.map { "\($0)" }?.contains("roost.database.\(name)_timeout") == true)
    }

    @Test("the issuer's faults come with their whole keys, all at once")
    func issuerFaults() async throws {
        let error = await #expect(throws: (any Error).self) {
            _ = try await Self.load([
                "ROOST_ISSUER_URL": "issuer", "ROOST_ISSUER_KEYS_URL": "file:///x", "ROOST_ISSUER_ALGORITHMS": "HS256",
                "ROOST_ISSUER_ORGANIZATIONS": "org_1", "ROOST_ISSUER_KEYS_MAX_AGE": "1s",
            ])
        }
        let text = "\(error.map { "\($0)" } ?? "")"
        for key in ["url", "audience", "keys_url", "algorithms", "organizations", "keys_max_age"] {
            #expect(text.contains("roost.issuer.\(key)"), "\(key)")
        }
    }

    @Test("a whole issuer is read")
    func issuer() async throws {
        let settings = try await Self.load([
            "ROOST_ISSUER_URL": "https://issuer.test", "ROOST_ISSUER_AUDIENCE": "https://roost.test/mcp",
            "ROOST_ISSUER_ORGANIZATIONS": "org_01ABC=acme,org_02=beta", "ROOST_ISSUER_ALGORITHMS": "RS256", "ROOST_ISSUER_CLOCK_SKEW": "5s",
            "ROOST_ISSUER_TIMEOUT": "2s",
        ])
        let issuer = try #require(settings.issuer)
        #expect(issuer.organizations == ["org_01ABC": "acme", "org_02": "beta"])
        #expect(issuer.algorithms == ["RS256"])
        #expect(issuer.clockSkew == .seconds(5))
        #expect(issuer.timeout == .seconds(2))
    }

    @Test("every key that the code names in a message or a comment exists")
    func namedKeys() async throws {
        let known = Set(try await InstallationSettings.definitions().map(\.key))
        // A tool of every program, queues, a file, the form of a key, and the key that only builds for debugging know.
        let others: Set<String> = [
            "roost.sources.list", "roost.database.blocking", "roost.postgresql.pool", "roost.postgresql.cancel",
            "roost.postgresql.listener", "roost.catalog.read", "roost.channel.resolver",
            "roost.sample.yaml", "roost.part.name", "roost.test.previous_version",
        ]
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let pattern = try Regex("roost\\.[a-z]+\\.[a-z][a-z_]*[a-z]")
        for folder in ["shared", "services"] {
            let files = FileManager.default.enumerator(at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                for match in text.matches(of: pattern) {
                    let key = String(text[match.range])
                    #expect(known.contains(key) || others.contains(key), "\(file.lastPathComponent) names \(key)")
                }
            }
        }
    }
}
