import Service

/// The reference of all configuration keys, made from the code that reads them.
package enum ConfigurationReference {
    /// The contents of docs/configuration.md; a test compares the two.
    package static func markdown() async throws -> String {
        let rows = try await InstallationSettings.definitions().map { definition in
            "| `\(definition.key)` | \(definition.type) | \(definition.defaultText.map { "`\($0)`" } ?? "–") | \(definition.summary) |"
        }
        return """
            # Configuration

            Values come from the environment, then from one YAML file whose path stands in `ROOST_CONFIG`, then from the defaults below. A key \
            `roost.part.name` is `ROOST_PART_NAME` in the environment and nested mappings in the file (`deploy/roost.sample.yaml`). Lists are \
            comma-separated in the environment. An unknown key is an error, and every fault is reported at once. `ROOST_PORT` and \
            `ROOST_DATA_DIR` are for `roost dev` alone.

            This page is the output of `roost configuration`.

            | key | type | default | meaning |
            | --- | --- | --- | --- |
            \(rows.joined(separator: "\n"))
            """
    }
}
