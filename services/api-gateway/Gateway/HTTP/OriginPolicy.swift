package import HTTPTypes

/// Which web pages may call the MCP endpoint from a browser, and the CORS fields that let them read the answers.
///
/// MCP requires a server to refuse unknown origins (DNS rebinding, 2025-11-25 "Security Warning"): a page on a name that an attacker
/// points at a loopback address would otherwise reach a local installation. A request without `Origin` is no browser's and passes.
package struct OriginPolicy: Sendable {
    private let allowed: Set<String>
    private let allowsAll: Bool

    /// - Parameters:
    ///   - publicURL: Its origin is always allowed, and so is every loopback origin.
    ///   - allowed: Further origins, such as `https://app.example.com`; `*` allows all.
    package init(publicURL: String?, allowed: [String]) {
        self.allowed = Set((allowed + [publicURL].compactMap { $0 }).map { Self.origin(of: $0.lowercased()) })
        self.allowsAll = allowed.contains("*")
    }

    /// Whether a page of this origin may call.
    package func allows(_ origin: String) -> Bool {
        let origin = origin.lowercased()
        return self.allowsAll || self.allowed.contains(origin) || Self.isLoopback(origin)
    }

    /// The fields that go on every answer, errors included: without them a browser hides even the status from its page.
    package func answerFields(for origin: String?) -> HTTPFields {
        guard let origin else { return Self.metadataFields }
        guard self.allows(origin) else { return [.vary: "Origin"] }
        return [.accessControlAllowOrigin: origin, .accessControlExposeHeaders: Self.exposed, .vary: "Origin"]
    }

    /// The fields of an answer that is metadata: public by its nature, and needed by pages of any origin before they have a token.
    package static let metadataFields: HTTPFields = [.accessControlAllowOrigin: "*", .accessControlExposeHeaders: Self.exposed]

    /// The fields that an answer to a path needs where no route gave it: none outside of what browsers' MCP clients ask for.
    package func fields(path: String, origin: String?) -> HTTPFields {
        if path.hasPrefix("/.well-known/") { return Self.metadataFields }
        return path == "/mcp" || path.hasPrefix("/mcp/") ? self.answerFields(for: origin) : [:]
    }

    /// The further fields of the answer to a preflight request.
    package static let preflightFields: HTTPFields = [
        .accessControlAllowMethods: "GET, POST, DELETE, OPTIONS",
        .accessControlAllowHeaders:
            "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID",
        .accessControlMaxAge: "7200",
    ]

    private static let exposed = "Mcp-Session-Id, WWW-Authenticate, Retry-After"

    /// Scheme and authority of a URL (RFC 6454, section 6.2).
    private static func origin(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" }
        return String(url[..<scheme.upperBound] + authority)
    }

    private static func isLoopback(_ origin: String) -> Bool {
        guard let scheme = origin.firstRange(of: "://"), ["http", "https"].contains(origin[..<scheme.lowerBound]) else { return false }
        let authority = origin[scheme.upperBound...]
        for host in ["localhost", "127.0.0.1", "[::1]"] where authority.hasPrefix(host) {
            let rest = authority.dropFirst(host.count)
            return rest.isEmpty || (rest.first == ":" && rest.dropFirst().allSatisfy(\.isNumber))
        }
        return false
    }
}
