import Testing

@testable import Database

@Suite("PostgreSQL's connection strings")
struct PostgreSQLURLTests {
    @Test(
        "a URL in which an unencoded character cuts the password short is refused, and no part of it is quoted",
        arguments: [
            "postgresql://u:p@sHUSH@host/db", "postgresql://u:p@HUSH@host:5432/db", "postgres://u:pa/HUSH@host/db",
            "postgresql://u:12/HUSH@host/db", "postgresql://u:p@s/HUSH@host/db", "postgresql://u:p@h:HUSH@host/db",
            "postgresql://u:p@h:HUSH/db", "postgresql://u:HUSH/db", "postgresql://u:p@h:1:HUSH/db", "postgresql://u:p@s?HUSH@host/db",
            "postgresql://u:p@s?HUSH=1@host/db", "postgresql://u:pa?1/HUSH@host/db", "postgresql://u:p@[::1]HUSH/db",
            "postgresql://u:p@h1,sHUSH@h2/db", "postgresql://u:p@h/db?port=HUSH", "postgresql://u:p@h:70000,HUSH/db",
            "host=h port=HUSH", "host=p@HUSH user=u", "postgresql://u:p%HUSH@host/db", "postgresql://u:p@%73%40HUSH/db",
        ])
    func ambiguous(_ text: String) {
        let error = #expect(throws: DatabaseError.self) { _ = try PostgreSQLConfiguration(text) }
        #expect(error?.isPermanent == true && error?.message.contains("%40 for @") == true)
        #expect(error.map { "\($0)" }?.contains("HUSH") == false)
    }

    @Test(
        "what is meant so is taken",
        arguments: [
            ("postgresql://u:p%40s%2Fx@host/db", "host/db as u"), ("postgresql://host", "host/"), ("postgresql://", "the default host/"),
            ("postgresql:///db?host=/run/pg&port=5433", "/run/pg:5433/db"), ("postgresql://u@%2Frun%2Fpg/db", "/run/pg/db as u"),
            ("postgresql://u@[::1]:5432/db", "::1:5432/db as u"), ("postgresql://u@/db?host=/tmp/a@b", "/tmp/a@b/db as u"),
            ("postgres://u@h1:1,h2:2,h3/db", "h1,h2,h3:1,2,/db as u"), ("postgresql://u@h1,h2/db?port=1,2", "h1,h2:1,2/db as u"),
            ("postgresql://h/db?user=u%40tenant", "h/db as u@tenant"), ("postgresql://h/db?user=u@tenant", "h/db as u@tenant"),
            ("host=@abstract user=u dbname=d", "@abstract/d as u"), ("postgresql://u:p?x#y@h/db", "h/db as u"),
        ])
    func clear(_ text: String, location: String) throws {
        let configuration = try PostgreSQLConfiguration(text)
        #expect(configuration.location == location)
    }

    @Test("libpq's words about a connection string are not passed on, its words about a connection are")
    func words() {
        for text in [
            "invalid integer value \"HUSH\" for connection option \"port\"", "invalid port number: \"HUSH\"",
            "invalid sslmode value: \"HUSH\"", "invalid connection option \"HUSH\"", "missing \"=\" after \"HUSH\"",
        ] {
            let error = PostgreSQLConnectFailure.error(text)
            #expect(!"\(error)".contains("HUSH") && error.isPermanent, "\(text)")
        }
        #expect(PostgreSQLConnectFailure.error("connection to server failed: Connection refused").message.contains("Connection refused"))
    }
}
