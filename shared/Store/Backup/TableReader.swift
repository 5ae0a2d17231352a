import Database
import Model

/// Reads a table whole, in the order of its primary key, in steps that are bounded in rows and in bytes.
struct TableReader {
    let table: SchemaTable
    let limits: BackupLimits
    private let columns: String
    private let sizes: String

    init(_ table: SchemaTable, limits: BackupLimits) {
        self.table = table
        self.limits = limits
        self.columns = table.columns.map(\.name).joined(separator: ", ")
        let lengths = table.columns.filter(\.isVariable).map { "COALESCE(LENGTH(\($0.name)), 0)" }
        self.sizes = lengths.isEmpty ? "0" : lengths.joined(separator: " + ")
    }

    /// Gives every row of the table, or of one organization's part of it.
    func forEach(
        in organization: OrganizationID?, on connection: any DatabaseConnection, _ body: (DatabaseRow) throws -> Void
    ) async throws {
        var after: [DatabaseValue]?
        while true {
            let count = try await self.nextCount(in: organization, after: after, on: connection)
            guard count > 0 else { return }
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

    /// How many of the next rows fit the bound; a row that does not fit alone comes alone.
    private func nextCount(
        in organization: OrganizationID?, after: [DatabaseValue]?, on connection: any DatabaseConnection
    ) async throws -> Int {
        let (statement, values) = self.statement(self.sizes, in: organization, after: after, count: self.limits.maxRowsPerStep)
        var (count, total) = (0, 0)
        for row in try await connection.query(statement, values: values) {
            total += try row.single(Int.self)
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
