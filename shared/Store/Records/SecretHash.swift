private import Crypto
package import Database

/// The SHA-256 of a key or a session id: what is stored instead of it.
///
/// Plain SHA-256 is enough because both are 256 random bits, which no one can guess from a hash; passwords would need a slow hash.
package struct SecretHash: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Hashes the secret's text.
    package init(of secret: String) {
        var (secret, hasher) = (secret, SHA256())
        secret.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self.bytes = hasher.finalize().withUnsafeBytes { Array($0) }
    }

    /// The bytes are as good as random, so a dictionary needs no more than the first eight of them.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    }

    /// Hides the bytes: a hash in a log would let a reader test guesses and correlate.
    package var description: String { "<hash>" }
}

extension SecretHash: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .blob(self.bytes) }

    package init?(databaseValue: DatabaseValue) {
        guard case .blob(let bytes) = databaseValue, bytes.count == SHA256.byteCount else { return nil }
        self.bytes = bytes
    }
}
