import Model
import Store
import Testing
import Vault

@Suite("Sealed credentials open only where they were sealed")
struct VaultTests {
    private let vault = Vault(key: VaultKey())
    private let organization = OrganizationID()
    private let connection = ConnectionID()

    @Test("What is sealed opens again", arguments: ["", "s3cret", "ünïcödé 🔑", String(repeating: "x", count: 100_000)])
    func roundTrip(_ text: String) throws {
        let sealed = try self.vault.seal(Secret(text), organization: self.organization, row: "row", name: "token")
        #expect(try self.vault.open(sealed, organization: self.organization, row: "row", name: "token") == Secret(text))
        #expect(sealed.first == 1)
        #expect(sealed.count == text.utf8.count + 37)
    }

    @Test("Sealing twice gives different bytes")
    func nonces() throws {
        let sealed = try (0..<100).map { _ in try self.vault.seal(Secret("same"), organization: self.organization, row: "r", name: "n") }
        #expect(Set(sealed).count == 100)
    }

    @Test("A value moved to another organization, row or name does not open")
    func moved() throws {
        let sealed = try self.vault.seal(Secret("s"), organization: self.organization, row: "row", name: "token")
        let places = [
            (OrganizationID(), "row", "token"), (self.organization, "row2", "token"), (self.organization, "row", "user"),
            // The same bytes with the border between the parts elsewhere.
            (self.organization, "rowt", "oken"), (self.organization, "ro", "wtoken"), (self.organization, "", "rowtoken"),
        ]
        for (organization, row, name) in places {
            let error = #expect(throws: VaultError.self) { try self.vault.open(sealed, organization: organization, row: row, name: name) }
            #expect(error?.code == .cannotOpen)
        }
    }

    @Test("A value with any bit changed does not open")
    func tampered() throws {
        let sealed = try self.vault.seal(Secret("secret"), organization: self.organization, row: "r", name: "n")
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                let error = #expect(throws: VaultError.self) {
                    try self.vault.open(changed, organization: self.organization, row: "r", name: "n")
                }
                #expect(error?.code == (index == 0 ? .unknownFormat : index < 9 ? .wrongKey : .cannotOpen))
            }
        }
    }

    @Test("Cut, empty and lengthened values do not open")
    func cut() throws {
        let sealed = try self.vault.seal(Secret("secret"), organization: self.organization, row: "r", name: "n")
        for count in 0..<sealed.count {
            #expect(throws: VaultError.self) {
                try self.vault.open(Array(sealed.prefix(count)), organization: self.organization, row: "r", name: "n")
            }
        }
        #expect(throws: VaultError.self) { try self.vault.open(sealed + [0], organization: self.organization, row: "r", name: "n") }
    }

    @Test("Another key is named as the fault")
    func otherKey() throws {
        let sealed = try self.vault.seal(Secret("s"), organization: self.organization, row: "r", name: "n")
        let error = #expect(throws: VaultError.self) {
            try Vault(key: VaultKey()).open(sealed, organization: self.organization, row: "r", name: "n")
        }
        #expect(error?.code == .wrongKey)
    }

    @Test("A connection's credential is bound to the connection and carries its key's version")
    func stored() throws {
        let sealed = try self.vault.seal(Secret("s"), name: "token", of: self.connection, in: self.organization)
        #expect(sealed.name == "token")
        #expect(sealed.keyVersion == self.vault.keyVersion)
        #expect(sealed.keyVersion > 0)
        #expect(try self.vault.open(sealed, of: self.connection, in: self.organization) == Secret("s"))
        #expect(throws: VaultError.self) { try self.vault.open(sealed, of: ConnectionID(), in: self.organization) }
        let renamed = SealedSecret(name: "user", sealed: sealed.sealed, keyVersion: sealed.keyVersion)
        #expect(throws: VaultError.self) { try self.vault.open(renamed, of: self.connection, in: self.organization) }
    }

    @Test("The format is what it says: a value sealed by another implementation opens")
    func knownAnswer() throws {
        let key = try #require(VaultKey(bytes: Array(0..<32)))
        let organization = try #require(OrganizationID("org_01890a5d-ac96-774b-bcce-b302099a8057"))
        let sealed = try #require(Base64URL.decode(Self.foreign))
        #expect(try Vault(key: key).open(sealed, organization: organization, row: "con_1", name: "token") == Secret("known answer"))
    }

    /// Made with Python's `cryptography` from the description of the format.
    private static let foreign = "AVo0a7jcfSpbAAECAwQFBgcICQoLbgOqxDgWTMnQjoaQQW7DiFruwraOR7ouIUgkig"

    @Test("Neither a key nor a vault prints what it holds")
    func printing() {
        let key = VaultKey()
        var dumped = ""
        dump(key, to: &dumped)
        dump(Vault(key: key), to: &dumped)
        #expect("\(key)" == "<vault key>")
        #expect(!dumped.contains("bytes") && !dumped.contains("root"))
    }
}
