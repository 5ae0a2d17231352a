import Database
import Model

/// Reads a table whole, in the order of its primary key, in steps that are bounded in rows and in bytes.
struct TableReader {
    let table: SchemaTable
    let limits: BackupLimits
    private let columns: String
    private let sizes: String

    init(_ table: SchemaTable, limits: BackupLimits, dialect: Dialect) {
        self.table = table
        self.limits = limits
        self.columns = table.columns.map(\.name).joined(separator: ", ")
        let lengths = table.columns.filter(\.isVariable).map { "COALESCE(\(Self.byteCount(of: $0.name, dialect)), 0)" }
        self.sizes = lengths.isEmpty ? "0" : lengths.joined(separator: " + ")
    }

    /// PostgreSQL keeps the number of bytes of a long value beside it; for characters it would have to fetch and unpack the value. SQLite
    /// has a word for it only from 3.43 on.
    private static func byteCount(of column: String, _ dialect: Dialect) -> String {
        switch dialect {
        case .postgreSQL: "OCTET_LENGTH(\(column))"
        case .sqlite: "LENGTH(CAST(\(column) AS BLOB))"
        }
    }

    /// Gives every row of the table, or of one organization's part of it.
    ///
    /// The connection is a snapshot's: rows are measured once for many steps, and nothing may change in between.
    func forEach(
        in organization: OrganizationID?, on connection: any DatabaseConnection, _ body: (DatabaseRow) throws -> Void
    ) async throws {
        var after: [DatabaseValue]?
        var measured: ArraySlice<Int> = []
        while true {
            if measured.isEmpty { measured = try await self.measure(in: organization, after: after, on: connection)[...] }
            let count = self.nextCount(of: measured)
            guard count > 0 else { return }
            measured = measured.dropFirst(count)
            let (statement, values) = self.statement(self.columns, in: organization, after: after, count: count)
            let rows = try await connection.query(statement, values: values)
            for row in rows { try body(row) }
            guard let last = rows.last else { return }
            after = self.table.keyInOrganization.compactMap { name in
                self.table.columns.firstIndex { $0.name == name }.map { last.values[$0] }
            }
            // An organization's only row in a table whose key is the organization itself.
            if after?.isEmpty ?? true { return }
        }
    }

    /// The bytes of each of the next rows.
    private func measure(
        in organization: OrganizationID?, after: [DatabaseValue]?, on connection: any DatabaseConnection
    ) async throws -> [Int] {
        let (statement, values) = self.statement(self.sizes, in: organization, after: after, count: self.limits.maxRowsPerStep)
        return try await connection.query(statement, values: values).map { try $0.single() }
    }

    /// How many of the next rows fit the bound; a row that does not fit alone comes alone.
    private func nextCount(of measured: ArraySlice<Int>) -> Int {
        var (count, total) = (0, 0)
        for bytes in measured {
            total += bytes
            guard count == 0 || total <= self.limits.maxBytesPerStep else { break }
            count += 1
        }
        return count
    }

    /// Names come from the migrations, never from outside.
    private func statement(
        _ columns: String, in organization: OrganizationID?, after: [DatabaseValue]?, count: Int
    ) -> (Statement, [DatabaseValue]) {
        var values: [DatabaseValue] = []
        var conditions: [String] = []
        func place(_ value: DatabaseValue) -> String {
            values.append(value)
            return "$\(values.count)"
        }
        if let organization { conditions.append("organization_id = \(place(organization.databaseValue))") }
        if let after {
            let key = self.table.keyInOrganization.joined(separator: ", ")
            conditions.append("(\(key)) > (\(after.map(place).joined(separator: ", ")))")
        }
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        let order = self.table.primaryKey.joined(separator: ", ")
        let text = "SELECT \(columns) FROM \(self.table.name) \(filter) ORDER BY \(order) LIMIT \(place(.integer(Int64(count))))"
        return (Statement(generated: text), values)
    }
}
