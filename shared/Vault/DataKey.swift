internal import Crypto
internal import Model

/// One version of an organization's key, which seals its secrets. 256 random bits of its own, so that random nonces stay far below their
/// collision bound, and that losing one tells nothing about another.
struct DataKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// Where a secret belongs. A sealed value opens there and nowhere else: whoever can write to the database cannot move a credential to
    /// a row where it would be sent to somebody else.
    struct Place {
        let organization: OrganizationID
        let row: String
        let name: String

        fileprivate var parts: [String] { [self.organization.rawValue, self.row, self.name] }
    }

    /// Format 2: one byte of format, 8 bytes of key version, the box. Its plaintext is one byte that says which provider has the
    /// secret, and what that provider wants to be kept. The format stands first so that another one can follow without touching what is
    /// stored; format 1 was never released.
    private static let format: UInt8 = 2
    private static let headerBytes = 9
    private static let byteCount = 32
    private static let purpose = "roost vault"

    let version: Int
    private let key: SymmetricKey

    /// Makes a new key.
    init(version: Int) {
        self.version = version
        self.key = SymmetricKey(size: .bits256)
    }

    /// Takes a key's bytes; nil when they are not one's.
    init?(version: Int, bytes: [UInt8]) {
        guard bytes.count == Self.byteCount, version >= 1 else { return nil }
        self.version = version
        self.key = SymmetricKey(data: bytes)
    }

    /// For wrapping.
    var bytes: [UInt8] { self.key.withUnsafeBytes { Array($0) } }

    /// Seals what is kept of a secret for its place. Sealing twice gives different bytes.
    func seal(_ content: SecretContent, at place: Place) throws(VaultError) -> [UInt8] {
        do {
            return try AuthenticatedBox.seal(
                [content.kind.rawValue] + Array(content.text.reveal().utf8),
                header: [Self.format] + AuthenticatedBox.bigEndian(UInt64(self.version)), purpose: Self.purpose, place: place.parts,
                key: self.key)
        } catch {
            throw VaultError(.cannotOpen, "a credential could not be sealed")
        }
    }

    /// Opens what ``seal(_:at:)`` made with this version for the same place.
    func open(_ sealed: [UInt8], at place: Place) throws(VaultError) -> SecretContent {
        let bytes = AuthenticatedBox.open(
            sealed, headerBytes: Self.headerBytes, purpose: Self.purpose, place: place.parts, key: self.key)
        guard let bytes, let first = bytes.first else {
            throw VaultError(
                .cannotOpen, "a stored credential cannot be opened: it was changed in the database, or moved from another row; add it again"
            )
        }
        guard let kind = SecretKind(rawValue: first) else { throw Self.unknownFormat }
        return SecretContent(kind: kind, text: Secret(String(decoding: bytes.dropFirst(), as: UTF8.self)))
    }

    /// The version of the data key that a sealed value needs.
    static func version(of sealed: [UInt8]) throws(VaultError) -> Int {
        guard sealed.first == Self.format, sealed.count > Self.headerBytes else { throw Self.unknownFormat }
        let version = sealed[1..<Self.headerBytes].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let version = Int(exactly: version) else { throw Self.unknownFormat }
        return version
    }

    private static let unknownFormat = VaultError(
        .unknownFormat, "a stored credential has a format that this version does not know; was it written by a later one?")

    var description: String { "<data key>" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}
