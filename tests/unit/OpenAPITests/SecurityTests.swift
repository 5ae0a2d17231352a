import JSON
import Model
import Testing

@testable import OpenAPI

@Suite("Ways to sign in")
struct SecurityTests {
    private static func methods(_ schemes: String, security: String = "[]", operation: String? = nil) throws -> [AuthMethod] {
        let operation = operation.map { "\"security\": \($0)," } ?? ""
        return try Documents.ingest(
            paths: #"{"/x": {"get": {\#(operation) "responses": {}}}}"#, components: #"{"securitySchemes": {\#(schemes)}}"#,
            more: #""security": \#(security),"#
        ).configuration.authMethods
    }

    private static let bearer = #""token": {"type": "http", "scheme": "Bearer"}"#
    private static let keys =
        #""apiEmail": {"type": "apiKey", "in": "header", "name": "X-Auth-Email"}, "api_key": {"type": "apiKey", "in": "header", "name": "X-Auth-Key"}"#

    @Test("come from schemes, one each")
    func single() throws {
        let methods = try Self.methods(
            #"\#(Self.bearer), "basicAuth": {"type": "http", "scheme": "basic"}, "q": {"type": "apiKey", "in": "query", "name": "k"}, "c": {"type": "apiKey", "in": "cookie", "name": "sid"}, "sso": {"type": "oauth2", "flows": {}}, "d": {"type": "http", "scheme": "digest"}, "m": {"type": "mutualTLS"}"#,
            security: #"[{"token": []}]"#)
        #expect(methods.map(\.slug) == ["token", "basic-auth", "q", "c", "sso", "none"])
        #expect(methods[0].placements == [.init(carrier: .header, name: "authorization", form: .bearer, variables: ["token"])])
        #expect(methods[1].variables.map(\.name) == ["username", "password"])
        #expect(methods[2].placements == [.init(carrier: .query, name: "k", form: .plain, variables: ["key"])])
        #expect(methods[3].placements.first?.carrier == .cookie)
        #expect(methods[4].placements.first?.form == .bearer)
    }

    @Test("that are required together are one, with credentials told apart")
    func sets() throws {
        let methods = try Self.methods("\(Self.keys), \(Self.bearer)", security: #"[{"apiEmail": [], "api_key": []}, {"token": []}]"#)
        #expect(methods.map(\.slug) == ["api-email-and-api-key", "token", "none"])
        #expect(methods[0].variables.map(\.name) == ["apiEmail", "apiKey"])
        #expect(methods[0].placements.map(\.name) == ["x-auth-email", "x-auth-key"])
    }

    @Test("of operations count too, and optional or unknown ones do no harm")
    func operations() throws {
        #expect(try Self.methods(Self.bearer, operation: #"[{}, {"token": []}, {"missing": []}]"#).map(\.slug) == ["token", "none"])
    }

    @Test("are general ones where the document has no scheme")
    func withoutSchemes() throws {
        #expect(try Self.methods("").map(\.slug) == ["bearer", "basic", "none"])
    }

    @Test(
        "never put credentials into fields that are Roost's", arguments: ["Host", "Content-Length", "Cookie", "bad name", "Content-Type"])
    func reserved(name: String) throws {
        #expect(try Self.methods(#""k": {"type": "apiKey", "in": "header", "name": "\#(name)"}"#).map(\.slug) == ["none"])
    }

    @Test("with the same slug are told apart")
    func slugs() throws {
        #expect(
            try Self.methods(
                #""api_key": {"type": "http", "scheme": "bearer"}, "apiKey": {"type": "http", "scheme": "basic"}, "none": {"type": "http", "scheme": "bearer"}"#
            ).map(\.slug)
                == ["api-key", "api-key-2", "none-2", "none"])
    }

    @Test("say what is wrong with values, and never the values")
    func faults() throws {
        let method = try Self.methods(#""b": {"type": "http", "scheme": "basic"}"#)[0]
        func faults(_ values: [String: String]) -> [String] {
            CredentialSet.faults(of: values.mapValues(Secret.init), for: method).map { "\($0.variable) \($0.message)" }
        }
        #expect(faults(["username": "u", "password": ""]).isEmpty)
        #expect(faults(["username": "", "password": "p"]) == ["username is empty"])
        #expect(faults(["password": "p"]) == ["username is missing"])
        #expect(faults(["username": "hunter2\r\nX: 1", "password": "p"]) == ["username holds a line break or another control character"])
        #expect(faults(["username": "u", "password": "p", "extra": "e"]) == ["extra is not a credential of the method b"])
    }
}
