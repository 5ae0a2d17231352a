package import JSON

/// What clients are told about how to get a token for one of our URLs (RFC 9728). Offered only where an issuer is configured: keys are
/// handed out by people, not discovered.
package struct ProtectedResource: Sendable, Hashable {
    /// The URL that clients use, in canonical form: lower-case scheme and host, no fragment, no slash at the end.
    package let resource: String
    /// Where the metadata is served.
    package let metadataURL: String
    private let issuer: String

    /// Takes the public origin (`https://roost.example`), the resource's path (`/mcp`) and the issuer.
    package init(origin: String, path: String, issuer: String) {
        self.resource = origin + path
        self.metadataURL = "\(origin)\(Self.wellKnownPath)\(path)"
        self.issuer = issuer
    }

    /// Where metadata stands, before the resource's own path (RFC 9728, section 3.1).
    package static let wellKnownPath = "/.well-known/oauth-protected-resource"

    /// The metadata document.
    package var document: JSONValue {
        [
            "resource": .string(self.resource), "authorization_servers": [.string(self.issuer)], "bearer_methods_supported": ["header"],
            "resource_name": "Roost",
        ]
    }
}

/// The value of `WWW-Authenticate` for a request that was turned away (RFC 6750, section 3; RFC 9728, section 5.1).
package enum BearerChallenge {
    /// The challenge for an error with status 401 or 403; nil for other errors, which have none.
    package static func value(for error: IdentityError, resource: ProtectedResource?) -> String? {
        var parameters = [("realm", "roost")]
        switch error.code {
        case .credentialsMissing: break
        case .credentialsInvalid: parameters += [("error", "invalid_token"), ("error_description", error.message)]
        case .forbidden: parameters += [("error", "insufficient_scope"), ("error_description", error.message)]
        default: return nil
        }
        if let resource { parameters.append(("resource_metadata", resource.metadataURL)) }
        return "Bearer " + parameters.map { "\($0.0)=\"\(Self.quoted($0.1))\"" }.joined(separator: ", ")
    }

    /// RFC 6750 allows neither quotes, backslashes nor anything but ASCII in a description.
    private static func quoted(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C ? $0 : UInt8(ascii: "'") }, as: UTF8.self)
    }
}
