import Catalog
import Model
import Store
import TestSupport
import Testing
import Vault

@Suite("Credentials and a new data key", .timeLimit(.minutes(2)))
struct SealingTests {
    /// Seals at once, and hands over when the gate is open.
    private struct HeldSealing: SecretSealing {
        let vault: Vault
        let gate: Gate

        func seal(
            _ secret: Secret, name: String, of connection: ConnectionID, in organization: OrganizationID
        ) async throws -> SealedSecret {
            let sealed = try await self.vault.seal(secret, name: name, of: connection, in: organization)
            await self.gate.wait()
            return sealed
        }

        func seal(
            _ reference: SecretReference, name: String, of connection: ConnectionID, in organization: OrganizationID
        ) async throws -> SealedSecret {
            try await self.vault.seal(reference, name: name, of: connection, in: organization)
        }

        func open(_ sealed: SealedSecret, of connection: ConnectionID, in organization: OrganizationID) async throws -> Secret {
            try await self.vault.open(sealed, of: connection, in: organization)
        }
    }

    @Test("a connection whose credentials are sealed when the organization gets a new data key comes to stand under the new one")
    func rotation() async throws {
        try await CatalogFixture.run { fixture in
            let integration = try await fixture.addPets(connection: nil).integration.integration.id
            let vault = Vault(keyring: Keyring(current: VaultKey()), store: fixture.store)
            let gate = Gate()
            let catalog = Catalog(
                store: fixture.store, vault: HeldSealing(vault: vault, gate: gate), upstream: fixture.upstream, builtIn: nil,
                limits: CatalogLimits())
            let new = NewConnection(
                integration: integration, owner: .organization, account: fixture.principal.account, name: "main", method: nil,
                credentials: ["token": Secret("s3cret")], baseURL: nil)
            async let adding = catalog.editor.addConnection(new, in: fixture.organization)
            await gate.waitForVisitor()
            #expect(try await vault.rotateDataKey(of: fixture.organization).changed == 0)
            gate.open()
            let connection = try await adding.connection.id
            let sealed = try await fixture.store.secrets.read(owner: connection, in: fixture.organization)
            #expect(sealed.map(\.keyVersion) == [2])
            #expect(try await vault.open(try #require(sealed.first), of: connection, in: fixture.organization) == Secret("s3cret"))
        }
    }
}
