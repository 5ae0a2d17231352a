import Crypto
import Identity
import JSON
import Logging
import Model
import OperatorHTTP
import TestSupport
import Testing

@Suite("Tokens of a configured issuer", .timeLimit(.minutes(1)))
struct IssuerTests {
    private static let issuer = "https://issuer.test"
    private static let audience = "https://roost.test/mcp"

    private let mock = MockIssuer()
    private let time = ManualTime()
    private let organization = OrganizationID()
    private let people: PeopleTable
    private let key = SigningKey("key-1")

    init() {
        self.people = PeopleTable(["acme": self.organization, self.organization.rawValue: self.organization])
        self.mock.setKeys([self.key.jwk()])
    }

    /// Runs the mock issuer and an authenticator that trusts it.
    private func with(
        _ change: (inout IssuerSettings, String) -> Void = { settings, base in settings.keysURL = "\(base)/jwks" },
        _ body: (Authenticator) async throws -> Void
    ) async throws {
        try await self.mock.run { (base) async throws in
            var settings = IssuerSettings(issuer: Self.issuer, audiences: [Self.audience])
            change(&settings, base)
            #expect(settings.faults().isEmpty)
            let client = OperatorHTTPClient()
            let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var limits = IdentityLimits()
            limits.memory = .zero
            let verifier = IssuerVerifier(settings: settings, client: client, people: self.people, time: self.time.source, logger: silent)
            let authenticator = Authenticator(keys: KeyTable(), issuer: verifier, limits: limits, time: self.time.source, logger: silent)
            do {
                try await body(authenticator)
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }

    private func claims(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let now = Int(self.time.now.microseconds / 1_000_000)
        var members: [String: JSONValue] = [
            "iss": .string(Self.issuer), "aud": .string(Self.audience), "sub": "user-1", "org_id": "acme", "exp": .int(now + 300),
            "name": "Ada",
        ]
        members.merge(changes) { $1 }
        return .object(JSONObject(members.filter { !$0.value.isNull }.map { (key: $0.key, value: $0.value) }))
    }

    private func code(_ authenticator: Authenticator, _ token: String) async -> IdentityError.Code? {
        await failure { () async throws(IdentityError) in try await authenticator.authenticate(authorization: "Bearer \(token)") }?.code
    }

    @Test("A good token is an agent of its organization, with one account for each subject")
    func good() async throws {
        try await self.with { (authenticator) async throws in
            let token = try self.key.token(claims: self.claims())
            guard case .principal(let first) = try await authenticator.authenticate(bearer: token) else {
                throw IdentityError(.forbidden, "")
            }
            #expect(first.organization == self.organization)
            #expect(first.role == .agent)
            #expect(first.method == .token(issuer: Self.issuer, subject: "user-1"))
            let again = try self.key.token(
                claims: self.claims([
                    "org_id": .string(self.organization.rawValue), "aud": ["x", .string(Self.audience)], "nbf": 5, "x": [1],
                ]))
            #expect(try await authenticator.authenticate(bearer: again) == .principal(first))
            let other = try self.key.token(header: ["typ": nil], claims: self.claims(["sub": "user-2"]))
            #expect(try await authenticator.authenticate(bearer: other) != .principal(first))
            #expect(self.people.names == ["Ada", "Ada"])
            #expect(self.mock.requests.elements == ["/jwks"])
        }
    }

    @Test("A good token of a disabled account lets nobody in")
    func disabled() async throws {
        try await self.with { (authenticator) async throws in
            let token = try self.key.token(claims: self.claims())
            guard case .principal(let principal) = try await authenticator.authenticate(bearer: token) else {
                throw IdentityError(.forbidden, "")
            }
            self.people.disable(principal.account)
            #expect(await self.code(authenticator, token) == .forbidden)
            // Nor does it stand in while nothing can be looked up.
            self.people.setDown(true)
            let refused = await failure { () async throws(IdentityError) in
                try await authenticator.authenticate(bearer: token, isCheckedAgain: true)
            }
            #expect(refused?.code == .unavailable)
        }
    }

    @Test("RSA signatures made elsewhere verify, with and without an algorithm pinned to the key")
    func rsa() async throws {
        for algorithm in [nil, "RS256"] as [JSONValue] {
            self.mock.setKeys([
                .object(
                    JSONObject(
                        [
                            (key: "kty", value: "RSA"), (key: "kid", value: "rsa"), (key: "e", value: "AQAB"),
                            (key: "n", value: .string(RSAExample.modulus)),
                        ]
                            + (algorithm.isNull ? [] : [(key: "alg", value: algorithm)])))
            ])
            try await self.with { (authenticator) async throws in
                #expect(await self.code(authenticator, RSAExample.rs256) == nil)
                // A forged token of another algorithm does not decide what the key verifies.
                #expect(await self.code(authenticator, String(RSAExample.ps256.dropLast(4)) + "AAAA") == .credentialsInvalid)
                #expect(await self.code(authenticator, RSAExample.rs256) == nil)
                // A key that names its algorithm verifies no other.
                #expect(await self.code(authenticator, RSAExample.ps256) == (algorithm.isNull ? nil : .credentialsInvalid))
                #expect(await self.code(authenticator, String(RSAExample.rs256.dropLast(4)) + "AAAA") == .credentialsInvalid)
            }
        }
    }

    @Test("No algorithm, a shared-secret algorithm and a key used for another algorithm are refused")
    func algorithms() async throws {
        try await self.with { (authenticator) async throws in
            let claims = self.claims()
            let kid: JSONValue = .string(self.key.id)
            for name in ["none", "None", "NONE", ""] {
                let input = SigningKey.signingInput(["alg": .string(name), "kid": kid], [:], claims)
                #expect(await self.code(authenticator, "\(input).") == .credentialsInvalid)
                #expect(await self.code(authenticator, "\(input).AAAA") == .credentialsInvalid)
            }
            let input = SigningKey.signingInput(["alg": "HS256", "kid": kid, "typ": "JWT"], [:], claims)
            for secret in [self.key.publicBytes, self.key.jwk().bytes()] {
                let tag = HMAC<SHA256>.authenticationCode(for: Array(input.utf8), using: SymmetricKey(data: secret))
                #expect(await self.code(authenticator, "\(input).\(Base64URL.encode(Array(tag)))") == .credentialsInvalid)
            }
            for algorithm in ["RS256", "ES384", "EdDSA", "es256"] {
                #expect(
                    await self.code(authenticator, try self.key.token(header: ["alg": .string(algorithm)], claims: claims))
                        == .credentialsInvalid)
            }
            #expect(await self.code(authenticator, try self.key.token(header: ["alg": nil], claims: claims)) == .credentialsInvalid)
            // Decided before any key was asked for, but for the algorithm that the settings allow.
            #expect(self.mock.requests.elements.count <= 1)
        }
    }

    @Test("A token without a good signature is refused, and the first key does not stand in for another")
    func signatures() async throws {
        try await self.with { (authenticator) async throws in
            let stranger = SigningKey("key-1")
            #expect(await self.code(authenticator, try stranger.token(claims: self.claims())) == .credentialsInvalid)
            let good = try self.key.token(claims: self.claims())
            let parts = good.split(separator: ".")
            let raised = Base64URL.encode(self.claims(["sub": "admin"]).bytes())
            #expect(await self.code(authenticator, "\(parts[0]).\(raised).\(parts[2])") == .credentialsInvalid)
            // Signed by a key that the issuer has, under the name of one that it has not, and without a name.
            #expect(
                await self.code(authenticator, try self.key.token(header: ["kid": "key-9"], claims: self.claims())) == .credentialsInvalid)
            #expect(await self.code(authenticator, try self.key.token(header: ["kid": nil], claims: self.claims())) == .credentialsInvalid)
            #expect(
                await self.code(authenticator, try self.key.token(header: ["crit": ["x"], "x": 1], claims: self.claims()))
                    == .credentialsInvalid)
            #expect(
                await self.code(authenticator, try self.key.token(header: ["typ": "secevent+jwt"], claims: self.claims()))
                    == .credentialsInvalid)
            for bad in [
                "..", "a.b.c", "\(good)=", "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(good).x",
                "\(parts[0]).W10.\(parts[2])",
            ] {
                #expect(await self.code(authenticator, bad) == .credentialsInvalid, "\(bad.suffix(20))")
            }
            #expect(await self.code(authenticator, good) == nil)
        }
    }

    @Test("Issuer, audience, time and subject are checked")
    func claimChecks() async throws {
        let now = Int(self.time.now.microseconds / 1_000_000)
        let bad: [[String: JSONValue]] = [
            ["iss": "https://issuer.test/"], ["iss": nil], ["iss": ["https://issuer.test"]], ["aud": "https://roost.test"], ["aud": nil],
            ["aud": []],
            ["aud": 1], ["exp": .int(now - 30)], ["exp": nil], ["exp": "9999999999"], ["exp": .int(-1)], ["nbf": .int(now + 31)],
            ["nbf": "x"],
            ["sub": nil], ["sub": ""], ["sub": 7],
        ]
        try await self.with { (authenticator) async throws in
            for changes in bad {
                #expect(
                    await self.code(authenticator, try self.key.token(claims: self.claims(changes))) == .credentialsInvalid, "\(changes)")
            }
            // Within the clock's skew, and with fractions.
            for changes in [["exp": .int(now - 29)], ["nbf": .int(now + 29)], ["exp": .double(Double(now) + 0.5)], ["exp": 1e300]]
                as [[String: JSONValue]]
            {
                #expect(await self.code(authenticator, try self.key.token(claims: self.claims(changes))) == nil, "\(changes)")
            }
        }
    }

    @Test("A token without a known organization is good and lets nobody in")
    func organizations() async throws {
        try await self.with { (authenticator) async throws in
            for name in [nil, "", "other", 5, .string(OrganizationID().rawValue)] as [JSONValue] {
                #expect(await self.code(authenticator, try self.key.token(claims: self.claims(["org_id": name]))) == .forbidden)
            }
            self.people.setDown(true)
            #expect(await self.code(authenticator, try self.key.token(claims: self.claims())) == .unavailable)
        }
        try await self.with({ settings, base in
            settings.keysURL = "\(base)/jwks"
            settings.organizationClaim = "tenant"
            settings.organizations = ["org_01ABC": "acme"]
        }) { (authenticator) async throws in
            self.people.setDown(false)
            #expect(
                await self.code(authenticator, try self.key.token(claims: self.claims(["tenant": "org_01ABC", "org_id": "other"]))) == nil)
        }
    }

    @Test("A role comes from the claim that the settings name, and from no other")
    func roles() async throws {
        func role(_ authenticator: Authenticator, _ changes: [String: JSONValue]) async throws -> Principal.Role? {
            guard
                case .principal(let principal) = try await authenticator.authenticate(
                    bearer: try self.key.token(claims: self.claims(changes)))
            else {
                return nil
            }
            return principal.role
        }
        try await self.with { (authenticator) async throws in
            #expect(try await role(authenticator, ["role": "admin", "roles": ["admin"]]) == .agent)
        }
        try await self.with({ settings, base in
            settings.keysURL = "\(base)/jwks"
            settings.roleClaim = "role"
            settings.adminRoles = ["owner", "boss"]
        }) { (authenticator) async throws in
            for (value, expected) in [
                ("owner", .admin), (["x", "boss"], .admin), ("admin", .agent), (["owner "], .agent), (true, .agent), (nil, .agent),
            ]
                as [(JSONValue, Principal.Role)]
            {
                #expect(try await role(authenticator, ["role": value]) == expected)
            }
        }
    }

    @Test("Keys rotate: a new key is found at once, a removed one is gone after the next reading")
    func rotation() async throws {
        try await self.with { (authenticator) async throws in
            let second = SigningKey("key-2")
            let old = try self.key.token(claims: self.claims(["exp": 9_999_999_999]))
            #expect(await self.code(authenticator, old) == nil)
            self.mock.setKeys([second.jwk()])
            self.time.advance(by: .seconds(10))
            #expect(await self.code(authenticator, try second.token(claims: self.claims())) == nil)
            #expect(await self.code(authenticator, old) == .credentialsInvalid)
            #expect(self.mock.requests.elements.count == 2)
            // Old keys are read again without being asked for by name.
            self.mock.setKeys([])
            self.time.advance(by: .seconds(3600))
            #expect(await self.code(authenticator, try second.token(claims: self.claims())) == .credentialsInvalid)
            #expect(self.mock.requests.elements.count == 3)
        }
    }

    @Test("Unknown key ids do not make the issuer be asked more often than the settings allow")
    func unknownKeys() async throws {
        try await self.with { (authenticator) async throws in
            for index in 0..<50 {
                #expect(
                    await self.code(authenticator, try self.key.token(header: ["kid": .string("x\(index)")], claims: self.claims()))
                        == .credentialsInvalid)
            }
            #expect(self.mock.requests.elements.count == 1)
            self.time.advance(by: .seconds(10))
            for index in 0..<50 {
                _ = await self.code(authenticator, try self.key.token(header: ["kid": .string("y\(index)")], claims: self.claims()))
            }
            #expect(self.mock.requests.elements.count == 2)
        }
    }

    @Test("Requests that come while the keys are read wait for that one reading")
    func singleFlight() async throws {
        let gate = Recorder<Void>()
        self.mock.hold(until: gate)
        try await self.with { (authenticator) async throws in
            let token = try self.key.token(claims: self.claims())
            await withTaskGroup(of: IdentityError.Code?.self) { group in
                for _ in 0..<20 { group.addTask { await self.code(authenticator, token) } }
                gate.record(())
                for await code in group { #expect(code == nil) }
            }
            #expect(self.mock.requests.elements == ["/jwks"])
        }
    }

    @Test("A request that is cancelled while it reads the keys does not spoil it for those that wait")
    func cancelledReader() async throws {
        let gate = Recorder<Void>()
        self.mock.hold(until: gate)
        try await self.with { (authenticator) async throws in
            let token = try self.key.token(claims: self.claims())
            let first = Task { await self.code(authenticator, token) }
            await self.mock.requests.wait(for: 1)
            async let second = self.code(authenticator, token)
            first.cancel()
            #expect(await first.value == .unavailable)
            gate.record(())
            #expect(await second == nil)
        }
    }

    @Test("An issuer that is down is unavailable, and known keys go on working for a day")
    func down() async throws {
        try await self.with { (authenticator) async throws in
            let token = try self.key.token(claims: self.claims(["exp": 9_999_999_999]))
            self.mock.setDown(true)
            for _ in 0..<5 { #expect(await self.code(authenticator, token) == .unavailable) }
            #expect(self.mock.requests.elements.count == 1)
            self.mock.setDown(false)
            self.time.advance(by: .seconds(10))
            #expect(await self.code(authenticator, token) == nil)
            self.mock.setDown(true)
            self.time.advance(by: .seconds(86_399))
            #expect(await self.code(authenticator, token) == nil)
            // A key that is not known may be new: that cannot be said while the issuer is down.
            #expect(await self.code(authenticator, try self.key.token(header: ["kid": "new"], claims: self.claims())) == .unavailable)
            self.time.advance(by: .seconds(1))
            #expect(await self.code(authenticator, token) == .unavailable)
        }
    }

    @Test("A closed port is unavailable too")
    func nobodyThere() async throws {
        try await self.with({ settings, _ in settings.keysURL = "http://127.0.0.1:1/jwks" }) { (authenticator) async throws in
            #expect(await self.code(authenticator, try self.key.token(claims: self.claims())) == .unavailable)
        }
    }

    @Test("The key set is found through the issuer's metadata, which must be the issuer's own")
    func discovery() async throws {
        try await self.mock.run { (base) async throws in
            let cases: [(JSONValue, IdentityError.Code?)] = [
                (["issuer": .string(base), "jwks_uri": .string("\(base)/jwks")], nil),
                (["issuer": "https://else.test", "jwks_uri": .string("\(base)/jwks")], .unavailable),
                (["issuer": .string(base), "jwks_uri": "http://169.254.169.254/jwks"], .unavailable),
                (["issuer": .string(base), "jwks_uri": .string("\(base).evil.test/jwks")], .unavailable),
                (["issuer": .string(base)], .unavailable), (["keys": []], .unavailable),
            ]
            for (metadata, expected) in cases {
                self.mock.setMetadata(metadata)
                let client = OperatorHTTPClient()
                let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                let verifier = IssuerVerifier(
                    settings: IssuerSettings(issuer: base, audiences: [Self.audience]), client: client, people: self.people,
                    time: self.time.source,
                    logger: silent)
                let authenticator = Authenticator(keys: KeyTable(), issuer: verifier, time: self.time.source, logger: silent)
                #expect(
                    await self.code(authenticator, try self.key.token(claims: self.claims(["iss": .string(base)]))) == expected,
                    "\(metadata)")
                await client.shutdown()
            }
        }
    }

    @Test("Keys that cannot verify are left out, and do not spoil the others")
    func keySets() async throws {
        let strangers: [JSONValue] = [
            5, [:], ["kty": "oct", "kid": "key-1", "k": "c2VjcmV0"], self.key.jwk(["kid": nil]), self.key.jwk(["kid": ""]),
            SigningKey("enc").jwk(["use": "enc"]), SigningKey("wrap").jwk(["key_ops": ["wrapKey"]]),
            SigningKey("alg").jwk(["alg": "ES384"]),
            SigningKey("curve").jwk(["crv": "P-999"]), SigningKey("point").jwk(["x": "AAAA"]),
            ["kty": "RSA", "kid": "small", "n": .string(Base64URL.encode([UInt8](repeating: 255, count: 128))), "e": "AQAB"],
        ]
        self.mock.setKeys(strangers + [self.key.jwk()] + strangers)
        try await self.with { (authenticator) async throws in
            #expect(await self.code(authenticator, try self.key.token(claims: self.claims())) == nil)
            for id in ["enc", "wrap", "alg", "curve", "point", "small", ""] {
                #expect(await self.code(authenticator, try SigningKey(id).token(claims: self.claims())) == .credentialsInvalid)
            }
        }
    }

    @Test("Settings without sense are named by their whole keys")
    func faults() {
        #expect(IssuerSettings(issuer: "https://a", audiences: ["b"]).faults().isEmpty)
        var settings = IssuerSettings(issuer: "issuer", audiences: [])
        settings.keysURL = "file:///etc/passwd"
        settings.algorithms = ["HS256"]
        settings.organizationClaim = ""
        settings.organizations = ["org_1": ""]
        settings.keysMaxAge = .seconds(1)
        #expect(
            settings.faults().map(\.key) == [
                "roost.issuer.url", "roost.issuer.audience", "roost.issuer.keys_url", "roost.issuer.algorithms",
                "roost.issuer.organization_claim", "roost.issuer.organizations", "roost.issuer.keys_max_age",
            ])
        settings.algorithms = ["none", "RS256"]
        #expect(settings.faults().contains { $0.key == "roost.issuer.algorithms" })
        for url in [
            "https://", "https://user:pw@issuer.test", "https://issuer.test/?a=b", "https://issuer.test/#x", "https://issuer.test/a b",
            "ftp://x", "",
        ] {
            #expect(IssuerSettings(issuer: url, audiences: ["b"]).faults().map(\.key) == ["roost.issuer.url"], "\(url)")
        }
    }

    @Test("The settings' leeway is the leeway, and none is none")
    func leeway() async throws {
        let now = Int(self.time.now.microseconds / 1_000_000)
        for skew in [0, 120] {
            try await self.with({ settings, base in
                settings.keysURL = "\(base)/jwks"
                settings.clockSkew = .seconds(skew)
            }) { (authenticator) async throws in
                let inside: [[String: JSONValue]] = [["exp": .int(now - skew + 1)], ["nbf": .int(now + skew)]]
                let outside: [[String: JSONValue]] = [["exp": .int(now - skew)], ["nbf": .int(now + skew + 1)]]
                for changes in inside {
                    #expect(await self.code(authenticator, try self.key.token(claims: self.claims(changes))) == nil, "\(changes)")
                }
                for changes in outside {
                    #expect(
                        await self.code(authenticator, try self.key.token(claims: self.claims(changes))) == .credentialsInvalid,
                        "\(changes)")
                }
            }
        }
    }

    @Test("Nothing that goes wrong shows the token, to the caller or in the log")
    func secrecy() async throws {
        let lines = Recorder<String>()
        let logger = Logger(label: "test") { _ in RecordingLogHandler(lines: lines) }
        try await self.mock.run { (base) async throws in
            for keysURL in ["\(base)/jwks", "http://127.0.0.1:1/jwks"] {
                var settings = IssuerSettings(issuer: Self.issuer, audiences: [Self.audience])
                settings.keysURL = keysURL
                let client = OperatorHTTPClient()
                let verifier = IssuerVerifier(
                    settings: settings, client: client, people: self.people, time: self.time.source, logger: logger)
                let authenticator = Authenticator(keys: KeyTable(), issuer: verifier, time: self.time.source, logger: logger)
                self.people.setDown(false)
                for changes in [["exp": 1], ["org_id": "other"], ["sub": nil], ["aud": "x"], ["iss": "x"], [:]] as [[String: JSONValue]] {
                    if changes.isEmpty { self.people.setDown(true) }
                    let token = try self.key.token(claims: self.claims(changes.merging(["secret": "s3cret"]) { $1 }))
                    let error = await failure { () async throws(IdentityError) in try await authenticator.authenticate(bearer: token) }
                    let parts = token.split(separator: ".").map(String.init)
                    for text in ["\(error.map { String(reflecting: $0) } ?? "")", lines.elements.joined()] {
                        #expect(parts.allSatisfy { !text.contains($0) } && !text.contains("s3cret"))
                    }
                    #expect(error != nil)
                }
                await client.shutdown()
            }
        }
        #expect(!lines.elements.isEmpty)
    }
}

