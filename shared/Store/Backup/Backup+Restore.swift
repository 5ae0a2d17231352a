package import Database
import Model

extension Backup {
    /// Puts a backup into an empty database of the same schema, in one transaction: all of it, or nothing.
    ///
    /// - Parameters:
    ///   - lease: How old a process's sign of life may be for the process to count as running.
    ///   - open: Gives a reader of the file's bytes from their beginning; asked again when the transaction has to be run again. The file
    ///     is checked to its end each time, so that one that changed since ``check(limits:from:)`` leaves no trace either.
    package static func restore(
        into database: any Database, limits: BackupLimits = BackupLimits(), lease: Duration = StoreLimits().replicaLease,
        from open: () throws -> (_ maxCount: Int) throws -> [UInt8]
    ) async throws -> Report {
        try await database.transaction(in: .installation) { connection in
            var decoder = try BackupDecoder(limits: limits, source: try open())
            let header = decoder.header
            try await self.checkTarget(header, lease: lease, on: connection)
            var writer = RowWriter(dialect: database.dialect, connection: connection)
            var (rowCount, organizationCount) = (0, 0)
            while true {
                switch try decoder.next() {
                case .table(let index):
                    try await writer.begin(header.tables[index])
                case .row(let values):
                    rowCount += 1
                    if writer.tableName == "organizations" { organizationCount += 1 }
                    try await writer.append(values)
                case .end:
                    try await writer.flush()
                    return Report(
                        createdAt: header.createdAt, rowCount: rowCount, organizationCount: organizationCount, vaultKeys: header.vaultKeys)
                }
            }
        }
    }

    private static func checkTarget(_ header: BackupHeader, lease: Duration, on connection: any DatabaseConnection) async throws {
        let stamps = try await self.migrations(on: connection)
        guard stamps == header.migrations else {
            throw BackupError(
                .otherSchema,
                """
                The backup is of schema \(header.migrations.keys.max() ?? "none") and the database has \(stamps.keys.max() ?? "none"), or \
                they differ in a step. Restore it with the version of Roost that wrote it (\(header.version)), then bring it up to date.
                """)
        }
        let known = Dictionary(uniqueKeysWithValues: Schema.allTables.map { ($0.name, Set($0.columns.map(\.name))) })
        guard header.tables.allSatisfy({ known[$0.name] == Set($0.columns) && $0.columns.count == Set($0.columns).count }) else {
            throw BackupError.damaged
        }
        let running = try await connection.query(
            "SELECT 1 FROM replicas WHERE heartbeat_at > {now} - $1 LIMIT 1", lease.microseconds)
        guard running.isEmpty else {
            throw BackupError(.inUse, "Services work on this database. Stop them, and wait until their leases have ended.")
        }
        for table in Schema.allTables where !self.ephemeralTables.contains(table.name) {
            guard try await connection.query(Statement(generated: "SELECT 1 FROM \(table.name) LIMIT 1"), values: []).isEmpty else {
                throw BackupError(
                    .notEmpty,
                    "The database is not empty (\(table.name)). Restore into a new one, on which only `roost migrate` has been run.")
            }
        }
    }
}

/// Inserts rows, some at a time.
private struct RowWriter {
    /// Rows of one statement, and their rough size.
    private static let (maxRows, maxBytes) = (50, 1 << 20)

    private let dialect: Dialect
    private let connection: any DatabaseConnection
    private var table = BackupHeader.Table(name: "", columns: [])
    private var isForgotten: [Bool] = []
    /// Where the rows name their organization; nil in a table that names none.
    private var organizationColumn: Int?
    private var organization: DatabaseValue?
    private var pending: [[DatabaseValue]] = []
    private var pendingBytes = 0

    init(dialect: Dialect, connection: any DatabaseConnection) {
        self.dialect = dialect
        self.connection = connection
    }

    var tableName: String { self.table.name }

    mutating func begin(_ table: BackupHeader.Table) async throws {
        try await self.flush()
        let forgotten = Backup.forgottenColumns[table.name] ?? []
        self.table = table
        self.isForgotten = table.columns.map(forgotten.contains)
        self.organizationColumn = table.columns.firstIndex(of: "organization_id")
    }

    mutating func append(_ values: [DatabaseValue]) async throws {
        if let column = self.organizationColumn, values[column] != self.organization {
            try await self.flush()
            try await self.enter(values[column])
        }
        self.pending.append(zip(values, self.isForgotten).map { $1 ? .null : $0 })
        self.pendingBytes += values.reduce(0) { $0 + $1.roughByteCount }
        if self.pending.count >= Self.maxRows || self.pendingBytes >= Self.maxBytes { try await self.flush() }
    }

    mutating func flush() async throws {
        guard !self.pending.isEmpty else { return }
        let count = self.table.columns.count
        let places = self.pending.indices.map { row in
            "(" + (1...count).map { "$\(row * count + $0)" }.joined(separator: ", ") + ")"
        }
        let text = "INSERT INTO \(self.table.name) (\(self.table.columns.joined(separator: ", "))) VALUES \(places.joined(separator: ", "))"
        let values = self.pending.flatMap(\.self)
        self.pending = []
        self.pendingBytes = 0
        try await self.connection.execute(Statement(generated: text), values: values)
    }

    /// The rows that follow are this organization's: on PostgreSQL no others could be written.
    private mutating func enter(_ organization: DatabaseValue) async throws {
        self.organization = organization
        guard self.dialect == .postgreSQL else { return }
        _ = try await self.connection.query("SELECT set_config('roost.organization', $1, true)", values: [organization])
    }
}

extension DatabaseValue {
    fileprivate var roughByteCount: Int {
        switch self {
        case .null, .integer, .real: 8
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        }
    }
}
