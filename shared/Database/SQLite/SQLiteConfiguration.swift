/// The bounds of a SQLite database and how it is opened.
package struct SQLiteConfiguration: Sendable, Hashable {
    /// How many statements may read at the same time, each on a connection of its own.
    package var readerCount: Int
    /// How many statements may wait for a reader, and how many transactions for the writer; one more is refused as `busy`.
    package var maxWaiters: Int
    /// How long a statement or transaction waits for its turn in this process, and again for another process, before it is `busy`.
    package var busyTimeout: Duration
    /// How long a transaction may last, from its start to its last statement, before it is rolled back with `timeout`.
    package var transactionTimeout: Duration
    /// How long a process waits while others bring the schema up to date.
    package var migrationTimeout: Duration
    /// The largest size of the file; a write beyond it fails with `full`. Nil for as large as the disk allows.
    package var maxBytes: Int?
    /// Whether the database is opened for reading only; then it must exist and writes fail with `readOnly`.
    package var isReadOnly: Bool

    package init(
        readerCount: Int = 4, maxWaiters: Int = 4096, busyTimeout: Duration = .seconds(10), transactionTimeout: Duration = .seconds(30),
        migrationTimeout: Duration = .seconds(60), maxBytes: Int? = nil, isReadOnly: Bool = false
    ) {
        self.readerCount = readerCount
        self.maxWaiters = maxWaiters
        self.busyTimeout = busyTimeout
        self.transactionTimeout = transactionTimeout
        self.migrationTimeout = migrationTimeout
        self.maxBytes = maxBytes
        self.isReadOnly = isReadOnly
    }
}
