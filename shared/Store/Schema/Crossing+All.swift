import Database

extension Crossing {
    /// Every question across organizations. A test compares the list with the functions that PostgreSQL has.
    static let all = [
        Self.findKey, .findOrganization, .listOrganizations, .ownedOrganizations, .closedSessions, .staleSessions, .cancelRequests,
        .orphanedExecutions, .staleStreams,
    ]

    /// Whose key a hash is, whether it works or not: an organization's, or the installation's, which has no organization. On every request, hence
    /// all that authentication needs in one answer.
    ///
    /// Takes the hash, and the interval in which a key's use is noted once.
    static let findKey = Crossing(
        "cross_find_key", [.bytes, .integer],
        [
            Column("organization_id", .identifier), Column("id", .identifier), Column("account_id", .identifier), Column("role", .role),
            Column("is_active", .flag), Column("is_touch_due", .flag),
        ],
        """
        SELECT k.organization_id, k.id, k.account_id, k.role,
            CAST(CASE WHEN k.revoked_at IS NULL AND a.disabled_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS is_active,
            CAST(CASE WHEN k.last_used_at > {now} - $2 THEN 0 ELSE 1 END AS BIGINT) AS is_touch_due
        FROM api_keys k JOIN accounts a ON a.organization_id = k.organization_id AND a.id = k.account_id WHERE k.key_hash = $1
        UNION ALL
        SELECT NULL, id, NULL, NULL, CAST(CASE WHEN revoked_at IS NULL THEN 1 ELSE 0 END AS BIGINT),
            CAST(CASE WHEN last_used_at > {now} - $2 THEN 0 ELSE 1 END AS BIGINT)
        FROM installation_keys WHERE key_hash = $1
        """)

    /// Which organization has a slug.
    static let findOrganization = Crossing(
        "cross_find_organization", [.text], [Column("organization_id", .identifier)],
        "SELECT organization_id FROM organizations WHERE slug = $1")

    /// A page of all organizations: those after an id, up to a number.
    static let listOrganizations = Crossing(
        "cross_list_organizations", [.text, .integer], [Column("organization_id", .identifier)],
        "SELECT organization_id FROM organizations WHERE organization_id > $1 ORDER BY organization_id LIMIT $2")

    /// In which organizations an owner (replica, epoch) has sessions: those after an id, up to a number.
    static let ownedOrganizations = Crossing(
        "cross_owned_organizations", [.text, .integer, .text, .integer], [Column("organization_id", .identifier)],
        """
        SELECT DISTINCT organization_id FROM sessions
        WHERE owner_replica = $1 AND owner_epoch = $2 AND organization_id > $3 ORDER BY organization_id LIMIT $4
        """)

    /// Which of an owner's (replica, epoch) sessions somebody closed, up to a number.
    static let closedSessions = Crossing(
        "cross_closed_sessions", [.text, .integer, .integer], [Column("organization_id", .identifier), Column("id", .identifier)],
        "SELECT organization_id, id FROM sessions WHERE owner_replica = $1 AND owner_epoch = $2 AND state = 'closed' LIMIT $3")

    /// Sessions of a state without activity for some microseconds, up to a number.
    static let staleSessions = Crossing(
        "cross_stale_sessions", [.text, .integer, .integer], [Column("organization_id", .identifier), Column("id", .identifier)],
        """
        SELECT organization_id, id FROM sessions
        WHERE state = $1 AND last_activity_at < {now} - $2 ORDER BY last_activity_at LIMIT $3
        """)

    /// Which of an owner's (replica, epoch) executions somebody wants stopped, up to a number.
    static let cancelRequests = Crossing(
        "cross_cancel_requests", [.text, .integer, .integer], [Column("organization_id", .identifier), Column("id", .identifier)],
        """
        SELECT organization_id, id FROM executions
        WHERE owner_replica = $1 AND owner_epoch = $2 AND ended_at IS NULL AND cancel_requested_at IS NOT NULL LIMIT $3
        """)

    /// Executions that go on although their owner's heartbeat is older than some microseconds, up to a number.
    static let orphanedExecutions = Crossing(
        "cross_orphaned_executions", [.integer, .integer], [Column("organization_id", .identifier), Column("id", .identifier)],
        """
        SELECT e.organization_id, e.id FROM executions e
        WHERE e.ended_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM replicas r WHERE r.id = e.owner_replica AND r.epoch = e.owner_epoch AND r.heartbeat_at > {now} - $1)
        LIMIT $2
        """)

    /// Streams of sessions whose time is up, up to a number.
    static let staleStreams = Crossing(
        "cross_stale_streams", [.integer], [Column("organization_id", .identifier), Column("id", .identifier)],
        "SELECT organization_id, id FROM session_streams WHERE expires_at < {now} ORDER BY expires_at LIMIT $1")
}
