import Identity
import JSON
import Testing

@Suite("Clients are told where tokens come from")
struct ProtectedResourceTests {
    private let resource = ProtectedResource(origin: "https://roost.test", path: "/mcp", issuer: "https://issuer.test")

    @Test("The metadata names the resource and the issuer, at the place that belongs to the path")
    func document() {
        #expect(self.resource.metadataURL == "https://roost.test/.well-known/oauth-protected-resource/mcp")
        #expect(self.resource.document["resource"]?.string == "https://roost.test/mcp")
        #expect(self.resource.document["authorization_servers"] == ["https://issuer.test"])
        #expect(self.resource.document["bearer_methods_supported"] == ["header"])
    }

    @Test("The challenge says what is wrong, and where the metadata is only if there is an issuer")
    func challenge() {
        let metadata = #"resource_metadata="https://roost.test/.well-known/oauth-protected-resource/mcp""#
        let missing = IdentityError(.credentialsMissing, "m")
        #expect(BearerChallenge.value(for: missing, resource: nil) == #"Bearer realm="roost""#)
        #expect(BearerChallenge.value(for: missing, resource: self.resource) == #"Bearer realm="roost", \#(metadata)"#)
        let invalid = IdentityError(.credentialsInvalid, "a \"b\"\r\n\\ …")
        let value = BearerChallenge.value(for: invalid, resource: self.resource)
        #expect(value == #"Bearer realm="roost", error="invalid_token", error_description="a 'b'''' '''", \#(metadata)"#)
        let forbidden = IdentityError(.forbidden, "no")
        #expect(BearerChallenge.value(for: forbidden, resource: nil)?.contains(#"error="insufficient_scope""#) == true)
        #expect(BearerChallenge.value(for: IdentityError(.unavailable, "x"), resource: self.resource) == nil)
    }
}
