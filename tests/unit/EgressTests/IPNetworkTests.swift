import Testing

@testable import Egress

@Suite struct IPNetworkTests {
    @Test("an address is a network of one, and CIDR notation one of many")
    func contains() throws {
        let one = try #require(IPNetwork("192.0.2.7"))
        #expect(try one.contains(#require(IPAddress("192.0.2.7"))))
        #expect(try !one.contains(#require(IPAddress("192.0.2.8"))))
        let block = try #require(IPNetwork("10.0.0.0/8"))
        #expect(try block.contains(#require(IPAddress("10.255.0.1"))))
        #expect(try block.contains(#require(IPAddress("::ffff:10.0.0.1"))))
        #expect(try !block.contains(#require(IPAddress("11.0.0.1"))))
        #expect(try !block.contains(#require(IPAddress("fd00::1"))))
        let all = try #require(IPNetwork("::/0"))
        #expect(try all.contains(#require(IPAddress("2001:db8::1"))))
    }

    @Test(
        "anything else is no network", arguments: ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "fd00::/129", "name/8", "10.0.0.0/8/8"])
    func malformed(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
