import Model
import Store
import Testing

@testable import Vault

@Suite("Sealed bytes open only where they were sealed")
struct EnvelopeTests {
    private let key = DataKey(version: 1)
    private let place = DataKey.Place(organization: OrganizationID(), row: "row", name: "token")

    private func seal(_ text: String) throws -> [UInt8] {
        try self.key.seal(SecretContent(kind: .database, text: Secret(text)), at: self.place)
    }

    private func code(_ sealed: [UInt8], at place: DataKey.Place? = nil, key: DataKey? = nil) -> VaultError.Code? {
        do throws(VaultError) {
            _ = try (key ?? self.key).open(sealed, at: place ?? self.place)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("What is sealed opens again", arguments: ["", "s3cret", "ünïcödé 🔑", String(repeating: "x", count: 100_000)])
    func roundTrip(_ text: String) throws {
        let sealed = try self.seal(text)
        #expect(try self.key.open(sealed, at: self.place).text == Secret(text))
        #expect(try DataKey.version(of: sealed) == 1)
        #expect(sealed.first == 2)
        #expect(sealed.count == text.utf8.count + 38)
    }

    @Test("Sealing twice gives different bytes")
    func nonces() throws {
        #expect(Set(try (0..<100).map { _ in try self.seal("same") }).count == 100)
    }

    @Test("A value moved to another organization, row or name does not open")
    func moved() throws {
        let sealed = try self.seal("s")
        let organization = self.place.organization
        let places = [
            (OrganizationID(), "row", "token"), (organization, "row2", "token"), (organization, "row", "user"),
            // The same bytes with the border between the parts elsewhere.
            (organization, "rowt", "oken"), (organization, "ro", "wtoken"), (organization, "", "rowtoken"),
        ]
        for (organization, row, name) in places {
            #expect(self.code(sealed, at: DataKey.Place(organization: organization, row: row, name: name)) == .cannotOpen)
        }
        #expect(self.code(sealed, key: DataKey(version: 1)) == .cannotOpen)
    }

    @Test("A value with any bit changed does not open")
    func tampered() throws {
        let sealed = try self.seal("secret")
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                #expect(self.code(changed) == .cannotOpen)
                let version = try? DataKey.version(of: changed)
                #expect(index >= 9 ? version == 1 : version != 1)
            }
        }
    }

