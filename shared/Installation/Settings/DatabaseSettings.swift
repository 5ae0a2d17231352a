package import Database
package import Service

/// Where state is kept.
///
/// Configuration keys:
/// - `roost.database.url` (text, required): `sqlite:` and the path of the database file.
/// - the bounds below.
package struct DatabaseSettings: Sendable {
    /// The path of the SQLite file.
    package let path: String
    package let sqlite: SQLiteConfiguration

    package init(_ reader: inout SettingsReader) {
        let key = "roost.database.url"
        let url = reader.requiredString(key, "Where state is kept: `sqlite:` and the path of the database file.")
        self.path = String(url.dropFirst("sqlite:".count))
        if !url.isEmpty, !url.hasPrefix("sqlite:/") {
            reader.fault(key, "must be `sqlite:` and an absolute path, such as sqlite:/var/lib/roost/roost.db")
        }
        var sqlite = SQLiteConfiguration()
        sqlite.readerCount = reader.integer(
            "roost.database.reader_count", default: sqlite.readerCount, in: 1...64, "Statements that read at the same time in one process.")
        sqlite.maxWaiters = reader.integer(
            "roost.database.max_waiters", default: sqlite.maxWaiters, in: 1...1_000_000,
            "Statements that wait for a reader, and transactions for the writer; what comes beyond is refused.")
        sqlite.busyTimeout = reader.duration(
            "roost.database.busy_timeout", default: sqlite.busyTimeout,
            "How long a statement waits for its turn in the process, and again for other processes.")
        sqlite.transactionTimeout = reader.duration(
            "roost.database.transaction_timeout", default: sqlite.transactionTimeout, "How long one transaction may last.")
        sqlite.migrationTimeout = reader.duration(
            "roost.database.migration_timeout", default: sqlite.migrationTimeout,
            "How long a start waits while another process brings the schema up to date.")
        self.sqlite = sqlite
    }

    /// Opens the database.
    package func open() async throws -> SQLiteDatabase {
        try await SQLiteDatabase.open(path: self.path, configuration: self.sqlite)
    }
}
