import Identity
import Logging
import Model
import Store
import Testing

@Suite("Keys name their holders")
struct AuthenticatorTests {
    private let keys = KeyTable()
    private let time = ManualTime()
    private let tokens = ExecutionTokens(internalKey: Array(repeating: 7, count: 32))
    private let key = APIKeyText()
    private let principal = Principal.key(.agent)

    init() { self.keys.add(self.key, .principal(self.principal)) }

    private func authenticator(executionTokens: ExecutionTokens? = nil, limits: IdentityLimits = IdentityLimits()) -> Authenticator {
        Authenticator(
            keys: self.keys, executionTokens: executionTokens, limits: limits, time: self.time.source,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private var bearer: String { "Bearer \(self.key.secret.reveal())" }

    @Test("A key is 256 random bits behind its prefix")
    func form() throws {
        let texts = Set((0..<1000).map { _ in APIKeyText().secret.reveal() })
        #expect(texts.count == 1000)
        for text in texts {
            #expect(text.hasPrefix("roost_"))
            #expect(Base64URL.decode(text.dropFirst(6))?.count == 32)
            #expect(APIKeyText(text)?.secret.reveal() == text)
        }
        #expect("\(APIKeyText())".contains("<secret>"))
    }

    @Test("A known key is its holder, in any case of the scheme")
    func known() async throws {
        let authenticator = self.authenticator()
        for header in [self.bearer, "bearer \(self.key.secret.reveal())", "BEARER \(self.key.secret.reveal())"] {
            #expect(try await authenticator.authenticate(authorization: header) == .principal(self.principal))
        }
        let installation = APIKeyText()
        let id = APIKeyID()
        self.keys.add(installation, .installation(id))
        #expect(try await authenticator.authenticate(bearer: installation.secret.reveal()) == .installation(id))
    }

    @Test("Nothing and nonsense are told apart, and neither reaches the database")
    func malformed() async {
        let authenticator = self.authenticator()
        for header in [nil, ""] {
            #expect(
                await failure { () async throws(IdentityError) in try await authenticator.authenticate(authorization: header) }?.code
                    == .credentialsMissing)
        }
        let text = self.key.secret.reveal()
        let bad = [
            "Bearer", "Bearer ", "Bearer  \(text)", "Bearer \(text) x", "Basic \(text)", text, "Bearer \(text.dropLast())",
            "Bearer \(text)A",
            "Bearer roost_\(String(repeating: "=", count: 43))", "Bearer \(text.dropLast())\u{E9}",
            "Bearer \(String(repeating: "a.", count: 20_000))",
            "Bearer a.b.c", "Bearer roostx_", "Bearer roostx_a.b",
        ]
        for header in bad {
            let error = await failure { () async throws(IdentityError) in try await authenticator.authenticate(authorization: header) }
            #expect(error?.code == .credentialsInvalid, "\(header.prefix(60))")
            #expect(error?.description.contains(text) == false)
        }
        #expect(self.keys.lookUps == 0)
    }

    @Test("A good key is remembered half a second from before its look-up, and a bad one never")
    func memory() async throws {
        let authenticator = self.authenticator()
        for _ in 0..<10 { _ = try await authenticator.authenticate(authorization: self.bearer) }
        #expect(self.keys.lookUps == 1)
        self.keys.revoke(self.key)
        self.time.advance(by: .milliseconds(499))
        #expect(try await authenticator.authenticate(authorization: self.bearer) == .principal(self.principal))
        self.time.advance(by: .milliseconds(1))
        for _ in 0..<3 {
            #expect(
                await failure { () async throws(IdentityError) in try await authenticator.authenticate(authorization: self.bearer) }?.code
                    == .credentialsInvalid)
        }
        #expect(self.keys.lookUps == 4)
        // Nor does it take a moment until a new key works.
        self.keys.add(self.key, .principal(self.principal))
        #expect(try await authenticator.authenticate(authorization: self.bearer) == .principal(self.principal))
    }

    @Test("The memory is bounded")
    func bounded() async throws {
        var limits = IdentityLimits()
        limits.maxRemembered = 10
        let authenticator = self.authenticator(limits: limits)
        let many = (0..<25).map { _ in APIKeyText() }
        for key in many { self.keys.add(key, .principal(.key(.agent))) }
        for _ in 0..<2 {
            for key in many { _ = try await authenticator.authenticate(bearer: key.secret.reveal()) }
        }
        #expect(self.keys.lookUps > 25)
    }

