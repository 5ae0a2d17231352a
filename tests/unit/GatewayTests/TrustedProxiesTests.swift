import Testing

@testable import Gateway

@Suite struct TrustedProxiesTests {
    private let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])

    @Test("without a trusted peer, what a request says of its origin is ignored")
    func untrusted() {
        #expect(self.proxies.client(peer: "203.0.113.5", forwardedFor: ["198.51.100.1"]) == "203.0.113.5")
        #expect(TrustedProxies([]).client(peer: "10.0.0.1", forwardedFor: ["198.51.100.1"]) == "10.0.0.1")
    }

    @Test("behind trusted proxies the client is the last address that no trusted proxy has")
    func trusted() {
        #expect(self.proxies.client(peer: "10.1.2.3", forwardedFor: ["198.51.100.1"]) == "198.51.100.1")
        #expect(self.proxies.client(peer: "10.1.2.3", forwardedFor: ["198.51.100.1, 192.0.2.7", "fd00::1"]) == "198.51.100.1")
        #expect(self.proxies.client(peer: "::ffff:10.1.2.3", forwardedFor: [" 2001:db8::5\t"]) == "2001:db8::5")
    }

    @Test("what a client made up before the proxies' entries does not count")
    func forged() {
        #expect(self.proxies.client(peer: "10.1.2.3", forwardedFor: ["127.0.0.1, 203.0.113.9"]) == "203.0.113.9")
        #expect(self.proxies.client(peer: "10.1.2.3", forwardedFor: ["203.0.113.9, nonsense"]) == "10.1.2.3")
        #expect(self.proxies.client(peer: "10.1.2.3", forwardedFor: []) == "10.1.2.3")
    }
}
