package import Model

/// The default: values themselves, which the vault keeps sealed in the database.
struct DatabaseSecrets: SecretProvider {
    let kind = SecretKind.database

    func admit(_ text: Secret, in organization: OrganizationID) -> Secret { text }

    func value(of kept: Secret, in organization: OrganizationID) -> Secret { kept }
}

/// Secrets that the installation provides and Roost only reads, by names that it allows: variables of the environment, files.
package struct NamedSecrets: SecretProvider {
    package let kind: SecretKind
    private let allowed: AllowedReferences
    private let reserved: ReservedVariables
    private let read: @Sendable (_ name: String) async throws(VaultError) -> Secret?

    /// - Parameters:
    ///   - reserved: Variables of the environment that are refused, allowed or not.
    ///   - read: Gives the value of a name now; nil when there is none. Bounded in size.
    package init(
        _ kind: SecretKind, allowed: AllowedReferences, reserved: ReservedVariables = ReservedVariables(),
        read: @escaping @Sendable (_ name: String) async throws(VaultError) -> Secret?
    ) {
        self.kind = kind
        self.allowed = allowed
        self.reserved = reserved
        self.read = read
    }

    package func admit(_ text: Secret, in organization: OrganizationID) async throws -> Secret {
        _ = try await self.value(of: text, in: organization)
        return text
    }

    package func value(of kept: Secret, in organization: OrganizationID) async throws -> Secret {
        let reference = SecretReference(kind: self.kind, name: kept.reveal())
        if self.kind == .environment, self.reserved.contains(reference.name) {
            throw VaultError(.referenceRefused, "That variable is the installation's own; no connection can use it.")
        }
        try await self.allowed.check(reference, in: organization)
        guard let value = try await self.read(reference.name) else {
            throw VaultError(.secretMissing, "The installation allows the secret \(reference) and does not have it. Ask its operator.")
        }
        return value
    }
}
