import Database

/// Version 6: which of its ``RecordVersions`` a record is written in that a process of another version may have to go on with.
///
/// A program that does not know the columns writes version 1, as all did before.
extension Schema {
    static let recordVersions = Migration(
        id: "0006", name: "versions of records",
        statements: [
            "ALTER TABLE sessions ADD COLUMN record_version BIGINT NOT NULL DEFAULT 1",
            "ALTER TABLE integrations ADD COLUMN record_version BIGINT NOT NULL DEFAULT 1",
            "ALTER TABLE executions ADD COLUMN record_version BIGINT NOT NULL DEFAULT 1",
        ],
        admits: "0005")
}
