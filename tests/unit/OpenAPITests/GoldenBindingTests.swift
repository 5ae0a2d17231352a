import JSON
import Model
import OpenAPI
import TestSupport
import Testing

/// What is stored of a document is read in every version, and does not change its form without a new one.
@Suite("Stored bindings of all versions")
struct GoldenBindingTests {
    private static let bindings: [OperationBinding] = [
        OperationBinding(method: "GET", path: "/pets"),
        OperationBinding(
            method: "POST", path: "/pets/{petId}#refresh",
            parameters: [
                ParameterBinding(name: "petId", location: .path, coercion: .number),
                ParameterBinding(name: "tags", argument: "tags2", location: .query, isRequired: true, style: .pipeDelimited, explode: true),
                ParameterBinding(name: "filter", location: .query, style: .deepObject, allowReserved: true),
                ParameterBinding(name: "X-Flag", location: .header, isJSON: true, coercion: .boolean),
                ParameterBinding(name: "theme", location: .cookie, explode: false, coercion: .text),
            ],
            body: BodyBinding(
                kind: .form, contentType: "application/x-www-form-urlencoded", isRequired: true,
                encodings: [
                    "a": .init(), "b": .init(style: .spaceDelimited, explode: false, allowReserved: true),
                ]), server: "https://pets.test/v1", sendsCredentials: false, accept: "application/json"),
        OperationBinding(method: "PUT", path: "/pets", body: BodyBinding(kind: .unsupported, contentType: "image/png"), fault: "no server"),
    ]

    private static let configuration = OpenAPIConfiguration(
        server: "https://pets.test",
        authMethods: [
            AuthMethod(
                slug: "basic", label: "Basic",
                placements: [
                    .init(carrier: .header, name: "authorization", form: .basic, variables: ["user", "password"]),
                    .init(carrier: .query, name: "key", form: .plain, variables: ["key"]),
                ],
                variables: [
                    .init(name: "user", label: "User"), .init(name: "password", label: "Password", mayBeEmpty: true),
                    .init(name: "key", label: "Key"),
                ]), .none,
        ])

    @Test("bindings and configurations are written as their version says")
    func writing() throws {
        let text = JSONValue.object([
            "bindings": .array(Self.bindings.map(\.json)), "configuration": Self.configuration.json,
        ]).prettyText()
        #expect(try Golden.has(text + "\n", as: "openapi.1.json"))
        #expect(Golden.versions(of: "openapi", "json") == [1])
    }

    @Test("bindings and configurations of any version are read, and members of later ones left out of account")
    func reading() throws {
        let stored = try JSONValue(parsing: Array(Golden.text("openapi.1.json").utf8))
        let bindings = try #require(stored["bindings"]?.array)
        #expect(bindings.map(OperationBinding.init(json:)) == Self.bindings)
        #expect(try OpenAPIConfiguration(json: #require(stored["configuration"])) == Self.configuration)
        var (later, configuration) = (try #require(bindings[1].object), try #require(stored["configuration"]?.object))
        later["retries"] = ["count": 3]
        configuration["pagination"] = "cursor"
        #expect(OperationBinding(json: .object(later)) == Self.bindings[1])
        #expect(OpenAPIConfiguration(json: .object(configuration)) == Self.configuration)
    }
}
