import Model

/// Makes session ids: 256 random bits, base64url. Only the client ever has one; here only the hash is kept.
enum SessionToken {
    /// A new session id.
    static func make() -> String {
        // The system's generator is cryptographically secure on every platform (getrandom, arc4random).
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<32).map { _ in UInt8.random(in: 0...UInt8.max, using: &generator) })
    }
}