    @Test("A database that cannot answer is unavailable, not unauthorized")
    func unavailable() async {
        self.keys.setDown(true)
        let authenticator = self.authenticator()
        #expect(
            await failure { () async throws(IdentityError) in try await authenticator.authenticate(authorization: self.bearer) }?.code
                == .unavailable)
    }

    @Test("While the database is away a key that was good half a minute ago stands in, where the caller is checked again, and nowhere else")
    func grace() async throws {
        let authenticator = self.authenticator()
        let bearer = self.bearer
        #expect(try await authenticator.authenticate(authorization: bearer) == .principal(self.principal))
        self.keys.setDown(true)
        self.time.advance(by: .milliseconds(29_400))
        for _ in 0..<10 {
            #expect(try await authenticator.authenticate(authorization: bearer, isCheckedAgain: true) == .principal(self.principal))
        }
        #expect(self.keys.lookUps == 2, "half a second passes until the database is asked again")
        let refused = { (isCheckedAgain: Bool) async in
            await failure { () async throws(IdentityError) in
                try await authenticator.authenticate(authorization: bearer, isCheckedAgain: isCheckedAgain)
            }?.code
        }
        #expect(await refused(false) == .unavailable)
        self.time.advance(by: .milliseconds(600))
        #expect(await refused(true) == .unavailable)
        // An unknown one is never taken.
        let other = APIKeyText()
        #expect(
            await failure { () async throws(IdentityError) in
                try await authenticator.authenticate(bearer: other.secret.reveal(), isCheckedAgain: true)
            }?.code == .unavailable)
        #expect(IdentityLimits().grace <= .seconds(30))
    }

    @Test("A key that was found revoked never stands in")
    func noGraceForRevoked() async throws {
        let authenticator = self.authenticator()
        let bearer = self.bearer
        _ = try await authenticator.authenticate(authorization: bearer, isCheckedAgain: true)
        self.keys.revoke(self.key)
        self.time.advance(by: .milliseconds(500))
        let refused = { () async in
            await failure { () async throws(IdentityError) in
                try await authenticator.authenticate(authorization: bearer, isCheckedAgain: true)
            }?.code
        }
        #expect(await refused() == .credentialsInvalid)
        self.keys.setDown(true)
        #expect(await refused() == .unavailable)
    }

    @Test("A database that hangs does not hold up a key that can stand in")
    func hangingLookUp() async throws {
        var limits = IdentityLimits()
        limits.standInAfter = .milliseconds(1)
        let authenticator = self.authenticator(limits: limits)
        _ = try await authenticator.authenticate(authorization: self.bearer, isCheckedAgain: true)
        self.keys.hang()
        self.time.advance(by: .milliseconds(500))
        #expect(try await authenticator.authenticate(authorization: self.bearer, isCheckedAgain: true) == .principal(self.principal))
    }

    @Test("A use is noted when due, and the failure to note it turns nobody away")
    func touch() async throws {
        self.keys.setTouchDue()
        let authenticator = self.authenticator()
        _ = try await authenticator.authenticate(authorization: self.bearer)
        #expect(self.keys.touched == [.principal(self.principal)])
    }

    @Test("An execution's token is its principal with the mark of an execution, for a minute")
    func executionToken() async throws {
        let execution = ExecutionID()
        let admin = Principal.key(.admin)
        let token = self.tokens.make(for: admin, execution: execution, at: self.time.now)
        let expected = Principal(organization: admin.organization, account: admin.account, role: .admin, method: .execution(execution))
        let authenticator = self.authenticator(executionTokens: self.tokens)
        #expect(try await authenticator.authenticate(bearer: token.reveal()) == .principal(expected))
        self.time.advance(by: .seconds(64))
        #expect(try await authenticator.authenticate(bearer: token.reveal()) == .principal(expected))
        self.time.advance(by: .seconds(1))
        #expect(
            await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: token.reveal()) }?.code
                == .credentialsInvalid)
        #expect(self.keys.lookUps == 0)
    }

    @Test("Where no execution's tokens are taken, a good one is refused")
    func noExecutionTokens() async {
        let token = self.tokens.make(for: self.principal, execution: ExecutionID(), at: self.time.now)
        let authenticator = self.authenticator()
        #expect(
            await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: token.reveal()) }?.code
                == .credentialsInvalid)
    }

    @Test("A token lives no longer than a minute, whoever asks and whoever made it")
    func tokenLifetime() {
        let token = self.tokens.make(for: self.principal, execution: ExecutionID(), at: self.time.now, lifetime: .seconds(3600)).reveal()
        #expect(throws: IdentityError.self) { try self.tokens.verify(token, at: self.time.now.advanced(by: .seconds(65))) }
        // Made by a machine whose clock is far ahead.
        let future = self.tokens.make(for: self.principal, execution: ExecutionID(), at: self.time.now.advanced(by: .seconds(600))).reveal()
        #expect(throws: IdentityError.self) { try self.tokens.verify(future, at: self.time.now) }
    }

    @Test("A token with anything changed, or signed with another key, is refused")
    func forgedTokens() throws {
        let now = self.time.now
        let text = self.tokens.make(for: self.principal, execution: ExecutionID(), at: now).reveal()
        for index in text.indices {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(throws: IdentityError.self) { try self.tokens.verify(changed, at: now) }
        }
        let other = ExecutionTokens(internalKey: Array(repeating: 8, count: 32))
        #expect(throws: IdentityError.self) { try other.verify(text, at: now) }
        for bad in ["", "roostx_", "roostx_.", "\(text).x", "\(text)=", String(text.dropLast()), "roost_\(text.dropFirst(7))"] {
            #expect(throws: IdentityError.self) { try self.tokens.verify(bad, at: now) }
        }
    }
}
