import JSON
package import Model

/// What a backup says about itself, as JSON at its beginning.
package struct BackupHeader: Sendable, Hashable {
    /// A table of which rows follow.
    struct Table: Sendable, Hashable {
        let name: String
        let columns: [String]
    }

    /// The program that wrote it.
    package let version: String
    package let createdAt: Timestamp
    /// The schema's steps, with what they were.
    let migrations: [String: String]
    let tables: [Table]
    /// The vault keys that its secrets need. The keys themselves are not in it.
    package let vaultKeys: [String]

    private static let note = "Secrets in this file are sealed. The vault keys that open them are not in it; keep them elsewhere."

    var json: JSONValue {
        [
            "roost": .string(self.version), "created_at": .string("\(self.createdAt)"),
            "created_at_microseconds": .number(JSONNumber(Int(self.createdAt.microseconds))),
            "migrations": .object(JSONObject(self.migrations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            "tables": .array(
                self.tables.map { ["name": .string($0.name), "columns": .array($0.columns.map(JSONValue.string))] }),
            "vault_keys": .array(self.vaultKeys.map(JSONValue.string)), "note": .string(Self.note),
        ]
    }

    init(version: String, createdAt: Timestamp, migrations: [String: String], tables: [Table], vaultKeys: [String]) {
        self.version = version
        self.createdAt = createdAt
        self.migrations = migrations
        self.tables = tables
        self.vaultKeys = vaultKeys
    }

    init?(json: JSONValue) {
        guard let version = json["roost"]?.string, let time = json["created_at_microseconds"]?.int,
            let migrations = json["migrations"]?.object, let tables = json["tables"]?.array, let vaultKeys = json["vault_keys"]?.array
        else { return nil }
        self.version = version
        self.createdAt = Timestamp(microseconds: Int64(time))
        self.migrations = migrations.reduce(into: [:]) { $0[$1.key] = $1.value.string ?? "" }
        self.tables = tables.compactMap { table in
            guard let name = table["name"]?.string, let columns = table["columns"]?.array else { return nil }
            return Table(name: name, columns: columns.compactMap(\.string))
        }
        self.vaultKeys = vaultKeys.compactMap(\.string)
        guard self.tables.count == tables.count else { return nil }
    }
}
