package import Channel
package import Model

/// On whose behalf the gateway calls: who acts, and on which resource.
package struct SessionCaller: Sendable, Hashable {
    /// The longest resource, in bytes.
    package static let maxResourceBytes = 512

    package let principal: Principal
    /// The MCP URL's path without a trailing slash, `/mcp` for the whole catalog.
    package let resource: String

    package init(principal: Principal, resource: String) {
        self.principal = principal
        self.resource = resource
    }

    /// The fields that carry it.
    package var headers: ChannelHeaders {
        [
            SessionHeaders.contract: SessionHeaders.contractVersion,
            SessionHeaders.organization: self.principal.organization.rawValue,
            SessionHeaders.account: self.principal.account.rawValue,
            SessionHeaders.role: self.principal.role.rawValue,
            SessionHeaders.method: self.principal.method.headerValue,
            SessionHeaders.resource: self.resource,
        ]
    }

    /// Reads the fields; nil when one is missing, comes twice, or is not of its form.
    package init?(_ headers: ChannelHeaders) {
        func only(_ name: String) -> String? {
            let values = headers.values(of: name)
            return values.count == 1 ? values.first : nil
        }
        guard
            only(SessionHeaders.contract) == SessionHeaders.contractVersion,
            let organization = only(SessionHeaders.organization).flatMap(OrganizationID.init(_:)),
            let account = only(SessionHeaders.account).flatMap(AccountID.init(_:)),
            let role = only(SessionHeaders.role).flatMap(Principal.Role.init(rawValue:)),
            let method = only(SessionHeaders.method).flatMap(Principal.Method.init(headerValue:)),
            let resource = only(SessionHeaders.resource), resource.hasPrefix("/"), resource.utf8.count <= Self.maxResourceBytes
        else { return nil }
        self.init(principal: Principal(organization: organization, account: account, role: role, method: method), resource: resource)
    }
}

extension Principal.Method {
    /// Issuer and subject are anybody's text and could hold anything, hence base64url.
    fileprivate var headerValue: String {
        switch self {
        case .apiKey(let key): "api_key \(key)"
        case .token(let issuer, let subject): "token \(Base64URL.encode(issuer.utf8)) \(Base64URL.encode(subject.utf8))"
        case .execution(let execution): "execution \(execution)"
        }
    }

    fileprivate init?(headerValue: String) {
        let parts = headerValue.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("api_key", 2):
            guard let key = APIKeyID(parts[1]) else { return nil }
            self = .apiKey(key)
        case ("token", 3):
            guard let issuer = Self.text(parts[1]), let subject = Self.text(parts[2]) else { return nil }
            self = .token(issuer: issuer, subject: subject)
        case ("execution", 2):
            guard let execution = ExecutionID(parts[1]) else { return nil }
            self = .execution(execution)
        default: return nil
        }
    }

    private static func text(_ encoded: String) -> String? { Base64URL.decode(encoded).flatMap { String(validating: $0, as: UTF8.self) } }
}
