import Foundation
import Model
import TestSupport
import Testing

@testable import Database

/// Which server is taken, and how it proves who it is.
@Suite("PostgreSQL's hosts", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected))
struct PostgreSQLHostTests {
    @Test("Of several hosts the one that is there and admits writes is taken")
    func severalHosts() async throws {
        let primary = try await TestPostgres.shared()
        try await TestPostgres.withServer(.init(settings: ["default_transaction_read_only=on"])) { standby in
            let ports = "1,\(standby.port),\(primary.port)"
            let hosts = "roost:\(TestPostgres.password)@127.0.0.1,127.0.0.1,127.0.0.1"
            let url = "postgresql://\(hosts)/postgres?port=\(ports)&target_session_attrs=read-write"
            let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(url))
            let rows = try await database.connection(in: .installation).query("SELECT current_setting('port')::BIGINT")
            #expect(rows.first?.values == [.integer(Int64(primary.port))])
            await database.close()
            var readOnly = try PostgreSQLConfiguration(standby.networkURL("target_session_attrs=read-write"))
            readOnly.startTimeout = .zero
            let refused = readOnly
            await expect(.unavailable) { try await PostgreSQLDatabase.open(refused) }
            let reader = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(standby.networkURL()))
            await expect(.readOnly) { try await reader.connection(in: .installation).execute("CREATE TABLE t (a BIGINT)") }
            await reader.close()
        }
    }

    @Test("When the host in use dies the next one is taken, without anybody's doing")
    func failover() async throws {
        let second = try await TestPostgres.shared()
        try await TestPostgres.withServer { first in
            let hosts = "host=127.0.0.1,127.0.0.1 port=\(first.port),\(second.port) target_session_attrs=read-write"
            var configuration = try PostgreSQLConfiguration(first.networkURL(hosts))
            configuration.waitTimeout = .seconds(120)
            configuration.outageGrace = .seconds(120)
            let database = try await PostgreSQLDatabase.open(configuration)
            let port: Statement = "SELECT current_setting('port')::BIGINT"
            let connection = database.connection(in: .installation)
            #expect(try await connection.query(port).first?.values == [.integer(Int64(first.port))])
            try await first.kill()
            #expect(try await connection.query(port).first?.values == [.integer(Int64(second.port))])
            let inTransaction = try await database.transaction(in: .installation) { try await $0.query(port) }
            #expect(inTransaction.first?.values == [.integer(Int64(second.port))])
            await database.close()
        }
    }

    @Test("With sslmode=verify-full only a certificate of our authority for this very name is taken, and the password is checked")
    func verifiedTLS() async throws {
        try await withTemporaryFolder { folder in
            let authority = try TestAuthority()
            let stranger = try TestAuthority()
            let identity = try authority.serverIdentity(names: ["localhost"])
            // The server's user must be able to read them, and nobody else its key.
            let keys = "/tmp/roost-tls-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(atPath: keys) }
            for (name, text) in [("server.crt", identity.certificatePEM), ("server.key", identity.privateKeyPEM)] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(keys)/\(name)"))
                var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
                if getuid() == 0 { attributes[.ownerAccountName] = "postgres" }
                try FileManager.default.setAttributes(attributes, ofItemAtPath: "\(keys)/\(name)")
            }
            try Data(authority.certificatePEM.utf8).write(to: URL(fileURLWithPath: "\(folder)/ours.pem"))
            try Data(stranger.certificatePEM.utf8).write(to: URL(fileURLWithPath: "\(folder)/strange.pem"))
            let options = TestPostgres.Options(
                settings: ["ssl=on", "ssl_cert_file=\(keys)/server.crt", "ssl_key_file=\(keys)/server.key"],
                hostAccess: "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
            try await TestPostgres.withServer(options) { server in
                try await server.administer("CREATE ROLE guarded LOGIN PASSWORD 'hush'")
                func url(_ host: String, _ authority: String, _ password: String = "hush") -> String {
                    "host=\(host) hostaddr=127.0.0.1 port=\(server.port) user=guarded password=\(password) dbname=postgres "
                        + "sslmode=verify-full sslrootcert=\(folder)/\(authority).pem"
                }
                let database = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(url("localhost", "ours")))
                let connection = database.connection(in: .installation)
                let rows = try await connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                #expect(rows.first?.values == [.integer(1)])
                let content = [UInt8](repeating: 9, count: 10 << 20)
                #expect(try await connection.query("SELECT $1", content).first?.values == [.blob(content)])
                await database.close()
                for (wrong, advice) in [
                    (url("db.example", "ours"), "by a name that the server's certificate has"),
                    (url("localhost", "strange"), "sslrootcert"),
                    (url("localhost", "ours", "wrong-hush"), "check user and password"),
                ] {
                    do {
                        _ = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(wrong))
                        Issue.record("\(advice): it was opened")
                    } catch let error as DatabaseError {
                        #expect(error.isPermanent && error.message.contains(advice), "\(error)")
                        #expect(!error.description.contains("hush"))
                    }
                }
            }
        }
    }
}
