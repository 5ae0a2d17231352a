package import Model
package import Store
package import Vault

/// Seals credentials before they are stored and opens them for one call. The vault does both.
package protocol SecretSealing: Sendable {
    /// Seals one credential of a connection that is about to be stored.
    func seal(_ secret: Secret, name: String, of connection: ConnectionID, in organization: OrganizationID) async throws -> SealedSecret

    /// Seals a reference to a secret that the installation provides, which the organization must be allowed to use.
    func seal(
        _ reference: SecretReference, name: String, of connection: ConnectionID, in organization: OrganizationID
    ) async throws -> SealedSecret

    /// Opens a stored credential.
    func open(_ sealed: SealedSecret, of connection: ConnectionID, in organization: OrganizationID) async throws -> Secret
}

extension Vault: SecretSealing {}