/// Writes every line, with its metadata, into a recorder.
private struct RecordingLogHandler: LogHandler {
    let lines: Recorder<String>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    init(lines: Recorder<String>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) { self.lines.record("\(event.message) \(event.metadata ?? [:])") }
}

/// Signed with Python's `cryptography`; the private key is not kept.
private enum RSAExample {
    static let modulus =
        "2Zd2CHISrwbOPhSrz44LMAiXLa5tg1BTD5lPHKekFxqewGmIf4AvuIjCUE-KedEMsBvx-EuTUFY4BNgxE_4U8-z4WW3h8OcVc9_aFGYVeWOV1V"
        + "bjZutgh_qBGtBcjFQ9kUR2OOIhyeNH9NvMfDa2XLrID-Ct8kwR2lVF6O_g75QrnBK8M3yLkZ-qvt59mHUUFIuzgJP4oFKOxcFNKbaoO3TGF5Ar"
        + "UDiWTCaszp1kriYPRa1Ix416ZUdLBRgUkAgt_yVIRWJZgObDhsvWbpN1R-Wy1FFrQkooayA6c7SsJw20myII1Cs3gcbR-MMPqLcQK9p8keWiAu"
        + "YXKeqt4oJ-lw"
    static let rs256 =
        "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInJzYSIsICJ0eXAiOiAiYXQrand0In0.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIudGVzdCIsICJhdW"
        + "QiOiAiaHR0cHM6Ly9yb29zdC50ZXN0L21jcCIsICJzdWIiOiAicnNhLXVzZXIiLCAib3JnX2lkIjogImFjbWUiLCAiZXhwIjogMTgwMDAwMDYw"
        + "MH0.JlgdI4KTvPcPSHQ_DuiP1pBV75VddPk_ELwePC2f0jlxw8xtLCYMT8bgFXB5Y55RgGYljAJgiXoA7THN2eQqJDfl4TaoYHjZ6PwxqU7Zef"
        + "EW0GeNCFw7AmRo1F2SsDo358HT2FR6CgZVyBZy_n8LFyIuQ_RYfa0SiuOM-RAy37Thirs8QRe4azyHHtwZ05VtOr8vi_OTMm40rgvgxoRrlikC"
        + "V0i0Ipi-s4pAuyXH2zOQi4J4u5Smzorg9pUe_lTw54GjA-GVyUDE1u0VSyBorSeYvDFUM0dBvCbN7p9i80C0JfHDwwUNHNbs1PNPT3e1YYtrKR"
        + "6L7r9a9br8OsG9pw"
    static let ps256 =
        "eyJhbGciOiAiUFMyNTYiLCAia2lkIjogInJzYSIsICJ0eXAiOiAiYXQrand0In0.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIudGVzdCIsICJhdW"
        + "QiOiAiaHR0cHM6Ly9yb29zdC50ZXN0L21jcCIsICJzdWIiOiAicnNhLXVzZXIiLCAib3JnX2lkIjogImFjbWUiLCAiZXhwIjogMTgwMDAwMDYw"
        + "MH0.ieQnsN8ja0eO2ut4D5w5b63ATGWTW0IFVoi9e1TrV4xyWGm7J1T3pK03QsNiPIkj6zvw2flpgrJzxi1vC7yPfLZ_0I09Vf4Vn8syTy7N3O"
        + "txR6d0g3hXip7oomi6Ily_XgZ68YU6k0Fv0MECjhfRDb9f8P3yphJUX80TbBrA5p-p4bb32qLLgaJCcnrItJlrag9uT1meb5w1NGIVGLT3yXIG"
        + "hnF6GC_gYgAzUATSVgqGsbHqnlDLLlTJ34NaaSy_MzN1ADQJYCH8vPIKvqH3aDqeuWzuvATWHuuQiAZV5L0wcTAwaof53iNSmF-6CTD9YD4fQ-"
        + "mvHXy_YIQpU1_UJQ"
}
