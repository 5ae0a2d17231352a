import Database

/// Version 2: the keys under which secrets are sealed.
extension Schema {
    static let dataKeys = Migration(
        id: "0002", name: "vault keys and data keys",
        statements: [
            // Ids alone. A key-encryption key stays listed as long as any organization's data key is wrapped under it, which the
            // reference below holds whoever deletes: what a start must have is known without looking into any organization.
            """
            CREATE TABLE vault_keys (
                id {key} NOT NULL PRIMARY KEY,
                created_at BIGINT NOT NULL
            )
            """,
            """
            CREATE TABLE data_keys (
                organization_id {key} NOT NULL REFERENCES organizations (organization_id),
                version BIGINT NOT NULL,
                vault_key_id {key} NOT NULL REFERENCES vault_keys (id),
                wrapped {bytes} NOT NULL,
                state {key} NOT NULL,
                created_at BIGINT NOT NULL,
                PRIMARY KEY (organization_id, version),
                CONSTRAINT data_keys_state CHECK (state IN ('active', 'retired'))
            )
            """,
            "CREATE INDEX data_keys_vault_key ON data_keys (vault_key_id)",
        ])
}
