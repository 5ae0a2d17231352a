import Model
import TestSupport
import Testing

@testable import Database

@Suite("The organization on shared connections", .timeLimit(.minutes(2)), .enabled(if: TestPostgres.isExpected))
struct PostgreSQLScopeTests {
    private static let current: Statement = "SELECT COALESCE(current_setting('roost.organization', true), '')"

    @Test("Each statement sees its own organization and never another's, in one pipeline and in transactions")
    func isolation() async throws {
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.waitTimeout = .seconds(120)
            configuration.hardConnections = 3
        } _: { database in
            let organizations = (0..<8).map { _ in OrganizationID() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<600 {
                    group.addTask {
                        let organization = organizations[number % 8]
                        switch number % 4 {
                        case 0:
                            let rows = try await database.connection(in: .installation).query(Self.current)
                            #expect(rows.first?.values == [.text("")])
                        case 1, 2:
                            let rows = try await database.connection(in: .organization(organization)).query(Self.current)
                            #expect(rows.first?.values == [.text(organization.rawValue)])
                        default:
                            let rows = try await database.transaction(in: .organization(organization)) { transaction in
                                try await transaction.query("SELECT 1") + transaction.query(Self.current)
                            }
                            #expect(rows.last?.values == [.text(organization.rawValue)])
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("It is gone after statements that fail and transactions that are rolled back")
    func failures() async throws {
        struct Refused: Error {}
        try await withTemporaryPostgreSQL { configuration in
            configuration.softConnections = 1
            configuration.waitTimeout = .seconds(120)
        } _: { database in
            let scope = DatabaseScope.organization(OrganizationID())
            for _ in 0..<5 {
                await expect(.invalidStatement) { try await database.connection(in: scope).query("SELECT nothing FROM nowhere") }
                await expect(.invalidValue) { try await database.connection(in: scope).query("SELECT 1 / ($1 - 1)", 1) }
                await #expect(throws: Refused.self) {
                    try await database.transaction(in: scope) { transaction in
                        _ = try await transaction.query("SELECT 1")
                        throw Refused()
                    }
                }
                let rows = try await database.connection(in: .installation).query(Self.current)
                #expect(rows.first?.values == [.text("")])
                let plain = try await database.transaction(in: .installation) { try await $0.query(Self.current) }
                #expect(plain.first?.values == [.text("")])
            }
        }
    }

    @Test("Row-level security hides the rows of others, of nobody, and refuses to write them")
    func rowLevelSecurity() async throws {
        let server = try await TestPostgres.shared()
        try await withTemporaryPostgreSQL(on: server) { owner in
            let connection = owner.connection(in: .installation)
            let role = "service_\(owner.configuration.location.utf8.reduce(UInt32(7)) { $0 &* 31 &+ UInt32($1) })"
            for sql in [
                "CREATE TABLE t (organization TEXT NOT NULL, a BIGINT NOT NULL)",
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY own ON t USING (organization = current_setting('roost.organization', true))",
                "CREATE ROLE \(role) LOGIN",
                "GRANT ALL ON t TO \(role)",
            ] {
                try await connection.execute(Statement(generated: sql))
            }
            let rows = try await connection.query("SELECT current_database()")
            guard case .text(let name)? = rows.first?.values.first else { return }
            let service = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(server.url(database: name, user: role)))
            let (first, second) = (OrganizationID(), OrganizationID())
            let insert: Statement = "INSERT INTO t VALUES ($1, 1)"
            try await service.connection(in: .organization(first)).execute(insert, first)
            try await service.connection(in: .organization(second)).execute(insert, second)
            await expect(.notPermitted) { try await service.connection(in: .organization(first)).execute(insert, second) }
            await expect(.notPermitted) { try await service.connection(in: .installation).execute(insert, first) }
            for scope in [DatabaseScope.organization(first), .organization(second)] {
                #expect(try await count(service.connection(in: scope)) == 1)
            }
            #expect(try await count(service.connection(in: .organization(OrganizationID()))) == 0)
            #expect(try await count(service.connection(in: .installation)) == 0)
            await service.close()
            try await connection.execute(Statement(generated: "DROP OWNED BY \(role)"))
            try await connection.execute(Statement(generated: "DROP ROLE \(role)"))
        }
    }
}
