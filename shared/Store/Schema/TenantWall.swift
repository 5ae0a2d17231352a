import Database

/// The second wall between organizations, which PostgreSQL has and SQLite has not: whatever a statement says, a service sees and changes
/// the rows of the organization that its statement runs for, and none without one.
///
/// Everything follows from ``Schema`` and ``Crossing/all``, so that a new table is walled off without anybody thinking of it. The
/// tables belong to the role that migrates; the services' role is given what it needs and nothing else: not to empty or alter a table,
/// not to look past the policies.
struct TenantWall: Sendable {
    /// The name of the services' role.
    let role: String

    /// - Parameter role: becomes part of statements, hence only small letters, digits and `_`, at most 63 of them.
    init(role: String) throws(StoreError) {
        let letters = role.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard letters, (1...63).contains(role.utf8.count), !(48...57).contains(role.utf8.first ?? 0) else {
            throw StoreError(
                code: .invalidValue, message: "the name of a database role may hold small letters, digits and _, at most 63 of them")
        }
        self.role = role
    }

    /// Brings the wall up within a transaction of the tables' owner. Tables that have it are not touched: it would wait for every
    /// statement that runs on them.
    func raise(on connection: any DatabaseConnection) async throws {
        let schema = try await self.schema(on: connection)
        try await self.ensureRole(on: connection)
        try await connection.execute(Statement(generated: "GRANT USAGE ON SCHEMA \(schema) TO \(self.role)"))
        let walled = Set(
            try await connection.all(
                """
                SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity
                """, as: { try $0.single(String.self) }))
        let tables = Schema.tenantTables + Schema.installationTables
        for statement in tables.filter({ !walled.contains($0) }).flatMap(Self.policies) { try await connection.execute(statement) }
        for table in tables {
            try await connection.execute(Statement(generated: "GRANT SELECT, INSERT, UPDATE, DELETE ON \(table) TO \(self.role)"))
        }
        try await connection.execute(Statement(generated: "GRANT SELECT ON schema_migrations, schema_version TO \(self.role)"))
        for crossing in Crossing.all {
            for statement in self.function(crossing, schema: schema) { try await connection.execute(statement) }
        }
    }

    /// The quoted name of the schema that holds the tables.
    private func schema(on connection: any DatabaseConnection) async throws -> String {
        let name = try await connection.first("SELECT quote_ident(current_schema())", as: { try $0.single(String?.self) })
        guard let name = name ?? nil else {
            throw StoreError(code: .invalidValue, message: "the connection's search_path names no schema that exists")
        }
        return name
    }

    /// Makes the role where it is missing, when the migrating role may. It gets no password: that is for whoever runs the database.
    private func ensureRole(on connection: any DatabaseConnection) async throws {
        guard try await connection.query("SELECT 1 FROM pg_roles WHERE rolname = $1", self.role).isEmpty else { return }
        let mayCreate = try await connection.query(
            "SELECT 1 FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)")
        guard !mayCreate.isEmpty else {
            throw StoreError(
                code: .notFound,
                message: """
                    there is no database role \(self.role) for the services, and the migrating role may not create it; have an \
                    administrator run: CREATE ROLE \(self.role) LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
                    """)
        }
        try await connection.execute(
            Statement(generated: "CREATE ROLE \(self.role) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"))
    }

    /// The policies of a new table. A tenant's rows exist only for the organization. An installation's table that names organizations
    /// is read by all, but changed only for the organization; others have no policy.
    static func policies(_ table: String) -> [Statement] {
        let mine = "organization_id = current_setting('roost.organization', true)"
        let policies: [String]
        if Schema.tenantTables.contains(table) {
            policies = ["CREATE POLICY organization ON \(table) USING (\(mine)) WITH CHECK (\(mine))"]
        } else if Schema.sharedTables.contains(table) {
            policies = [
                "CREATE POLICY organization ON \(table) USING (\(mine)) WITH CHECK (\(mine))",
                "CREATE POLICY everybody_reads ON \(table) FOR SELECT USING (true)",
            ]
        } else {
            return []
        }
        return (["ALTER TABLE \(table) ENABLE ROW LEVEL SECURITY"] + policies).map { Statement(generated: $0) }
    }

    /// The function of a crossing. PL/pgSQL, because it keeps the body's plan: a function in SQL plans it at each call, which took 258 µs
    /// instead of 67 for a key's lookup. STABLE, because PostgreSQL then refuses any change in it. The fixed path keeps a caller from
    /// putting other tables in the place of ours.
    private func function(_ crossing: Crossing, schema: String) -> [Statement] {
        let signature = "\(crossing.name.text)(\(crossing.parameters.map(\.rawValue).joined(separator: ", ")))"
        let columns = crossing.columns.map { "\($0.name.text) \($0.meaning.type.rawValue)" }.joined(separator: ", ")
        let body = Self.quoted(
            "#variable_conflict use_column\nBEGIN RETURN QUERY " + Self.spelled(crossing.body.text) + "; END")
        return [
            """
            CREATE OR REPLACE FUNCTION \(signature) RETURNS TABLE (\(columns))
            LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = \(schema), pg_temp AS \(body)
            """,
            "REVOKE ALL ON FUNCTION \(signature) FROM PUBLIC",
            "GRANT EXECUTE ON FUNCTION \(signature) TO \(self.role)",
        ].map { Statement(generated: $0) }
    }

    /// A body's text with the words in braces spelled out; the drivers leave quoted text alone.
    private static func spelled(_ text: String) -> String {
        Dialect.postgreSQL.tokens.reduce(text) { text, token in
            text.split(separator: "{\(token.key)}", omittingEmptySubsequences: false).joined(separator: token.value)
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
