private import Crypto
package import Database

/// The SHA-256 of a key or a session id: what is stored instead of it.
///
/// Plain SHA-256 is enough because both are 256 random bits, which no one can guess from a hash; passwords would need a slow hash.
package struct SecretHash: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Hashes the secret's text.
    package init(of secret: String) { self.bytes = Array(SHA256.hash(data: Array(secret.utf8))) }

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
