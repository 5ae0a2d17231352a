package import Database
package import Model

/// A whole installation's state as one portable file: what one database wrote, the other restores.
///
/// Which tables and columns there are follows from the migrations. Secrets stay sealed, and the vault key is not in it.
package enum Backup {
    /// Tables whose rows mean something only while the processes live that wrote them, or for a few minutes. A restored installation
    /// begins without: its processes register anew, and no client comes back for the answer of a call that ran before.
    package static let ephemeralTables: Set = ["replicas", "session_streams"]

    /// Columns that a restore leaves empty: a session is nobody's until a process adopts it. Executions under way come back as they
    /// were, and the first sweep ends them as interrupted, because their processes are gone.
    package static let forgottenColumns = ["sessions": ["owner_replica", "owner_epoch"]]

    /// What was written or restored.
    package struct Report: Sendable, Hashable {
        package let createdAt: Timestamp
        package let rowCount: Int
        package let organizationCount: Int
        /// The vault keys that the secrets in it need.
        package let vaultKeys: [String]
    }

    /// Writes the database as it is at one moment, in bounded steps, while others go on writing.
    ///
    /// - Parameter sink: Takes the file's bytes, piece by piece.
    package static func write(
        _ database: any SnapshotReading, version: String, now: Timestamp = .now(), limits: BackupLimits = BackupLimits(),
        to sink: @escaping ([UInt8]) throws -> Void
    ) async throws -> Report {
        try await database.withSnapshot { snapshot in
            let installation = snapshot.connection(in: .installation)
            let tables = Schema.allTables.filter { !self.ephemeralTables.contains($0.name) }
            let header = BackupHeader(
                version: version, createdAt: now, migrations: try await self.migrations(on: installation),
                tables: tables.map { BackupHeader.Table(name: $0.name, columns: $0.columns.map(\.name)) },
                vaultKeys: try await installation.all("SELECT id FROM vault_keys ORDER BY id LIMIT 1000", as: { try $0.single() }))
            var encoder = try BackupEncoder(header, sink: sink)
            var organizationCount = 0
            for (index, table) in tables.enumerated() {
                encoder.begin(table: index)
                let reader = TableReader(table, limits: limits, dialect: database.dialect)
                guard table.isTenant else {
                    try await reader.forEach(in: nil, on: installation) { try encoder.append($0) }
                    continue
                }
                organizationCount = 0
                try await self.forEachOrganization(on: installation) { organization in
                    organizationCount += 1
                    let connection = snapshot.connection(in: .organization(organization))
                    try await reader.forEach(in: organization, on: connection) { try encoder.append($0) }
                }
            }
            try encoder.finish()
            return Report(
                createdAt: now, rowCount: Int(encoder.rowCount), organizationCount: organizationCount, vaultKeys: header.vaultKeys)
        }
    }

    /// Reads a backup to its end and checks it; changes nothing.
    package static func check(
        limits: BackupLimits = BackupLimits(), from source: @escaping (_ maxCount: Int) throws -> [UInt8]
    ) throws {
        var decoder = try BackupDecoder(limits: limits, source: source)
        while true {
            if case .end = try decoder.next() { return }
        }
    }

    /// The stamps of the schema's steps, which say what exactly a database's tables are.
    static func migrations(on connection: any DatabaseConnection) async throws -> [String: String] {
        let rows = try await connection.query("SELECT id, checksum FROM schema_migrations ORDER BY id")
        return try rows.reduce(into: [:]) { stamps, row in
            var row = row.reader()
            let id: String = try row.next()
            stamps[id] = try row.next(String.self)
        }
    }

    /// Over the revisions, which every organization has and which hold nothing of anybody's.
    private static func forEachOrganization(
        on connection: any DatabaseConnection, _ body: (OrganizationID) async throws -> Void
    ) async throws {
        var last = ""
        while true {
            let page: [OrganizationID] = try await connection.all(
                "SELECT organization_id FROM organization_revisions WHERE organization_id > $1 ORDER BY organization_id LIMIT 500", last,
                as: { try $0.single() })
            for organization in page { try await body(organization) }
            guard let end = page.last else { return }
            last = end.rawValue
        }
    }
}
