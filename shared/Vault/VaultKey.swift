internal import Crypto

/// The installation's key for stored secrets: 256 random bits and the version that is derived from them.
package struct VaultKey: Sendable, CustomStringConvertible, CustomReflectable {
    static let byteCount = 32

    private let root: SymmetricKey
    /// Names this key and no other, so that a value says which key sealed it, and a wrong key is noticed before it is used.
    package let version: Int

    /// Makes a new key.
    package init() { self.init(root: SymmetricKey(size: .bits256)) }

    /// Takes the key's 32 bytes; nil for any other number.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(root: SymmetricKey(data: bytes))
    }

    private init(root: SymmetricKey) {
        self.root = root
        let derived = Self.derive(from: root, info: "roost vault key version", byteCount: 8)
        let bits = derived.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        // 63 bits fit both databases' integers.
        self.version = Int(UInt64(bigEndian: bits) >> 1)
    }

    /// The key's bytes, for the file that keeps it.
    var bytes: [UInt8] { self.root.withUnsafeBytes { Array($0) } }

    /// The key of one organization. Random nonces stay far below their collision bound when each organization has its own key.
    func key(organization: String) -> SymmetricKey {
        Self.derive(from: self.root, info: "roost vault organization\u{0}\(organization)", byteCount: Self.byteCount)
    }

    private static func derive(from root: SymmetricKey, info: String, byteCount: Int) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Array(info.utf8), outputByteCount: byteCount)
    }

    package var description: String { "<vault key>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
