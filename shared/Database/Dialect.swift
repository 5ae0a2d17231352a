/// How a database spells what SQLite and PostgreSQL spell differently.
package enum Dialect: Sendable, Hashable {
    case sqlite
    case postgreSQL

    /// The words in braces that statements may use.
    ///
    /// - `{now}`: the database's clock, in microseconds since the Unix epoch. Leases are written and compared with nothing else. It is
    ///   evaluated once per statement, at its start. SQLite's has a resolution of a millisecond.
    /// - `{bytes}`: the type of byte strings.
    /// - `{key}`: the type of text that is compared and sorted, byte by byte on both; PostgreSQL would otherwise use the collation
    ///   that the database happened to be created with, and pages of a list would come in another order.
    /// - `{share}`: at the end of a SELECT that writes: keeps the rows that it found as they are until the transaction ends. SQLite has one
    ///   writer at a time and needs no word for it.
    /// - `{take}`: at the end of a SELECT in a transaction: takes the rows that it finds for the transaction, and passes those over that
    ///   somebody else holds. SQLite needs no word for that either.
    package var tokens: [String: String] {
        switch self {
        case .sqlite:
            [
                "now": "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000)",
                "bytes": "BLOB",
                "key": "TEXT",
                "share": "",
                "take": "",
            ]
        case .postgreSQL:
            [
                "now": "(extract(epoch FROM statement_timestamp()) * 1000000)::BIGINT",
                "bytes": "BYTEA",
                "key": "TEXT COLLATE \"C\"",
                "share": "FOR SHARE",
                "take": "FOR UPDATE SKIP LOCKED",
            ]
        }
    }
}
