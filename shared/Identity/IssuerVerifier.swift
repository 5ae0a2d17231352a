internal import JSON
package import Logging
package import Model
package import OperatorHTTP
package import Store

/// Verifies bearer JWTs (RFC 7519, RFC 9068) of the configured issuer and finds whom they name.
package final class IssuerVerifier: Sendable {
    private let settings: IssuerSettings
    private let keys: IssuerKeys
    private let people: any PeopleDirectory
    private let time: TimeSource
    private let logger: Logger

    /// Makes a verifier; nothing is read before the first token comes.
    ///
    /// - Parameters:
    ///   - settings: The issuer, without faults.
    ///   - client: Reads the issuer's metadata and keys.
    ///   - people: Finds organizations and accounts.
    ///   - time: The clocks.
    ///   - logger: Gets the causes of `unavailable`.
    package init(
        settings: IssuerSettings, client: OperatorHTTPClient, people: any PeopleDirectory, time: TimeSource = .system, logger: Logger
    ) {
        self.settings = settings
        self.keys = IssuerKeys(settings: settings, client: client, time: time, logger: logger)
        self.people = people
        self.time = time
        self.logger = logger
    }

    /// The issuer's name, for the metadata that clients read.
    package var issuer: String { self.settings.issuer }

    /// Whether a bearer credential has the form of a signed JWT.
    static func hasForm(_ text: String) -> Bool { text.utf8.count { $0 == UInt8(ascii: ".") } == 2 }

    /// The principal that a token names, and how long the token lives on.
    func verify(_ token: String) async throws(IdentityError) -> (principal: Principal, lifetime: Duration) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]), Base64URL.decode(parts[2]) != nil
        else {
            throw .invalid("The token is malformed.")
        }
        try await self.checkSignature(token, header: header)
        let lifetime = try self.checkClaims(claims)
        return (try await self.principal(claims), lifetime)
    }

    private static func object(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64URL.decode(part), let value = try? JSONValue(parsing: bytes), value.object != nil else { return nil }
        return value
    }

    private func checkSignature(_ token: String, header: JSONValue) async throws(IdentityError) {
        // Before a key is even looked for: `none` and shared-secret algorithms are in no settings.
        guard let algorithm = header["alg"]?.string, self.settings.algorithms.contains(algorithm) else {
            throw .invalid("The token is signed with an algorithm that is not accepted.")
        }
        // RFC 7515, section 4.1.11: an extension that must be understood and is not refuses the token.
        guard header["crit"] == nil else { throw .invalid("The token uses an extension that is not supported.") }
        if let type = header["typ"] {
            guard let type = type.string?.lowercased(), ["jwt", "at+jwt", "application/at+jwt"].contains(type) else {
                throw .invalid("The token is not an access token.")
            }
        }
        guard let id = header["kid"]?.string, !id.isEmpty, let key = try await self.keys.find(id) else {
            throw .invalid("The token is signed with a key that the issuer does not have.")
        }
        guard await key.verifies(token, algorithm: algorithm) else { throw .invalid("The token's signature is not valid.") }
    }

    /// Checks issuer, audience and time; returns how long the token lives on, skew included.
    private func checkClaims(_ claims: JSONValue) throws(IdentityError) -> Duration {
        guard claims["iss"]?.string == self.settings.issuer else { throw .invalid("The token is of another issuer.") }
        let audiences = claims["aud"]?.array?.compactMap(\.string) ?? [claims["aud"]?.string].compactMap { $0 }
        guard !self.settings.audiences.isDisjoint(with: audiences) else { throw .invalid("The token is for another audience.") }
        let now = Double(self.time.now().microseconds) / 1e6
        let skew = Double(self.settings.clockSkew.components.seconds)
        guard let expiry = claims["exp"]?.double, now < expiry + skew else { throw .invalid("The token has expired.") }
        if let start = claims["nbf"] {
            guard let start = start.double, now + skew >= start else { throw .invalid("The token is not valid yet.") }
        }
        // A token may be made out for centuries; the number only bounds for how long it is remembered.
        return .seconds(min(expiry + skew - now, 86_400))
    }

    private func principal(_ claims: JSONValue) async throws(IdentityError) -> Principal {
        guard let subject = claims["sub"]?.string, !subject.isEmpty else { throw .invalid("The token names no subject.") }
        guard let name = claims[self.settings.organizationClaim]?.string, !name.isEmpty else {
            throw IdentityError(.forbidden, "The token names no organization (claim \(self.settings.organizationClaim)).")
        }
        do {
            guard let organization = try await self.people.organization(named: self.settings.organizations[name] ?? name) else {
                throw IdentityError(.forbidden, "The token's organization does not exist here.")
            }
            let label = claims["name"]?.string ?? claims["email"]?.string ?? subject
            let account = try await self.people.account(issuer: self.settings.issuer, subject: subject, name: label, in: organization)
            guard let account else { throw IdentityError(.forbidden, "The account of the token's subject is disabled.") }
            return Principal(
                organization: organization, account: account, role: self.role(claims),
                method: .token(issuer: self.settings.issuer, subject: subject))
        } catch let error as IdentityError {
            throw error
        } catch let error as StoreError where error.code == .invalidValue {
            throw .invalid("The token's subject or name cannot be used: \(error.message).")
        } catch {
            self.logger.error("accounts cannot be looked up", metadata: ["error": "\(error)"])
            throw IdentityError(.unavailable, "Accounts cannot be checked at the moment; try again later.")
        }
    }

    private func role(_ claims: JSONValue) -> Principal.Role {
        guard let claim = self.settings.roleClaim, let value = claims[claim] else { return .agent }
        let roles = value.array?.compactMap(\.string) ?? [value.string].compactMap { $0 }
        return self.settings.adminRoles.isDisjoint(with: roles) ? .agent : .admin
    }
}

/// Where organizations and accounts are found for the claims of a token. `Store` is one.
package protocol PeopleDirectory: Sendable {
    /// The organization with an id or slug.
    func organization(named name: String) async throws -> OrganizationID?
    /// The account of an issuer's subject, made at the first sign-in; nil for one that is disabled.
    func account(issuer: String, subject: String, name: String, in organization: OrganizationID) async throws -> AccountID?
}

extension Store: PeopleDirectory {
    /// The organization with an id or slug.
    package func organization(named name: String) async throws -> OrganizationID? {
        if let id = OrganizationID(name) { return try await self.organizations.find(id)?.id }
        return try await self.organizations.find(slug: name)?.id
    }

    /// The account of an issuer's subject, made at the first sign-in; nil for one that is disabled. A name that is too long is cut.
    package func account(issuer: String, subject: String, name: String, in organization: OrganizationID) async throws -> AccountID? {
        let name = String(name.prefix(100))
        let account = try await self.accounts.findOrCreate(issuer: issuer, subject: subject, name: name, in: organization)
        return account.disabledAt == nil ? account.id : nil
    }
}
