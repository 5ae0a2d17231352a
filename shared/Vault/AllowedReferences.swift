internal import Model
package import Store

/// Which secrets of the installation each organization may refer to. Nothing that is not on the list: an organization's admin could
/// otherwise have any of them sent to a server of their own.
package struct AllowedReferences: Sendable {
    /// One line of the list.
    package struct Entry: Sendable, Hashable {
        /// A slug or id; nil for every organization.
        package let organization: String?
        /// The beginning of the reference, or the whole of it.
        let text: String
        let isPrefix: Bool

        /// Reads `<organization>=<reference>`, where the organization is a slug, an id or `*`, and the reference may end with `*`.
        package init?(_ text: String) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { return nil }
            self.organization = parts[0] == "*" ? nil : String(parts[0])
            self.isPrefix = parts[1].hasSuffix("*")
            self.text = String(self.isPrefix ? parts[1].dropLast() : parts[1])
            // A prefix is one of whole references: what stands before the star continues to one.
            guard SecretReference(self.isPrefix ? self.text + "x" : self.text) != nil else { return nil }
        }

        /// Whether the entry names reserved variables, which no entry opens. One that includes them among others, as `env:*`, does not.
        package func names(_ reserved: ReservedVariables) -> Bool {
            let parts = self.text.split(separator: ":", maxSplits: 1).map(String.init)
            return parts.count == 2 && parts[0] == SecretKind.environment.scheme && reserved.contains(parts[1])
        }

        fileprivate func allows(_ reference: String) -> Bool {
            self.isPrefix ? reference.hasPrefix(self.text) : reference == self.text
        }
    }

    private let entries: [Entry]
    private let organizations: OrganizationRepository

    package init(_ entries: [Entry], organizations: OrganizationRepository) {
        self.entries = entries
        self.organizations = organizations
    }

    /// Refuses a reference that the organization may not use.
    func check(_ reference: SecretReference, in organization: OrganizationID) async throws {
        let text = "\(reference)"
        let matching = self.entries.filter { $0.allows(text) }
        if matching.contains(where: { $0.organization == nil || $0.organization == organization.rawValue }) { return }
        if !matching.isEmpty, let slug = try await self.organizations.find(organization)?.slug {
            if matching.contains(where: { $0.organization == slug }) { return }
        }
        throw VaultError(
            .referenceRefused,
            "The installation does not let this organization use that secret. Its operator lists it in roost.vault.allowed_references.")
    }
}
