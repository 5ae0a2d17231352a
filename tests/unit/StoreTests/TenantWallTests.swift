import Database
import Model
import TestSupport
import Testing

@testable import Store

/// What PostgreSQL itself refuses, whatever Roost's statements say.
@Suite("The wall between organizations", .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(2)))
struct TenantWallTests {
    @Test("Another organization's rows, and any without an organization, are neither seen nor changed, in any table")
    func wall() async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { database in
                let store = Store(database: database, limits: .patient)
                let theirs = try await store.populate("theirs")
                let mine = try await store.populate("mine")
                let before = try await Self.everything(installation)
                for table in Schema.tenantTables {
                    for scope in [DatabaseScope.organization(mine.organization), .installation] {
                        try await Self.tryAll(table, of: theirs.organization, on: database, in: scope)
                    }
                }
                #expect(try await Self.everything(installation) == before)
            }
        }
    }

    /// Reads, copies, changes, takes over and removes the rows of an organization in another scope.
    private static func tryAll(
        _ table: String, of organization: OrganizationID, on database: any Database, in scope: DatabaseScope
    ) async throws {
        let connection = database.connection(in: scope)
        func run(_ sql: String) async throws -> Int {
            try await connection.execute(Statement(generated: sql), values: [organization.databaseValue])
        }
        let seen = try await connection.query(
            Statement(generated: "SELECT * FROM \(table) WHERE organization_id = $1"), values: [organization.databaseValue])
        #expect(seen.isEmpty, "\(table) shows rows")
        let all = try await connection.all(
            Statement(generated: "SELECT DISTINCT organization_id FROM \(table)"), as: { try $0.single(OrganizationID.self) })
        switch scope {
        case .organization(let own): #expect(all == [own], "\(table) shows rows")
        case .installation: #expect(all.isEmpty, "\(table) shows rows without an organization")
        }
        #expect(try await run("UPDATE \(table) SET organization_id = organization_id WHERE organization_id = $1") == 0, "\(table)")
        #expect(try await run("DELETE FROM \(table) WHERE organization_id = $1") == 0, "\(table)")
        // One's own rows cannot be handed to another either; without an organization there is none to hand over.
        if case .organization = scope {
            await expectNotPermitted(table) { try await run("UPDATE \(table) SET organization_id = $1") }
            await expectNotPermitted(table) { try await run(try await self.insertion(table, on: database)) }
        } else {
            await expectNotPermitted(table) { try await run(try await self.insertion(table, on: database)) }
        }
    }

    /// Inserts a row of nothing but the organization; the policy comes before what the columns demand.
    private static func insertion(_ table: String, on database: any Database) async throws -> String {
        let columns = try await database.connection(in: .installation).all(
            """
            SELECT CAST(attname AS TEXT), CASE CAST(atttypid AS BIGINT) WHEN 20 THEN '0' WHEN 17 THEN '''x''::bytea' ELSE '''x''' END
            FROM pg_attribute WHERE attrelid = CAST($1 AS TEXT)::regclass AND attnum > 0 AND attname <> 'organization_id'
            """, table
        ) { row in
            var row = row.reader()
            return (name: try row.next(String.self), value: try row.next(String.self))
        }
        let names = (["organization_id"] + columns.map(\.name)).joined(separator: ", ")
        return "INSERT INTO \(table) (\(names)) VALUES (\((["$1"] + columns.map(\.value)).joined(separator: ", ")))"
    }

    @Test("Revisions are read by all and changed only by their own organization; the stamps only by the owner")
    func revisions() async throws {
        try await withPostgreSQLInstallation { installation in
            try await installation.withDatabase(installation.serviceURL) { database in
                let store = Store(database: database, limits: .patient)
                let theirs = try await store.makeTenant("theirs").organization.id
                let mine = try await store.makeTenant("mine").organization.id
                for scope in [DatabaseScope.organization(mine), .installation] {
                    let connection = database.connection(in: scope)
                    let changed = try await connection.execute(
                        "UPDATE organization_revisions SET revision = 99 WHERE organization_id = $1", theirs)
                    #expect(changed == 0)
                    #expect(try await connection.execute("DELETE FROM organization_revisions WHERE organization_id = $1", theirs) == 0)
                    await expectNotPermitted("schema_version") {
                        try await connection.execute("UPDATE schema_version SET version = '9999'")
                    }
                    await expectNotPermitted("schema_migrations") { try await connection.execute("DELETE FROM schema_migrations") }
                    await expectNotPermitted("CREATE") { try await connection.execute("CREATE TABLE mine (a BIGINT)") }
                    await expectNotPermitted("TRUNCATE") { try await connection.execute("TRUNCATE policies") }
                    await expectNotPermitted("POLICY") { try await connection.execute("DROP POLICY organization ON policies") }
                    await expectNotPermitted("RLS") {
                        try await connection.execute("ALTER TABLE policies DISABLE ROW LEVEL SECURITY")
                    }
                }
                #expect(try await store.organizations.revision(of: theirs) == 2)
            }
        }
    }

    @Test("The functions that look across organizations are the declared ones, tell ids alone, and are the service's alone")
    func functions() async throws {
        try await withPostgreSQLInstallation { installation in
            let found = try await installation.withDatabase(installation.superuserURL) { database in
                try await database.connection(in: .installation).all(
                    """
                    SELECT CAST(p.proname AS TEXT), pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid),
                        CAST(CASE WHEN p.prosecdef AND p.provolatile = 's' AND p.proconfig = ARRAY['search_path=public, pg_temp']
                            THEN 1 ELSE 0 END AS BIGINT),
                        COALESCE(CAST(p.proacl AS TEXT), '')
                    FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace OR (
                        p.prosecdef AND p.pronamespace <> 'pg_catalog'::regnamespace)
                    """
                ) { row in
                    var row = row.reader()
                    let function = Function(name: try row.next(), parameters: try row.next(), result: try row.next())
                    #expect(try row.next(Bool.self), "\(function) is not read-only with a fixed path")
                    let rights: String = try row.next()
                    let (owner, service) = (TestInstallation.owner, TestInstallation.service)
                    #expect(rights == "{\(owner)=X/\(owner),\(service)=X/\(owner)}", "\(function)")
                    return function
                }
            }
            #expect(Set(found) == Set(Crossing.all.map { Function($0) }))
            #expect(found.count == Crossing.all.count)
        }
        for column in Crossing.all.flatMap(\.columns) {
            switch column.meaning {
            case .identifier: #expect(column.name.text == "id" || column.name.text.hasSuffix("_id"))
            case .role: #expect(column.name.text == "role")
            case .flag: #expect(column.name.text.hasPrefix("is_"))
            }
        }
    }

    fileprivate struct Function: Hashable {
        let name: String
        let parameters: String
        let result: String
    }

    @Test("Whatever a question across organizations answers is an id, a role or a flag, on both databases", arguments: TestStoreKind.all)
    func answers(kind: TestStoreKind) async throws {
        try await withMigratedDatabase(kind) { database in
            let store = Store(database: database, limits: .patient)
            let theirs = try await store.populate("theirs")
            try await store.sessions.close(theirs.session.id, in: theirs.organization)
            try await store.executions.requestCancel(theirs.execution, in: theirs.organization)
            let lease = theirs.tenant.lease
            let context = StoreContext(database: database, limits: StoreLimits())
            let answers: [(Crossing, [DatabaseRow])] = [
                (.findKey, try await context.ask(.findKey, theirs.keyHash, 0)),
                (.findOrganization, try await context.ask(.findOrganization, "theirs")),
                (.listOrganizations, try await context.ask(.listOrganizations, "", 10)),
                (.ownedOrganizations, try await context.ask(.ownedOrganizations, lease.replica, lease.epoch, "", 10)),
                (.closedSessions, try await context.ask(.closedSessions, lease.replica, lease.epoch, 10)),
                (.staleSessions, try await context.ask(.staleSessions, "closed", Int64(-60_000_000), 10)),
                (.cancelRequests, try await context.ask(.cancelRequests, lease.replica, lease.epoch, 10)),
                (.orphanedExecutions, try await context.ask(.orphanedExecutions, 0, 10)),
                (.staleStreams, try await context.ask(.staleStreams, 10)),
            ]
            #expect(Set(answers.map(\.0.name)) == Set(Crossing.all.map(\.name)), "a question is missing above")
            for (crossing, rows) in answers {
                #expect(rows.count == 1, "\(crossing.name.text)")
                #expect(!"\(rows)".contains(theirs.hidden), "\(crossing.name.text)")
                for (value, column) in zip(rows.first?.values ?? [], crossing.columns) {
                    switch (column.meaning, value) {
                    case (.identifier, .text(let id)): #expect(id.wholeMatch(of: /[a-z]{3}_[0-9a-f-]{36}/) != nil, "\(id)")
                    case (.role, .text("admin")), (.flag, .integer(0...1)): break
                    default: Issue.record("\(crossing.name.text) answers \(value)")
                    }
                }
            }
        }
    }

    /// Every row of every table, as the superuser sees them.
    private static func everything(_ installation: TestInstallation) async throws -> [String: [DatabaseRow]] {
        try await installation.withDatabase(installation.superuserURL) { database in
            var rows: [String: [DatabaseRow]] = [:]
            for table in Schema.tenantTables + Schema.installationTables {
                rows[table] = try await database.connection(in: .installation).query(
                    Statement(generated: "SELECT * FROM \(table) ORDER BY 1, 2"))
                #expect(rows[table]?.isEmpty == (table == "installation_keys"), "\(table)")
            }
            return rows
        }
    }
}

extension TenantWallTests.Function {
    init(_ crossing: Crossing) {
        let names = ["TEXT": "text", "BIGINT": "bigint", "BYTEA": "bytea"]
        self.init(
            name: crossing.name.text, parameters: crossing.parameters.compactMap { names[$0.rawValue] }.joined(separator: ", "),
            result: "TABLE("
                + crossing.columns.map { "\($0.name.text) \(names[$0.meaning.type.rawValue] ?? "")" }.joined(separator: ", ") + ")")
    }
}

/// Expects the database itself to refuse.
private func expectNotPermitted<Result>(_ what: String, _ body: () async throws -> Result) async {
    do {
        _ = try await body()
        Issue.record("\(what): not refused")
    } catch let error as DatabaseError {
        #expect(error.code == .notPermitted, "\(what): \(error)")
    } catch {
        Issue.record("\(what): \(error)")
    }
}
