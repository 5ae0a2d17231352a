package import Logging
internal import Model
package import Store

/// Turns the credential of a request into its caller: an API key, an execution's token, or a token of the configured issuer.
///
/// A key that was found good is remembered for ``IdentityLimits/memory``, counted from before the look-up began. So a revocation
/// binds every process within that time, whatever the number of requests. Where somebody behind checks the caller again, a key that was
/// found good a little longer ago, ``IdentityLimits/grace``, stands in while it cannot be looked up.
package final class Authenticator: Sendable {
    private let keys: any KeyDirectory
    private let executionTokens: ExecutionTokens?
    private let issuer: IssuerVerifier?
    private let cache: CallerCache
    private let gate: LookUpGate
    private let limits: IdentityLimits
    private let time: TimeSource
    private let logger: Logger

    /// Makes an authenticator.
    ///
    /// - Parameters:
    ///   - keys: Where API keys are looked up, by hash.
    ///   - executionTokens: Verifies tokens made for calls from inside executions; nil where none are taken.
    ///   - issuer: Verifies the configured issuer's tokens; nil where there is no issuer.
    ///   - limits: The bounds.
    ///   - time: The clocks.
    ///   - logger: Gets the causes of `unavailable`.
    package init(
        keys: any KeyDirectory, executionTokens: ExecutionTokens? = nil, issuer: IssuerVerifier? = nil,
        limits: IdentityLimits = IdentityLimits(),
        time: TimeSource = .system, logger: Logger
    ) {
        self.keys = keys
        self.executionTokens = executionTokens
        self.issuer = issuer
        self.cache = CallerCache(maxEntries: limits.maxRemembered)
        self.gate = LookUpGate(width: limits.maxLookUps, maxWaiting: limits.maxWaitingLookUps, wait: limits.lookUpWait)
        self.limits = limits
        self.time = time
        self.logger = logger
    }

    /// The caller behind the value of an `Authorization` header field; nil for a request without one.
    ///
    /// - Parameter isCheckedAgain: Whether whoever serves the request finds out for itself that the caller may still act.
    package func authenticate(authorization: String?, isCheckedAgain: Bool = false) async throws(IdentityError) -> Caller {
        guard let authorization, !authorization.isEmpty else {
            throw IdentityError(.credentialsMissing, "Send an API key: Authorization: Bearer roost_…")
        }
        // RFC 9110, section 11.1: the scheme is case-insensitive; RFC 6750, section 2.1: one space, one token.
        guard let space = authorization.utf8.firstIndex(of: UInt8(ascii: " ")), Self.isBearer(authorization[..<space]) else {
            throw Self.malformed
        }
        let token = authorization[authorization.utf8.index(after: space)...]
        guard !token.isEmpty, token.utf8.count <= self.limits.maxCredentialBytes, !token.utf8.contains(UInt8(ascii: " ")) else {
            throw Self.malformed
        }
        return try await self.authenticate(bearer: String(token), isCheckedAgain: isCheckedAgain)
    }

    private static func isBearer(_ scheme: Substring) -> Bool { scheme == "Bearer" || scheme.lowercased() == "bearer" }

    private static let malformed = IdentityError.invalid("The Authorization header is not of the form \"Bearer <key>\".")

    /// The caller behind a bearer credential; see ``authenticate(authorization:isCheckedAgain:)``.
    package func authenticate(bearer text: String, isCheckedAgain: Bool = false) async throws(IdentityError) -> Caller {
        if ExecutionTokens.hasForm(text) {
            guard let executionTokens else { throw .invalid("Tokens of executions are not taken here.") }
            return .principal(try executionTokens.verify(text, at: self.time.now()))
        }
        let began = self.time.uptime()
        if let known = self.cache.find(text, at: began, takesStandIn: isCheckedAgain) { return known }
        if !self.cache.isKnown(text, at: began), APIKeyText(text) != nil { return try await self.admit(text) }
        let canStandIn = isCheckedAgain && self.cache.canStandIn(text, at: began)
        do throws(IdentityError) {
            let (caller, lifetime) = try await self.look(text, within: canStandIn ? self.limits.standInAfter : nil)
            self.remember(caller, for: text, since: began, lifetime)
            return caller
        } catch {
            if error.code != .unavailable { self.cache.remove(text) }
            let now = self.time.uptime()
            guard error.code == .unavailable, isCheckedAgain,
                let caller = self.cache.standIn(text, at: now, until: now + self.limits.memory)
            else { throw error }
            return caller
        }
    }

    /// Looks up a key that was not good of late, which waits for its turn with others of its kind: nobody can say yet how often its sender
    /// may ask. Keys that were good do not wait with them.
    private func admit(_ text: String) async throws(IdentityError) -> Caller {
        guard await self.gate.enter() else {
            throw IdentityError(.unavailable, "Too many keys are being checked at the moment; try again later.")
        }
        defer { self.gate.leave() }
        let began = self.time.uptime()
        // Somebody before in the line may have come with the same key.
        if let known = self.cache.find(text, at: began) { return known }
        let (caller, lifetime) = try await self.look(text)
        self.remember(caller, for: text, since: began, lifetime)
        return caller
    }

    private func remember(_ caller: Caller, for text: String, since began: Duration, _ lifetime: Duration) {
        self.cache.store(
            caller, for: text, at: self.time.uptime(), until: began + min(self.limits.memory, lifetime),
            standInUntil: began + min(self.limits.grace, lifetime), knownUntil: began + min(self.limits.acquaintance, lifetime))
    }

    /// Looks, and gives up as unavailable after a time where there is one: a database that hangs must not hold up whoever can do without.
    private func look(_ text: String, within time: Duration?) async throws(IdentityError) -> (caller: Caller, lifetime: Duration) {
        guard let time else { return try await self.look(text) }
        let result = await withTaskGroup(of: Result<(Caller, Duration), IdentityError>?.self) { group in
            group.addTask {
                do throws(IdentityError) { return .success(try await self.look(text)) } catch { return .failure(error) }
            }
            group.addTask {
                try? await Task.sleep(for: time)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard let result else { throw IdentityError(.unavailable, "Keys cannot be checked at the moment; try again later.") }
        return try result.get()
    }

    /// The caller, and for how long the credential is good if nobody takes it back.
    private func look(_ text: String) async throws(IdentityError) -> (caller: Caller, lifetime: Duration) {
        if let key = APIKeyText(text) { return (try await self.lookUp(key.hash), .seconds(86_400)) }
        guard let issuer, IssuerVerifier.hasForm(text) else { throw .invalid("The key is unknown or was revoked.") }
        let (principal, lifetime) = try await issuer.verify(text)
        return (.principal(principal), lifetime)
    }

    private func lookUp(_ hash: SecretHash) async throws(IdentityError) -> Caller {
        let found: (holder: KeyHolder, isTouchDue: Bool)?
        do {
            found = try await self.keys.holder(of: hash)
            if let found, found.isTouchDue { await self.touch(found.holder) }
        } catch {
            self.logger.error("keys cannot be looked up", metadata: ["error": "\(error)"])
            throw IdentityError(.unavailable, "Keys cannot be checked at the moment; try again later.")
        }
        switch found?.holder {
        case .principal(let principal): return .principal(principal)
        case .installation(let key): return .installation(key)
        case nil: throw .invalid("The key is unknown or was revoked.")
        }
    }

    /// Notes the use. That it could not be noted is no reason to turn the caller away.
    private func touch(_ holder: KeyHolder) async {
        do {
            try await self.keys.touch(holder)
        } catch {
            self.logger.warning("a key's use could not be noted", metadata: ["error": "\(error)"])
        }
    }
}

/// Where API keys are looked up. `Store` is one.
package protocol KeyDirectory: Sendable {
    /// Whose key it is, and whether its use should be noted; nil for one that does not exist or was revoked.
    func holder(of hash: SecretHash) async throws -> (holder: KeyHolder, isTouchDue: Bool)?
    /// Notes that a key was used.
    func touch(_ holder: KeyHolder) async throws
}

extension KeyRepository: KeyDirectory {
    /// Whose key it is, and whether its use should be noted.
    package func holder(of hash: SecretHash) async throws -> (holder: KeyHolder, isTouchDue: Bool)? {
        try await self.find(hash: hash).map { ($0.holder, $0.isTouchDue) }
    }
}

/// The bounds of Identity. Those without a key are fixed: the first keeps the promise that a revoked key is refused within a second, the
/// others bound memory that does not grow with the installation.
package struct IdentityLimits: Sendable, Hashable {
    /// How long a credential that was found good is taken without another look.
    package var memory: Duration = .milliseconds(500)
    /// How long a credential that was found good stands in while it cannot be looked up, where the caller is checked again behind
    /// (`roost.auth.cache_grace`, 30 s and never more).
    package var grace: Duration = .seconds(30)
    /// How long a look-up may take when a credential could stand in for it.
    package var standInAfter: Duration = .seconds(1)
    /// How long a key that was found good is looked up at once when it comes again, rather than in the line of those that nobody knows.
    package var acquaintance: Duration = .seconds(60)
    /// How many keys that were not good of late are looked up at once (`roost.auth.max_look_ups`, 4).
    package var maxLookUps = 4
    /// How many of them wait for their turn (`roost.auth.max_waiting_look_ups`, 1000).
    package var maxWaitingLookUps = 1000
    /// How long each of them waits (`roost.auth.look_up_wait`, 1 s).
    package var lookUpWait: Duration = .seconds(1)
    /// How many credentials are remembered.
    package var maxRemembered = 10_000
    /// The longest bearer credential.
    package var maxCredentialBytes = 16_384

    /// The defaults.
    package init() {}
}
