/// Where a tool is called: `<integration>.<org|user>.<connection>.<tool…>`, the path that follows `tools.` in a program.
package struct ToolAddress: Sendable, Hashable, CustomStringConvertible {
    /// Whose connection is used.
    package enum Owner: String, Sendable, Hashable, CaseIterable {
        /// The organization's own.
        case organization = "org"
        /// The calling person's.
        case user
    }

    /// The integration's slug.
    package let integration: String
    package let owner: Owner
    /// The connection's name.
    package let connection: String
    /// The tool's name within the integration; may hold dots (`issues.create`).
    package let tool: String

    package init(integration: String, owner: Owner, connection: String, tool: String) {
        self.integration = integration
        self.owner = owner
        self.connection = connection
        self.tool = tool
    }

    /// Reads an address, with or without a leading `tools.`; nil when a part is missing or empty.
    package init?(_ text: String) {
        let path = text.hasPrefix("tools.") ? text.dropFirst("tools.".count) : text[...]
        let parts = path.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let owner = Owner(rawValue: String(parts[1])) else { return nil }
        guard !parts[0].isEmpty, !parts[2].isEmpty, !parts[3].split(separator: ".", omittingEmptySubsequences: false).contains("") else {
            return nil
        }
        self.init(integration: String(parts[0]), owner: owner, connection: String(parts[2]), tool: String(parts[3]))
    }

    /// The address without `tools.`.
    package var description: String { "\(self.integration).\(self.owner.rawValue).\(self.connection).\(self.tool)" }
}
