import Database

/// Version 3: integrations that are frozen, and accounts that are disabled. Admits no older program, which would let them go on.
extension Schema {
    static let stopping = Migration(
        id: "0003", name: "frozen integrations, disabled accounts",
        statements: [
            "ALTER TABLE integrations ADD COLUMN frozen_at BIGINT",
            "ALTER TABLE accounts ADD COLUMN disabled_at BIGINT",
        ])
}
