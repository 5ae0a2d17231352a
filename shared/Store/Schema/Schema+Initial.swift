import Database

/// Version 1.
///
/// - Every tenant table begins its primary key with `organization_id`, and every reference between tenant tables includes it: a row
///   cannot refer to another organization's, whatever a statement gets wrong.
/// - Columns that are compared or sorted are `{key}`, bytewise on both databases. Times are microseconds. Booleans are 0 and 1.
/// - Unique constraints are named indexes, because that name is what an error carries on both databases.
/// - A record that a process of another version may have to go on with says which ``RecordVersions`` it is written in.
extension Schema {
    static let initial = Migration(
        id: "0001", name: "organizations, registry, sessions, integrations, executions",
        statements: Self.organizations + Self.registry + Self.sessions + Self.catalog + Self.connections + Self.executions)

    private static let organizations: [Statement] = [
        """
        CREATE TABLE organizations (
            organization_id {key} NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            slug {key} NOT NULL,
            created_at BIGINT NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX organizations_slug ON organizations (slug)",
        // Apart from the organizations themselves because every process polls it for many of them in one statement.
        """
        CREATE TABLE organization_revisions ( -- installation table
            organization_id {key} NOT NULL PRIMARY KEY REFERENCES organizations (organization_id) ON DELETE CASCADE,
            revision BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE accounts (
            organization_id {key} NOT NULL REFERENCES organizations (organization_id),
            id {key} NOT NULL,
            name TEXT NOT NULL,
            issuer {key},
            subject {key},
            created_at BIGINT NOT NULL,
            PRIMARY KEY (organization_id, id),
            CONSTRAINT accounts_identity_whole CHECK ((issuer IS NULL) = (subject IS NULL))
        )
        """,
        "CREATE UNIQUE INDEX accounts_identity ON accounts (organization_id, issuer, subject)",
        """
        CREATE TABLE api_keys (
            organization_id {key} NOT NULL,
            id {key} NOT NULL,
            account_id {key} NOT NULL,
            role {key} NOT NULL,
            name TEXT NOT NULL,
            key_hash {bytes} NOT NULL,
            created_at BIGINT NOT NULL,
            revoked_at BIGINT,
            last_used_at BIGINT,
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, account_id) REFERENCES accounts (organization_id, id),
            CONSTRAINT api_keys_role CHECK (role IN ('agent', 'admin'))
        )
        """,
        "CREATE UNIQUE INDEX api_keys_hash ON api_keys (key_hash)",
        "CREATE INDEX api_keys_account ON api_keys (organization_id, account_id)",
        """
        CREATE TABLE installation_keys (
            id {key} NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            key_hash {bytes} NOT NULL,
            created_at BIGINT NOT NULL,
            revoked_at BIGINT,
            last_used_at BIGINT
        )
        """,
        "CREATE UNIQUE INDEX installation_keys_hash ON installation_keys (key_hash)",
        """
        CREATE TABLE policies (
            organization_id {key} NOT NULL REFERENCES organizations (organization_id),
            id {key} NOT NULL,
            pattern TEXT NOT NULL,
            action {key} NOT NULL,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (organization_id, id),
            CONSTRAINT policies_action CHECK (action IN ('allow', 'require_approval', 'block'))
        )
        """,
    ]

    private static let registry: [Statement] = [
        """
        CREATE TABLE replicas (
            id {key} NOT NULL PRIMARY KEY,
            kind {key} NOT NULL,
            address TEXT NOT NULL,
            version TEXT NOT NULL,
            epoch BIGINT NOT NULL,
            load BIGINT NOT NULL,
            draining BIGINT NOT NULL,
            started_at BIGINT NOT NULL,
            heartbeat_at BIGINT NOT NULL,
            CONSTRAINT replicas_kind CHECK (kind IN ('api-gateway', 'session-service'))
        )
        """
    ]

    private static let sessions: [Statement] = [
        """
        CREATE TABLE sessions (
            organization_id {key} NOT NULL,
            id_hash {bytes} NOT NULL,
            id {key} NOT NULL,
            account_id {key} NOT NULL,
            role {key} NOT NULL,
            auth_kind {key} NOT NULL,
            auth_issuer {key},
            auth_subject {key} NOT NULL,
            resource TEXT NOT NULL,
            protocol_version TEXT NOT NULL,
            client_info TEXT,
            client_capabilities TEXT NOT NULL,
            state {key} NOT NULL,
            owner_replica {key},
            owner_epoch BIGINT,
            created_at BIGINT NOT NULL,
            last_activity_at BIGINT NOT NULL,
            record_version BIGINT NOT NULL,
            PRIMARY KEY (organization_id, id_hash),
            FOREIGN KEY (organization_id, account_id) REFERENCES accounts (organization_id, id),
            CONSTRAINT sessions_state CHECK (state IN ('open', 'closed')),
            CONSTRAINT sessions_owner_whole CHECK ((owner_replica IS NULL) = (owner_epoch IS NULL))
        )
        """,
        "CREATE UNIQUE INDEX sessions_id ON sessions (organization_id, id)",
        "CREATE INDEX sessions_owner ON sessions (owner_replica, owner_epoch)",
        "CREATE INDEX sessions_activity ON sessions (state, last_activity_at)",
        "CREATE INDEX sessions_account ON sessions (organization_id, account_id, state, last_activity_at)",
    ]

    private static let catalog: [Statement] = [
        """
        CREATE TABLE blobs (
            organization_id {key} NOT NULL REFERENCES organizations (organization_id),
            hash {key} NOT NULL,
            created_at BIGINT NOT NULL,
            content {bytes} NOT NULL,
            PRIMARY KEY (organization_id, hash)
        )
        """,
        """
        CREATE TABLE integrations (
            organization_id {key} NOT NULL REFERENCES organizations (organization_id),
            id {key} NOT NULL,
            slug {key} NOT NULL,
            kind {key} NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            config TEXT NOT NULL,
            base_url TEXT,
            document_url TEXT,
            document_hash {key},
            tool_count BIGINT NOT NULL,
            revision BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            record_version BIGINT NOT NULL,
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, document_hash) REFERENCES blobs (organization_id, hash)
        )
        """,
        "CREATE UNIQUE INDEX integrations_slug ON integrations (organization_id, slug)",
        "CREATE INDEX integrations_document ON integrations (organization_id, document_hash)",
        // The binding stands last: SQLite reads a row's overflow pages only as far as the columns that a statement asks for.
        """
        CREATE TABLE tools (
            organization_id {key} NOT NULL,
            integration_id {key} NOT NULL,
            name {key} NOT NULL,
            effect {key} NOT NULL,
            description TEXT NOT NULL,
            binding TEXT NOT NULL,
            PRIMARY KEY (organization_id, integration_id, name),
            FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE,
            CONSTRAINT tools_effect CHECK (effect IN ('read', 'write'))
        )
        """,
        """
        CREATE TABLE tool_schemas (
            organization_id {key} NOT NULL,
            integration_id {key} NOT NULL,
            tool {key} NOT NULL,
            input TEXT,
            output TEXT,
            PRIMARY KEY (organization_id, integration_id, tool),
            FOREIGN KEY (organization_id, integration_id, tool)
                REFERENCES tools (organization_id, integration_id, name) ON DELETE CASCADE
        )
        """,
        """
        CREATE TABLE schema_definitions (
            organization_id {key} NOT NULL,
            integration_id {key} NOT NULL,
            name {key} NOT NULL,
            definition TEXT NOT NULL,
            PRIMARY KEY (organization_id, integration_id, name),
            FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE
        )
        """,
    ]

    private static let connections: [Statement] = [
        """
        CREATE TABLE connections (
            organization_id {key} NOT NULL,
            id {key} NOT NULL,
            integration_id {key} NOT NULL,
            owner {key} NOT NULL,
            account_id {key},
            name {key} NOT NULL,
            method TEXT NOT NULL,
            base_url TEXT,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id),
            FOREIGN KEY (organization_id, account_id) REFERENCES accounts (organization_id, id),
            CONSTRAINT connections_owner CHECK (owner IN ('org', 'user')),
            CONSTRAINT connections_account CHECK ((owner = 'user') = (account_id IS NOT NULL))
        )
        """,
        // NULLs are distinct in a unique index on both databases, so that the organization's own connections need a stand-in.
        """
        CREATE UNIQUE INDEX connections_address
            ON connections (organization_id, integration_id, owner, COALESCE(account_id, ''), name)
        """,
        "CREATE INDEX connections_account ON connections (organization_id, account_id)",
        """
        CREATE TABLE sealed_secrets (
            organization_id {key} NOT NULL REFERENCES organizations (organization_id),
            owner_id {key} NOT NULL,
            name {key} NOT NULL,
            key_version BIGINT NOT NULL,
            sealed {bytes} NOT NULL,
            PRIMARY KEY (organization_id, owner_id, name)
        )
        """,
    ]

    private static let executions: [Statement] = [
        """
        CREATE TABLE executions (
            organization_id {key} NOT NULL,
            id {key} NOT NULL,
            account_id {key} NOT NULL,
            auth_kind {key} NOT NULL,
            auth_issuer {key},
            auth_subject {key} NOT NULL,
            session_id {key},
            client {key} NOT NULL,
            state {key} NOT NULL,
            code_hash TEXT NOT NULL,
            seed BIGINT NOT NULL,
            owner_replica {key} NOT NULL,
            owner_epoch BIGINT NOT NULL,
            started_at BIGINT NOT NULL,
            ended_at BIGINT,
            cancel_requested_at BIGINT,
            error_code TEXT,
            record_version BIGINT NOT NULL,
            outcome TEXT,
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, account_id) REFERENCES accounts (organization_id, id),
            CONSTRAINT executions_client CHECK (client IN ('mcp', 'rest')),
            CONSTRAINT executions_state CHECK (state IN ('running', 'waiting', 'completed', 'failed', 'expired', 'cancelled')),
            CONSTRAINT executions_ended CHECK ((ended_at IS NULL) = (state IN ('running', 'waiting')))
        )
        """,
        "CREATE INDEX executions_account ON executions (organization_id, account_id, id)",
        // Only what runs: the sweep and the owners' polls stay as cheap as the number of executions at work.
        "CREATE INDEX executions_live ON executions (owner_replica, owner_epoch) WHERE ended_at IS NULL",
    ]
}
