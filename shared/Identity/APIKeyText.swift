package import Model
package import Store

/// The text of an API key: `roost_` and 256 random bits in base64url. It is shown once, to whoever asked for the key.
package struct APIKeyText: Sendable, Hashable {
    private static let prefix = "roost_"
    private static let randomBytes = 32
    private static let byteCount = 49

    /// The key itself.
    package let secret: Secret

    /// Makes a new key. The system's generator is a cryptographic one.
    package init() {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<Self.randomBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.secret = Secret(Self.prefix + Base64URL.encode(bytes))
    }

    /// Reads a presented key; nil when it does not have a key's form, which spares the database the look-up.
    package init?(_ text: String) {
        guard text.utf8.count == Self.byteCount, text.hasPrefix(Self.prefix) else { return nil }
        guard Base64URL.decode(text.dropFirst(Self.prefix.count))?.count == Self.randomBytes else { return nil }
        self.secret = Secret(text)
    }

    /// What is stored and looked up instead of the key. Whoever measures the look-up's time learns about a hash, which says nothing about
    /// the key.
    package var hash: SecretHash { SecretHash(of: self.secret.reveal()) }
}
