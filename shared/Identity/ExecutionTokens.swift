internal import Crypto
package import Model

/// Makes and verifies the tokens with which calls of Roost's own API act as the principal whose program makes them.
///
/// A token is made for one call, lives at most ``maxLifetime``, and is bound to execution and principal by an HMAC under a key that every
/// process of the installation derives from its internal key. Nothing is stored. It is sent to the gateway's registered internal address
/// alone and never enters the sandbox.
///
/// Its form is `roostx_`, the claims and the tag, both in base64url, with a dot between. The claims are fields of fixed alphabets
/// with spaces between, so that they have one reading.
package struct ExecutionTokens: Sendable {
    /// The longest life of a token.
    package static let maxLifetime: Duration = .seconds(60)

    /// How far the clocks of two machines may be apart.
    private static let skew: Duration = .seconds(5)
    private static let prefix = "roostx_"

    private let key: SymmetricKey

    /// Derives the signing key. Another use of the internal key derives another one, so that nothing signed for the channel passes here.
    ///
    /// - Parameter internalKey: The installation's internal key, at least 32 bytes.
    package init(internalKey: [UInt8]) {
        precondition(internalKey.count >= 32, "the internal key has at least 256 bits")
        self.key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: internalKey), info: Array("roost execution token 1".utf8), outputByteCount: 32)
    }

    /// Makes a token for one call from inside `execution`, on behalf of `principal`.
    package func make(
        for principal: Principal, execution: ExecutionID, at now: Timestamp = .now(), lifetime: Duration = Self.maxLifetime
    ) -> Secret {
        let expiry = now.advanced(by: min(lifetime, Self.maxLifetime))
        let claims = [
            principal.organization.rawValue, principal.account.rawValue, principal.role.rawValue, execution.rawValue,
            String(expiry.microseconds),
        ].joined(separator: " ")
        let tag = HMAC<SHA256>.authenticationCode(for: Array(claims.utf8), using: self.key)
        return Secret("\(Self.prefix)\(Base64URL.encode(Array(claims.utf8))).\(Base64URL.encode(Array(tag)))")
    }

    /// The principal that a token stands for: with the role of whom it was made for, and the method that marks calls from inside.
    package func verify(_ text: String, at now: Timestamp) throws(IdentityError) -> Principal {
        let parts = text.dropFirst(Self.prefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard Self.hasForm(text), parts.count == 2, let claims = Base64URL.decode(parts[0]), let tag = Base64URL.decode(parts[1]),
            // Compares in constant time.
            HMAC<SHA256>.isValidAuthenticationCode(tag, authenticating: claims, using: self.key)
        else { throw .invalid("The execution's token is not valid.") }
        let fields = String(decoding: claims, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 5, let organization = OrganizationID(String(fields[0])), let account = AccountID(String(fields[1])),
            let role = Principal.Role(rawValue: String(fields[2])), let execution = ExecutionID(String(fields[3])),
            let expiry = Int64(fields[4])
        else { throw .invalid("The execution's token is not valid.") }
        // The upper bound holds even for a token that a faulty process made to live longer.
        let latest = now.advanced(by: Self.maxLifetime + Self.skew)
        guard now < Timestamp(microseconds: expiry).advanced(by: Self.skew), Timestamp(microseconds: expiry) <= latest else {
            throw .invalid("The execution's token has expired.")
        }
        return Principal(organization: organization, account: account, role: role, method: .execution(execution))
    }

    /// Whether a bearer credential claims to be such a token.
    static func hasForm(_ text: String) -> Bool { text.hasPrefix(self.prefix) }
}
