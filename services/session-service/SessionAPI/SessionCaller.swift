package import Channel
package import Model
import Synchronization

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

    /// The fields that carry it, with the version in which the gateway asks.
    package func headers(_ version: ContractVersion = .current) -> ChannelHeaders {
        var headers = ChannelHeaders()
        // With room for what a message adds.
        headers.reserveCapacity(5)
        headers.append(SessionHeaders.contract, version.description)
        headers.append(SessionHeaders.caller, self.headerValue)
        return headers
    }

    /// Organization, account, role, resource and method, one space between them; only the method has spaces in it. It has no room for
    /// more: what a later version adds goes into fields of its own.
    private var headerValue: String {
        let principal = self.principal
        var text = ""
        text.reserveCapacity(256)
        for part in [principal.organization.rawValue, principal.account.rawValue, principal.role.rawValue, self.resource] {
            text += part
            text += " "
        }
        text += principal.method.headerValue
        return text
    }

    /// Reads ``headerValue``; nil when it is not of its form.
    fileprivate init?(headerValue: String) {
        let parts = headerValue.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, let organization = OrganizationID(parts[0]), let account = AccountID(parts[1]),
            let role = Principal.Role(rawValue: parts[2]), let method = Principal.Method(headerValue: parts[4]),
            parts[3].hasPrefix("/"), parts[3].utf8.count <= Self.maxResourceBytes
        else { return nil }
        self.init(principal: Principal(organization: organization, account: account, role: role, method: method), resource: parts[3])
    }
}

/// Reads callers from requests. It remembers some, because the same few call all the time and reading one costs more than `ping` itself.
package final class SessionCallers: Sendable {
    private static let maxEntries = 1024
    private let known = Mutex<[String: SessionCaller]>([:])

    package init() {}

    /// The version in which a request is made; nil when it does not say.
    package static func version(_ headers: ChannelHeaders) -> ContractVersion? {
        headers.only(SessionHeaders.contract).flatMap(ContractVersion.init)
    }

    /// The caller that the fields carry; nil when one is missing, comes twice, or is not of its form.
    package func caller(_ headers: ChannelHeaders) -> SessionCaller? {
        guard Self.version(headers) != nil, let text = headers.only(SessionHeaders.caller) else { return nil }
        if let caller = self.known.withLock({ $0[text] }) { return caller }
        guard let caller = SessionCaller(headerValue: text) else { return nil }
        self.known.withLock { known in
            // Starting over costs each caller one reading, and needs no order of use.
            if known.count >= Self.maxEntries { known = [:] }
            known[text] = caller
        }
        return caller
    }
}

extension Principal.Method {
    /// Issuer and subject are anybody's text and could hold anything, hence base64url.
    fileprivate var headerValue: String {
        switch self {
        case .apiKey(let key): "api_key " + key.rawValue
        case .token(let issuer, let subject): "token \(Base64URL.encode(issuer.utf8)) \(Base64URL.encode(subject.utf8))"
        case .execution(let execution): "execution " + execution.rawValue
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
