import Database

/// A table as the migrations describe it.
package struct SchemaTable: Sendable, Hashable {
    /// One of its columns.
    package struct Column: Sendable, Hashable {
        package let name: String
        /// Whether its values have a length that matters: text and byte strings.
        let isVariable: Bool
    }

    package let name: String
    /// Whether every row belongs to one organization, which its primary key begins with.
    package let isTenant: Bool
    package internal(set) var columns: [Column]
    package internal(set) var primaryKey: [String]

    /// The primary key without the organization.
    var keyInOrganization: [String] { self.isTenant ? Array(self.primaryKey.dropFirst()) : self.primaryKey }
}

extension Schema {
    /// Every table, in the order in which they were created: a table stands after those that it refers to. Derived from the statements,
    /// so that what walks over all of them, such as backups, cannot forget a table or a column.
    package static let allTables: [SchemaTable] = Self.migrations.flatMap(\.statements).reduce(into: []) { tables, statement in
        if let table = SchemaTable(creating: statement.text) {
            tables.append(table)
        } else if let (name, column) = SchemaTable.addedColumn(statement.text), let place = tables.firstIndex(where: { $0.name == name }) {
            tables[place].columns.append(column)
        }
    }
}

extension SchemaTable {
    /// Reads a CREATE TABLE statement as our migrations write them: a column or a constraint a line.
    fileprivate init?(creating text: String) {
        let lines = text.split(separator: "\n").map { $0.split { " ,".contains($0) } }.filter { !$0.isEmpty }
        guard let first = lines.first, first.count >= 3, first[0] == "CREATE", first[1] == "TABLE" else { return nil }
        let name = String(first[2])
        self.init(name: name, isTenant: Schema.tenantTables.contains(name), columns: [], primaryKey: [])
        for line in lines.dropFirst() where !["--", ")", "FOREIGN", "CONSTRAINT", "REFERENCES"].contains(line[0]) {
            if line.starts(with: ["PRIMARY", "KEY"]) {
                self.primaryKey = line.dropFirst(2).map { String($0.filter { !"()".contains($0) }) }
            } else if line.count > 1 {
                self.columns.append(Column(name: String(line[0]), type: line[1]))
                if zip(line, line.dropFirst()).contains(where: { $0 == "PRIMARY" && $1 == "KEY" }) { self.primaryKey = [String(line[0])] }
            }
        }
    }

    fileprivate static func addedColumn(_ text: String) -> (table: String, Column)? {
        let words = text.split { " \n".contains($0) }
        guard words.count >= 7, words.starts(with: ["ALTER", "TABLE"]), words[3...].starts(with: ["ADD", "COLUMN"]) else { return nil }
        return (String(words[2]), Column(name: String(words[5]), type: words[6]))
    }
}

extension SchemaTable.Column {
    fileprivate init(name: String, type: Substring) {
        self.init(name: name, isVariable: ["TEXT", "{key}", "{bytes}"].contains(type))
    }
}
