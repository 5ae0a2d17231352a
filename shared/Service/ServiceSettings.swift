/// What every process of an installation is told about itself.
///
/// Configuration keys:
/// - `roost.service.exit_with_standard_input` (true or false, default false): stop when standard input ends; for a supervisor's children.
package struct ServiceSettings: Sendable {
    package let exitsWithStandardInput: Bool

    package init(_ reader: inout SettingsReader) {
        self.exitsWithStandardInput = reader.boolean(
            "roost.service.exit_with_standard_input", default: false, "Stop when standard input ends; for the children of a supervisor.")
    }
}
