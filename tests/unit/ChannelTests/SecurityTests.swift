import Channel
import TestSupport
import Testing

@Suite("Channel security", .timeLimit(.minutes(1)))
struct SecurityTests {
    @Test("A server whose certificate another authority signed is not talked to")
    func otherAuthority() async throws {
        let other = try TestAuthority()
        try await Self.expectInsecure(.tls(trustRoots: Array(other.certificatePEM.utf8)))
    }

    @Test("A server whose certificate is for another name is not talked to")
    func otherName() async throws {
        let roots = Array(try ChannelFixture.authority.get().certificatePEM.utf8)
        try await Self.expectInsecure(.tls(trustRoots: roots, serverName: "another.example"), certifiedAddresses: [])
    }

    @Test("A server that talks plaintext is not talked to over TLS, and the other way round", arguments: [true, false])
    func mixed(isServerSecure: Bool) async throws {
        let calls = Recorder<String>()
        var limits = ChannelFixture.limits
        limits.connectTimeout = .milliseconds(500)
        let server = try ChannelFixture.server(isServerSecure ? .tls : .plaintext, limits: limits) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        }
        try await ChannelFixture.running([server]) {
            let client = try await ChannelFixture.client(of: server, isServerSecure ? .plaintext : .tls, limits: limits)
            try await ChannelFixture.running([client]) {
                let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30)))
                #expect([.unavailable, .insecure].contains(error?.code), "\(String(describing: error))")
            }
        }
        #expect(calls.elements.isEmpty)
    }

    @Test("A given name is verified instead of the address")
    func givenName() async throws {
        let server = try ChannelFixture.server(.tls) { _ in ChannelResponse(status: 200) }
        try await ChannelFixture.running([server]) {
            let roots = Array(try ChannelFixture.authority.get().certificatePEM.utf8)
            let client = try HTTP2ChannelClient(
                address: try await server.address, key: ChannelFixture.key, security: .tls(trustRoots: roots, serverName: "localhost"),
                logger: ChannelFixture.logger)
            try await ChannelFixture.running([client]) {
                let response = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30)))
                #expect(response.status == 200)
            }
        }
    }

    @Test("Unusable certificates and roots are errors at the start")
    func unusable() throws {
        let rubbish = Array("rubbish".utf8)
        let address = ChannelAddress(host: "127.0.0.1", port: 0)
        #expect {
            try HTTP2ChannelClient(address: address, key: nil, security: .tls(trustRoots: rubbish), logger: ChannelFixture.logger)
        } throws: {
            ($0 as? ChannelError)?.code == .insecure
        }
        #expect {
            try HTTP2ChannelServer(
                address: address, handler: ClosureChannelHandler { _ in ChannelResponse(status: 200) }, key: nil,
                security: .tls(certificateChain: rubbish, privateKey: rubbish), logger: ChannelFixture.logger)
        } throws: {
            ($0 as? ChannelError)?.code == .insecure
        }
    }

    @Test("A client with a key does not talk to a server that asks for none")
    func noQuestion() async throws {
        let server = try ChannelFixture.server(.plaintext, key: nil) { _ in ChannelResponse(status: 200) }
        try await ChannelFixture.running([server]) {
            let client = try await ChannelFixture.client(of: server, .plaintext)
            try await ChannelFixture.running([client]) {
                #expect(await client.failure(ChannelRequest(method: "GET", path: "/"))?.code == .unauthenticated)
            }
        }
    }

    @Test("Keys do not show, and short ones are refused")
    func keys() throws {
        #expect(ChannelKey(bytes: Array("short".utf8)) == nil)
        let key = try #require(ChannelFixture.key)
        #expect("\(key) \(String(reflecting: key))" == "<channel key> <channel key>")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("installation"))
    }

    @Test("Addresses are read and written")
    func addresses() {
        #expect(ChannelAddress("10.0.0.1:8080") == ChannelAddress(host: "10.0.0.1", port: 8_080))
        #expect(ChannelAddress("[::1]:80")?.host == "::1")
        #expect(ChannelAddress(host: "::1", port: 80).description == "[::1]:80")
        for text in ["", "host", ":80", "host:", "host:x", "host:70000", "::1:80", "[]:1"] { #expect(ChannelAddress(text) == nil) }
    }

    @Test("A server whose certificate is for another address is not talked to")
    func otherAddress() async throws {
        let roots = Array(try ChannelFixture.authority.get().certificatePEM.utf8)
        try await Self.expectInsecure(.tls(trustRoots: roots), certifiedAddresses: [[127, 0, 0, 2]])
    }

    private static func expectInsecure(
        _ security: ChannelClientSecurity, certifiedAddresses: [[UInt8]] = [[127, 0, 0, 1]]
    ) async throws {
        let calls = Recorder<String>()
        let server = try ChannelFixture.server(.tls, certifiedAddresses: certifiedAddresses) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        }
        try await ChannelFixture.running([server]) {
            let client = try HTTP2ChannelClient(
                address: try await server.address, key: ChannelFixture.key, security: security, logger: ChannelFixture.logger)
            try await ChannelFixture.running([client]) {
                let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30)))
                #expect(error?.code == .insecure)
                #expect(error?.isSafeToRetry == false)
            }
        }
        #expect(calls.elements.isEmpty)
    }
}
