import Database

/// Version 4: the answers that clients of sessions may come back for.
extension Schema {
    static let sessionStreams = Migration(
        id: "0004", name: "streams of sessions",
        statements: [
            // The request's id as JSON, the name of the call's execution, which it may not have begun, the answer as the message that was
            // to be sent. The bytes of an answer stand in a column of their own, so that a session's sum needs no answer to be read.
            """
            CREATE TABLE session_streams (
                organization_id {key} NOT NULL,
                session_id {key} NOT NULL,
                id {key} NOT NULL,
                request_id TEXT NOT NULL,
                execution_id {key} NOT NULL,
                owner_replica {key} NOT NULL,
                owner_epoch BIGINT NOT NULL,
                state {key} NOT NULL,
                sequence BIGINT NOT NULL,
                expires_at BIGINT NOT NULL,
                record_version BIGINT NOT NULL,
                answer_bytes BIGINT NOT NULL,
                answer {bytes},
                PRIMARY KEY (organization_id, session_id, id),
                FOREIGN KEY (organization_id, session_id) REFERENCES sessions (organization_id, id) ON DELETE CASCADE,
                CONSTRAINT session_streams_state CHECK (state IN ('open', 'answered', 'dropped', 'silent')),
                CONSTRAINT session_streams_answer CHECK ((state = 'answered') = (answer IS NOT NULL))
            )
            """,
            "CREATE INDEX session_streams_expiry ON session_streams (expires_at)",
        ],
        // A program that does not know the table gives no event ids, and leaves rows to others.
        admits: "0003")
}
