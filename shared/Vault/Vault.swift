internal import Crypto
package import Model
package import Store

/// Seals and opens the credentials of connections, with AES-256-GCM under a key of the organization.
///
/// A sealed value is bound to where it is stored: organization, row and name are authenticated with it. Whoever can write to the database
/// cannot move a credential to a row where it would be sent to somebody else.
package struct Vault: Sendable {
    /// Format 1: one byte of format, 8 bytes of key version, 12 bytes of nonce, the ciphertext, 16 bytes of tag. The format stands first
    /// so that another one (envelope keys, keys held by a provider) can follow without touching what is stored.
    private enum Layout {
        static let format: UInt8 = 1
        static let versionEnd = 9
        static let nonceEnd = 21
        static let tagBytes = 16
    }

    private let key: VaultKey

    /// A vault with one key.
    package init(key: VaultKey) { self.key = key }

    /// The version of the key that seals.
    package var keyVersion: Int { self.key.version }

    /// Seals a credential for one row and name. Sealing twice gives different bytes.
    package func seal(_ secret: Secret, organization: OrganizationID, row: String, name: String) throws(VaultError) -> [UInt8] {
        let header = [Layout.format] + Self.bigEndian(UInt64(self.key.version))
        let context = Self.authenticated(header: header, organization: organization, row: row, name: name)
        do {
            let key = self.key.key(organization: organization.rawValue)
            let box = try AES.GCM.seal(Array(secret.reveal().utf8), using: key, authenticating: context)
            return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
        } catch {
            throw VaultError(.cannotOpen, "a credential could not be sealed")
        }
    }

    /// Opens what ``seal(_:organization:row:name:)`` made for the same organization, row and name.
    package func open(_ sealed: [UInt8], organization: OrganizationID, row: String, name: String) throws(VaultError) -> Secret {
        guard sealed.first == Layout.format else {
            throw VaultError(
                .unknownFormat, "a stored credential has a format that this version does not know; was it written by a later one?")
        }
        guard sealed.count >= Layout.nonceEnd + Layout.tagBytes else { throw Self.cannotOpen }
        let header = Array(sealed[..<Layout.versionEnd])
        guard header.dropFirst().elementsEqual(Self.bigEndian(UInt64(self.key.version))) else {
            throw VaultError(.wrongKey, "a stored credential was sealed with another vault key")
        }
        let context = Self.authenticated(header: header, organization: organization, row: row, name: name)
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: sealed[Layout.versionEnd..<Layout.nonceEnd]),
                ciphertext: sealed[Layout.nonceEnd..<(sealed.count - Layout.tagBytes)], tag: sealed.suffix(Layout.tagBytes))
            let bytes = try AES.GCM.open(box, using: self.key.key(organization: organization.rawValue), authenticating: context)
            return Secret(String(decoding: bytes, as: UTF8.self))
        } catch {
            throw Self.cannotOpen
        }
    }

    private static let cannotOpen = VaultError(
        .cannotOpen, "a stored credential cannot be opened: it was changed in the database, or moved from another row; add it again")

    /// What is authenticated with a value: the header and each part behind its length, so that no two different places give the same bytes.
    private static func authenticated(header: [UInt8], organization: OrganizationID, row: String, name: String) -> [UInt8] {
        [organization.rawValue, row, name].reduce(into: Array("roost vault".utf8) + header) { bytes, part in
            bytes += self.bigEndian(UInt64(part.utf8.count)) + part.utf8
        }
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

extension Vault {
    /// Seals one credential of a connection, in the form that the store keeps.
    package func seal(
        _ secret: Secret, name: String, of connection: ConnectionID, in organization: OrganizationID
    ) throws(VaultError) -> SealedSecret {
        let sealed = try self.seal(secret, organization: organization, row: connection.rawValue, name: name)
        return SealedSecret(name: name, sealed: sealed, keyVersion: self.keyVersion)
    }

    /// Opens one stored credential of a connection.
    package func open(_ sealed: SealedSecret, of connection: ConnectionID, in organization: OrganizationID) throws(VaultError) -> Secret {
        try self.open(sealed.sealed, organization: organization, row: connection.rawValue, name: sealed.name)
    }
}
