import Database

/// Finds out before a service works whether PostgreSQL separates organizations for the role that it connects as.
///
/// Row-level security says nothing to a superuser, to a role with BYPASSRLS and to a table's owner; and whoever may become one of them
/// is one of them.
struct ServiceAccess: Sendable {
    let database: any Database

    /// Throws ``DatabaseError`` `migration` for a schema that must be brought up to date first, and ``StoreError`` `unsafeRole` for a role
    /// that a service must not have.
    func check() async throws {
        let connection = self.database.connection(in: .installation)
        // The powers first: they are what matters most, and show even where there is no schema yet.
        try await self.checkPowers(on: connection)
        try await self.checkSchema(on: connection)
        try await self.checkOwnership(on: connection)
        try await self.checkTables(on: connection)
        try await self.checkFunctions(on: connection)
    }

    /// The role that logged in counts, not the one that it may have taken on since: it can go back at any time. Membership in a role is
    /// as good as the role. In PostgreSQL 15 CREATEROLE makes its holder a member of whatever it likes.
    private func checkPowers(on connection: any DatabaseConnection) async throws {
        let role = try await connection.first(
            """
            SELECT CAST(session_user AS TEXT), CAST(r.rolname AS TEXT), CASE
                WHEN r.rolsuper THEN 'SUPERUSER' WHEN r.rolbypassrls THEN 'BYPASSRLS' WHEN r.rolcreaterole THEN 'CREATEROLE'
                WHEN r.rolreplication THEN 'REPLICATION' ELSE 'reaching the server''s files and programs' END
            FROM pg_roles r
            WHERE pg_has_role(session_user, r.oid, 'MEMBER') AND (
                r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
                OR r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
            ORDER BY r.rolname <> session_user, r.rolname LIMIT 1
            """
        ) { row in
            var row = row.reader()
            return (user: try row.next(String.self), role: try row.next(String.self), power: try row.next(String.self))
        }
        guard let role else { return }
        let through = role.role == role.user ? "" : " through membership in \(role.role)"
        throw Self.unsafe(
            "the database role \(role.user) has the power of \(role.power)\(through), which looks past the wall between organizations")
    }

    private func checkSchema(on connection: any DatabaseConnection) async throws {
        let outdated = DatabaseError(
            code: .migration, message: "the database's schema is not up to date; run `roost migrate` as the role that owns the tables")
        let stamps = try await connection.query(
            """
            SELECT CAST(CASE WHEN has_table_privilege(c.oid, 'SELECT') THEN 1 ELSE 0 END AS BIGINT)
            FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN ('schema_migrations', 'schema_version')
            """)
        guard stamps.count == 2 else { throw outdated }
        guard try stamps.allSatisfy({ try $0.single(Bool.self) }) else { throw try await self.noRights(on: connection) }
        guard try await Migrations(Schema.migrations).isCurrent(on: self.database) else { throw outdated }
    }

    /// Owning a schema is enough to drop what stands in it.
    private func checkOwnership(on connection: any DatabaseConnection) async throws {
        let owned = try await connection.first(
            Statement(
                generated: """
                    SELECT owned.name FROM (
                        SELECT 'the table ' || c.relname AS name, c.relowner AS owner FROM pg_class c
                        WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN (\(Self.names(Self.tables)))
                        UNION ALL
                        SELECT 'the function ' || p.proname, p.proowner FROM pg_proc p
                        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname IN (\(Self.names(Self.functions)))
                        UNION ALL
                        SELECT 'the schema ' || n.nspname, n.nspowner FROM pg_namespace n WHERE n.nspname = current_schema()
                    ) owned WHERE pg_has_role(session_user, owned.owner, 'MEMBER') LIMIT 1
                    """), as: { try $0.single(String.self) })
        if let owned { throw Self.unsafe("the database role owns \(owned), or is a member of the role that does") }
    }

    /// Emptying a table asks no policy.
    private func checkTables(on connection: any DatabaseConnection) async throws {
        let rows = try await connection.all(
            Statement(
                generated: """
                    SELECT CAST(c.relname AS TEXT), CAST(CASE WHEN c.relrowsecurity THEN 1 ELSE 0 END AS BIGINT),
                        CAST(CASE WHEN has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                            AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
                            THEN 1 ELSE 0 END AS BIGINT),
                        CAST(CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 1 ELSE 0 END AS BIGINT)
                    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN (\(Self.names(Self.tables)))
                    """)
        ) { row in
            var row = row.reader()
            return (
                name: try row.next(String.self), isWalled: try row.next(Bool.self), isUsable: try row.next(Bool.self),
                mayTruncate: try row.next(Bool.self)
            )
        }
        let walled = Set(rows.filter(\.isWalled).map(\.name))
        if let bare = (Schema.tenantTables + Schema.sharedTables).first(where: { !walled.contains($0) }) {
            throw Self.unsafe("the table \(bare) has no row-level security; run `roost migrate` as the role that owns it")
        }
        guard rows.count == Self.tables.count, rows.allSatisfy(\.isUsable) else { throw try await self.noRights(on: connection) }
        if let table = rows.first(where: \.mayTruncate) {
            throw Self.unsafe("the database role may TRUNCATE the table \(table.name), which no policy stops")
        }
    }

    private func checkFunctions(on connection: any DatabaseConnection) async throws {
        let usable = try await connection.query(
            Statement(
                generated: """
                    SELECT DISTINCT p.proname FROM pg_proc p
                    WHERE p.pronamespace = current_schema()::regnamespace AND p.proname IN (\(Self.names(Self.functions)))
                        AND p.prosecdef AND has_function_privilege(p.oid, 'EXECUTE')
                    """))
        guard usable.count == Self.functions.count else { throw try await self.noRights(on: connection) }
    }

    private func noRights(on connection: any DatabaseConnection) async throws -> StoreError {
        let user = try await connection.first("SELECT CAST(current_user AS TEXT)", as: { try $0.single(String.self) }) ?? ""
        return Self.unsafe(
            """
            the database role \(user) lacks rights on Roost's tables or functions; run `roost migrate` as the role that owns them, with \
            \(user) as the service role
            """)
    }

    private static func unsafe(_ message: String) -> StoreError {
        StoreError(
            code: .unsafeRole,
            message: """
                \(message). A service must connect as a role that is neither superuser nor owner nor member of one, without BYPASSRLS, \
                CREATEROLE and REPLICATION
                """)
    }

    private static let tables = Schema.tenantTables + Schema.installationTables
    private static let functions = Crossing.all.map(\.name.text)

    /// Names of ours as a list of literals; they hold no quotes.
    private static func names(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
}
