package import Database

/// The schema of an installation's database: every step that led to it, and what kinds of tables it has.
package enum Schema {
    /// Every migration, oldest first. A new one is appended; a released one is never touched.
    package static let migrations: [Migration] = [
        Self.initial, Self.dataKeys, Self.stopping, Self.sessionStreams,
        Self.executionCalls, Self.recordVersions,
    ]

    /// The tables whose rows belong to one organization, in the order in which they were created. Derived from the statements, so
    /// that a new table cannot be forgotten by what walks over them (row-level security, export, the two-organization tests).
    package static let tenantTables: [String] = Self.tables.filter { $0.kind == .tenant }.map(\.name)

    /// The tables that hold no organization's data and are read across organizations.
    package static let installationTables: [String] = Self.tables.filter { $0.kind != .tenant }.map(\.name)

    /// Those of ``installationTables`` that have rows for organizations: everybody reads them, nobody changes another's.
    package static let sharedTables: [String] = Self.tables.filter { $0.kind == .shared }.map(\.name)

    /// Marks, in a table's statement, one that names organizations but holds nothing of theirs.
    static let installationMark = "-- installation table"

    private enum Kind {
        case tenant, shared, installation
    }

    private static let tables: [(name: String, kind: Kind)] = Self.migrations.flatMap(\.statements).compactMap { statement in
        let words = statement.text.split(maxSplits: 3) { $0 == " " || $0 == "\n" }
        guard words.count == 4, words[0] == "CREATE", words[1] == "TABLE" else { return nil }
        guard statement.text.contains("organization_id {key} NOT NULL") else { return (String(words[2]), .installation) }
        return (String(words[2]), statement.text.contains(Self.installationMark) ? .shared : .tenant)
    }
}
