/// The variables of the environment that no connection may refer to, whatever the installation's list allows: they hold Roost's own
/// secrets, and those of what watches it.
package struct ReservedVariables: Sendable, Hashable {
    private static let beginnings = ["ROOST_", "OTEL_", "SENTRY_"]

    private let names: Set<String>

    /// - Parameter names: Those beside Roost's configuration, such as the variable of a vault key.
    package init(_ names: [String] = []) { self.names = Set(names) }

    /// Whether a variable of the name is reserved.
    package func contains(_ name: String) -> Bool {
        // Whoever reads them may not care about letters' case.
        let upper = name.uppercased()
        return self.names.contains(name) || Self.beginnings.contains { upper.hasPrefix($0) }
    }
}