    @Test("Cut, empty and lengthened values do not open")
    func cut() throws {
        let sealed = try self.seal("secret")
        for count in 0..<sealed.count { #expect(self.code(Array(sealed.prefix(count))) == .cannotOpen) }
        for count in 0..<9 { #expect(throws: VaultError.self) { try DataKey.version(of: Array(sealed.prefix(count))) } }
        #expect(self.code(sealed + [0]) == .cannotOpen)
    }

    @Test("A data key unwraps only for its organization, its version and under its vault key")
    func wrapping() throws {
        let vaultKey = VaultKey()
        let organization = self.place.organization
        let wrapped = try vaultKey.wrap(self.key, for: organization)
        #expect(wrapped.vaultKeyID == vaultKey.id)
        #expect(try vaultKey.unwrap(wrapped, for: organization).bytes == self.key.bytes)
        let newer = WrappedDataKey(version: 2, vaultKeyID: vaultKey.id, wrapped: wrapped.wrapped)
        #expect(throws: VaultError.self) { try vaultKey.unwrap(newer, for: organization) }
        #expect(throws: VaultError.self) { try vaultKey.unwrap(wrapped, for: OrganizationID()) }
        #expect(throws: VaultError.self) { try VaultKey().unwrap(wrapped, for: organization) }
        for index in wrapped.wrapped.indices {
            var changed = wrapped.wrapped
            changed[index] ^= 1
            let other = WrappedDataKey(version: 1, vaultKeyID: vaultKey.id, wrapped: changed)
            #expect(throws: VaultError.self) { try vaultKey.unwrap(other, for: organization) }
        }
        let error = #expect(throws: VaultError.self) { try Keyring(current: VaultKey()).unwrap(wrapped, for: organization) }
        #expect(error?.code == .wrongKey)
    }

    @Test("The formats are what they say: bytes made by another implementation open")
    func knownAnswer() throws {
        let vaultKey = try #require(VaultKey(text: "roost-vault-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"))
        #expect(vaultKey.id == "vk_5Wm-yOUNHlnNE8ZfiyDhSQ")
        #expect(VaultKey(text: vaultKey.text.reveal())?.id == vaultKey.id)
        let organization = try #require(OrganizationID("org_01890a5d-ac96-774b-bcce-b302099a8057"))
        let place = DataKey.Place(organization: organization, row: "con_01890a5d-ac96-774b-bcce-b302099a8057", name: "token")
        let wrapped = WrappedDataKey(version: 3, vaultKeyID: vaultKey.id, wrapped: try #require(Base64URL.decode(Self.wrapped)))
        let key = try vaultKey.unwrap(wrapped, for: organization)
        #expect(key.bytes == Array(100..<132))
        let value = try key.open(try #require(Base64URL.decode(Self.value)), at: place)
        #expect(value.kind == .database && value.text == Secret("known answer"))
        let reference = try key.open(try #require(Base64URL.decode(Self.reference)), at: place)
        #expect(reference.kind == .environment && reference.text == Secret("NOTES_TOKEN"))
    }

    /// Made with Python's `cryptography` from the description of the formats.
    private static let wrapped = "AQECAwQFBgcICQoLDGGPPLKE_ZrtIM8NKGBimFs2NpeJ7xQqvt0ih1seN_RGZY-cS8hmxWu1XZelsEOIfA"
    private static let value = "AgAAAAAAAAADAQIDBAUGBwgJCgsMIAbpId8AfsMNhSGHNMwxUDzaUz867-h-t5_zyxY"
    private static let reference = "AgAAAAAAAAADAQIDBAUGBwgJCgsMISPIGu09AfYsvROsnk516vlPP9YVEO604BFREQ"

    @Test("What is no key's text is none", arguments: ["", "\n", "roost-vault-key-1:", "roost-vault-key-1:AAAA", "roost-vault-key-2:AAAA"])
    func notAKey(_ text: String) {
        #expect(VaultKey(text: text) == nil)
        #expect(VaultKey(text: "roost-vault-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" + text + "x") == nil)
    }

    @Test("No key prints what it holds")
    func printing() {
        let vaultKey = VaultKey()
        var dumped = ""
        dump(vaultKey, to: &dumped)
        dump(self.key, to: &dumped)
        dump(Keyring(current: vaultKey), to: &dumped)
        #expect("\(vaultKey)" == "<vault key>" && "\(self.key)" == "<data key>")
        let hex = self.key.bytes.map { "\($0)" }.joined(separator: ", ")
        for secret in [vaultKey.text.reveal(), String(vaultKey.text.reveal().dropFirst(18)), hex, "SymmetricKey"] {
            #expect(!dumped.contains(secret))
        }
    }
}

@Suite("References name what the installation provides")
struct SecretReferenceTests {
    @Test("Well-formed references are read", arguments: ["env:A", "env:NOTES_TOKEN", "file:a", "file:notes/token", "file:a.b-c_d/e..f"])
    func good(_ text: String) throws {
        #expect("\(try #require(SecretReference(text)))" == text)
    }

    @Test(
        "What could lead elsewhere is none",
        arguments: [
            "", "env", "env:", "env:A B", "env:A=B", "env:Ä", "file:", "file:/etc/passwd", "file:../x", "file:a/../b", "file:a//b",
            "file:a/", "file:.hidden", "file:..data/x", "file:a\0b", "file:a b", "database:x", ":x", "vault:x",
            "file:" + String(repeating: "a", count: 512),
        ])
    func bad(_ text: String) { #expect(SecretReference(text) == nil) }

    @Test(
        "Lines of the list that allow nothing in particular are refused",
        arguments: ["", "env:A", "=env:A", "a=", "*=*", "a=env", "a=file:../*", "a=file:/*"])
    func entries(_ text: String) { #expect(AllowedReferences.Entry(text) == nil) }
}
