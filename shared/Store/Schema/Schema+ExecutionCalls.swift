import Database

/// Version 5: what is known of the tool calls of an execution.
///
/// A program of an earlier version writes no such rows, and where there is none it is said that nothing was written. Hence it admits none.
extension Schema {
    static let executionCalls = Migration(
        id: "0005", name: "tool calls of executions",
        statements: [
            """
            CREATE TABLE execution_calls (
                organization_id {key} NOT NULL,
                execution_id {key} NOT NULL,
                sequence BIGINT NOT NULL,
                address TEXT NOT NULL,
                effect {key} NOT NULL,
                outcome {key},
                started_at BIGINT NOT NULL,
                ended_at BIGINT,
                PRIMARY KEY (organization_id, execution_id, sequence),
                FOREIGN KEY (organization_id, execution_id) REFERENCES executions (organization_id, id) ON DELETE CASCADE,
                CONSTRAINT execution_calls_effect CHECK (effect IN ('read', 'write')),
                CONSTRAINT execution_calls_outcome CHECK (outcome IN ('done', 'not_sent', 'outcome_unknown')),
                CONSTRAINT execution_calls_ended CHECK ((ended_at IS NULL) = (outcome IS NULL))
            )
            """
        ])
}
