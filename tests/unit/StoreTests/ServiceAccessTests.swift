import Database
import TestSupport
import Testing

@testable import Store

@Suite("The role of a service", .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(2)), .serialized)
struct ServiceAccessTests {
    @Test("A role with rights on rows alone is accepted, again and again")
    func accepted() async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { database in
                for _ in 0..<2 { try await Store(database: database, limits: .patient).prepare() }
            }
        }
    }

    @Test("The superuser and the tables' owner are refused, with the reason")
    func powerful() async throws {
        try await withPostgreSQLInstallation { installation in
            await Self.expectRefused(installation, installation.superuserURL, because: "SUPERUSER")
            await Self.expectRefused(installation, installation.ownerURL, because: "owns")
        }
    }

    @Test(
        "A role that can get past the wall is refused, whichever way it could",
        arguments: [
            ("BYPASSRLS", "", "BYPASSRLS"), ("CREATEROLE", "", "CREATEROLE"), ("REPLICATION", "", "REPLICATION"),
            ("", "GRANT roost_test_owner TO {role}", "owns"), ("NOINHERIT", "GRANT roost_test_owner TO {role}", "owns"),
            ("", "CREATE ROLE {role}_strong BYPASSRLS; GRANT {role}_strong TO {role}", "through membership in"),
            ("", "GRANT pg_read_server_files TO {role}", "files"),
        ])
    func roundabout(attributes: String, grants: String, reason: String) async throws {
        try await withPostgreSQLInstallation { installation in
            let role = installation.database + "_role"
            try await installation.server.administer("CREATE ROLE \(role) LOGIN \(attributes)")
            for grant in grants.split(separator: ";") {
                try await installation.server.administer(
                    grant.split(separator: "{role}", omittingEmptySubsequences: false).joined(separator: role))
            }
            let url = installation.server.url(database: installation.database, user: role)
            await Self.expectRefused(installation, url, because: reason)
            // Having taken on a harmless role changes nothing: it can go back.
            try await installation.server.administer("GRANT roost_service TO \(role)")
            await Self.expectRefused(installation, url + " options='-c role=roost_service'", because: reason)
        }
    }

    @Test("A database without schema, without rights for the role, or with a hole in the wall is refused with what to do")
    func incomplete() async throws {
        try await withPostgreSQLInstallation(isMigrated: false) { installation in
            do {
                try await installation.withDatabase(installation.serviceURL) { try await Store(database: $0).prepare() }
                Issue.record("an empty database was accepted")
            } catch let error as DatabaseError {
                #expect(error.code == .migration)
                #expect(error.message.contains("roost migrate"))
            }
        }
        try await withPostgreSQLInstallation { installation in
            let stranger = installation.database + "_stranger"
            try await installation.server.administer("CREATE ROLE \(stranger) LOGIN")
            let url = installation.server.url(database: installation.database, user: stranger)
            await Self.expectRefused(installation, url, because: "lacks rights")
            for (hole, mending, reason) in [
                ("ALTER TABLE policies DISABLE ROW LEVEL SECURITY", "ALTER TABLE policies ENABLE ROW LEVEL SECURITY", "policies"),
                ("GRANT TRUNCATE ON tools TO roost_service", "REVOKE TRUNCATE ON tools FROM roost_service", "TRUNCATE"),
                ("REVOKE UPDATE ON tools FROM roost_service", "GRANT UPDATE ON tools TO roost_service", "lacks rights"),
                ("REVOKE EXECUTE ON FUNCTION cross_find_key FROM roost_service", "", "lacks rights"),
            ] {
                try await installation.server.administer(hole, database: installation.database)
                await Self.expectRefused(installation, installation.serviceURL, because: reason)
                if !mending.isEmpty { try await installation.server.administer(mending, database: installation.database) }
            }
            // The migration mends what it makes.
            _ = try await installation.withDatabase(installation.ownerURL) { try await Store(database: $0).migrate() }
            try await installation.withDatabase(installation.serviceURL) { try await Store(database: $0).prepare() }
        }
    }

    @Test("A migration gives another role the same rights, makes it if it may, and says what to run if it may not")
    func otherRole() async throws {
        try await withPostgreSQLInstallation { installation in
            let role = installation.database + "_service"
            try await installation.withDatabase(installation.ownerURL) { database in
                await expect(.notFound) { try await Store(database: database, limits: .patient).migrate(serviceRole: role) }
                await expect(.invalidValue) {
                    try await Store(database: database, limits: .patient).migrate(serviceRole: "x; DROP TABLE tools")
                }
            }
            try await installation.server.administer("ALTER ROLE \(TestInstallation.owner) CREATEROLE")
            do {
                _ = try await installation.withDatabase(installation.ownerURL) { try await Store(database: $0).migrate(serviceRole: role) }
            } catch { Issue.record("\(error)") }
            try await installation.server.administer("ALTER ROLE \(TestInstallation.owner) NOCREATEROLE")
            let url = installation.server.url(database: installation.database, user: role)
            try await installation.withDatabase(url) { database in
                let store = Store(database: database, limits: .patient)
                try await store.prepare()
                _ = try await store.populate("acme")
            }
        }
    }

    private static func expectRefused(_ installation: TestInstallation, _ url: String, because reason: String) async {
        do {
            try await installation.withDatabase(url) { try await Store(database: $0).prepare() }
            Issue.record("accepted in spite of \(reason)")
        } catch let error as StoreError {
            #expect(error.code == .unsafeRole)
            #expect(error.message.contains(reason), "\(error)")
        } catch {
            Issue.record("\(error)")
        }
    }
}
