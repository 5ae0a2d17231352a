internal import JSON
internal import JWTKit
internal import Model

/// One public key of an issuer, with the algorithms that it may verify.
///
/// Each key and algorithm has a collection of its own. In a shared one, JWTKit tries a token with an unknown key id against the first
/// key, and a key that names no algorithm keeps that of the first token it sees, signed well or not: one forged token would turn all
/// good ones away. Here key and algorithm are decided before it is asked.
struct IssuerKey: Sendable {
    private let collections: [String: JWTKeyCollection]

    /// Reads the keys of a JWK set (RFC 7517) that can be used, by key id. Others are left out, as the RFC asks: encryption keys,
    /// unknown types, keys without an id.
    static func readSet(_ bytes: [UInt8], allowed: Set<String>) async -> [String: IssuerKey]? {
        guard let document = try? JSONValue(parsing: bytes), let entries = document["keys"]?.array else { return nil }
        var keys: [String: IssuerKey] = [:]
        for entry in entries.prefix(Self.maxKeys) {
            guard let id = entry["kid"]?.string, !id.isEmpty, let key = await IssuerKey(entry, allowed: allowed) else { continue }
            keys[id] = key
        }
        return keys
    }

    private static let maxKeys = 100

    private init?(_ entry: JSONValue, allowed: Set<String>) async {
        guard entry["use"]?.string ?? "sig" == "sig" else { return nil }
        if let operations = entry["key_ops"]?.array, !operations.contains("verify") { return nil }
        guard let (publicKey, possible) = Self.publicKey(entry) else { return nil }
        var algorithms = possible.intersection(allowed)
        if let pinned = entry["alg"]?.string { algorithms.formIntersection([pinned]) }
        guard !algorithms.isEmpty else { return nil }
        var jwk = publicKey
        var collections: [String: JWTKeyCollection] = [:]
        for algorithm in algorithms {
            let collection = JWTKeyCollection()
            jwk.algorithm = JWK.Algorithm(rawValue: algorithm)
            guard (try? await collection.add(jwk: jwk)) != nil else { return nil }
            collections[algorithm] = collection
        }
        self.collections = collections
    }

    /// Whether the token's signature is this key's, made with the algorithm that the token's header names.
    func verifies(_ token: String, algorithm: String) async -> Bool {
        guard let collection = self.collections[algorithm] else { return false }
        return (try? await collection.verify(token, as: UnreadClaims.self)) != nil
    }

    private static func publicKey(_ entry: JSONValue) -> (JWK, algorithms: Set<String>)? {
        let id = JWKIdentifier(string: entry["kid"]?.string ?? "")
        switch (entry["kty"]?.string, entry["crv"]?.string) {
        case ("RSA", _):
            // 2048 bits at least (RFC 7518, section 3.3), 8192 at most: verifying grows with the square of the size.
            guard let modulus = entry["n"]?.string, let exponent = entry["e"]?.string, let bytes = Base64URL.decode(modulus),
                (256...1024).contains(bytes.count)
            else { return nil }
            return (
                .rsa(nil, identifier: id, modulus: modulus, exponent: exponent), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
            )
        case ("EC", let name?):
            guard let (curve, algorithm) = self.curves[name], let x = entry["x"]?.string, let y = entry["y"]?.string else { return nil }
            return (.ecdsa(nil, identifier: id, x: x, y: y, curve: curve), [algorithm])
        case ("OKP", "Ed25519"):
            guard let x = entry["x"]?.string else { return nil }
            return (.octetKeyPair(nil, identifier: id, x: x, y: nil, curve: .ed25519), ["EdDSA"])
        default:
            return nil
        }
    }

    private static let curves: [String: (ECDSACurve, algorithm: String)] = [
        "P-256": (.p256, "ES256"), "P-384": (.p384, "ES384"), "P-521": (.p521, "ES512"),
    ]
}

/// JWTKit decodes the claims into this; they are read and checked by our own parser.
private struct UnreadClaims: JWTPayload {
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
