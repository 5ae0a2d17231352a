import HTTPTypes
import Testing

@testable import Gateway

@Suite struct OriginPolicyTests {
    private let policy = OriginPolicy(publicURL: "https://roost.example", allowed: ["https://app.example/", "http://other:8080"])

    @Test(
        "the public origin, listed origins and loopback origins may call",
        arguments: [
            "https://roost.example", "https://ROOST.example", "https://app.example", "http://other:8080", "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:5173", "http://[::1]:80",
        ])
    func allowed(origin: String) {
        #expect(self.policy.allows(origin))
        #expect(self.policy.answerFields(for: origin)[.accessControlAllowOrigin] == origin)
    }

    @Test(
        "anything else may not, however it looks",
        arguments: [
            "https://evil.example", "http://roost.example", "https://roost.example:444", "https://roost.example.evil", "null", "",
            "http://localhost.evil",
            "http://localhost:3000.evil", "http://127.0.0.1@evil", "file://", "http://127.0.0.2",
        ])
    func refused(origin: String) {
        #expect(!self.policy.allows(origin))
        #expect(self.policy.answerFields(for: origin)[.accessControlAllowOrigin] == nil)
    }

    @Test("a request without an origin is no browser's; its answer can be read by all")
    func none() {
        #expect(self.policy.answerFields(for: nil)[.accessControlAllowOrigin] == "*")
    }
}
