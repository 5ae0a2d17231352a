internal import Crypto
package import Model
internal import Store

/// A key-encryption key: 256 random bits that an installation keeps outside of its database, under which every organization's data key
/// is wrapped.
package struct VaultKey: Sendable, CustomStringConvertible, CustomReflectable {
    private static let byteCount = 32
    private static let textPrefix = "roost-vault-key-1:"
    private static let format: UInt8 = 1
    private static let purpose = "roost data key"

    private let key: SymmetricKey
    /// Names this key and no other: it is derived from the key, so that what is stored says which key it needs, and a wrong one is
    /// noticed before it is used. It tells nothing about the key.
    package let id: String

    /// Makes a new key.
    package init() { self.init(key: SymmetricKey(size: .bits256)) }

    /// Takes the key's 32 bytes; nil for any other number.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(key: SymmetricKey(data: bytes))
    }

    /// Reads the form that is kept in files and variables, with or without a line's end; nil for anything else.
    package init?(text: String) {
        let line = text.hasSuffix("\r\n") || text.hasSuffix("\n") ? text.dropLast() : text[...]
        guard line.hasPrefix(Self.textPrefix), let bytes = Base64URL.decode(line.dropFirst(Self.textPrefix.count)) else { return nil }
        self.init(bytes: bytes)
    }

    private init(key: SymmetricKey) {
        self.key = key
        let derived = HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array("roost vault key id".utf8), outputByteCount: 16)
        self.id = "vk_" + derived.withUnsafeBytes { Base64URL.encode(Array($0)) }
    }

    /// What ``init(text:)`` reads.
    package var text: Secret { Secret(Self.textPrefix + self.key.withUnsafeBytes { Base64URL.encode(Array($0)) }) }

    /// Wraps an organization's data key: one byte of format, then the sealed key. Bound to this key, the organization and the version,
    /// so that whoever can write to the database cannot pass one organization's key off as another's, or an old one as a new one.
    func wrap(_ dataKey: DataKey, for organization: OrganizationID) throws(VaultError) -> WrappedDataKey {
        do {
            let wrapped = try AuthenticatedBox.seal(
                dataKey.bytes, header: [Self.format], purpose: Self.purpose, place: self.place(dataKey.version, organization), key: self.key
            )
            return WrappedDataKey(version: dataKey.version, vaultKeyID: self.id, wrapped: wrapped)
        } catch {
            throw VaultError(.cannotOpen, "a data key could not be wrapped")
        }
    }

    /// The data key that this key wrapped for the organization.
    func unwrap(_ wrapped: WrappedDataKey, for organization: OrganizationID) throws(VaultError) -> DataKey {
        guard wrapped.wrapped.first == Self.format else {
            throw VaultError(.unknownFormat, "a data key has a format that this version does not know; was it written by a later one?")
        }
        let bytes = AuthenticatedBox.open(
            wrapped.wrapped, headerBytes: 1, purpose: Self.purpose, place: self.place(wrapped.version, organization), key: self.key)
        guard let bytes, let key = DataKey(version: wrapped.version, bytes: bytes) else {
            throw VaultError(.cannotOpen, "an organization's data key cannot be opened: it was changed in the database; restore a backup")
        }
        return key
    }

    private func place(_ version: Int, _ organization: OrganizationID) -> [String] {
        [self.id, organization.rawValue, String(version)]
    }

    package var description: String { "<vault key>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
