import Testing

@testable import OpenAPI

@Suite("Tool names")
struct NamingTests {
    private typealias Operation = ToolNaming.Operation

    private static func names(_ operations: [Operation], keeping: [String: String] = [:]) -> [String] {
        ToolNaming(maxCharacters: 120).names(of: operations, keeping: keeping)
    }

    @Test(
        "are made of the tag or path and the operation id or method",
        arguments: [
            ("GET", "/pets/{petId}", "getPetById", "pet", "pet.getPetById"),
            ("GET", "/repos/{owner}/{repo}", "repos/get", "repos", "repos.get"),
            ("POST", "/repos/{owner}/issues", "issues/create-comment", "Issues", "issues.createComment"),
            ("GET", "/applications/@me", "applications_get_activity_instance", nil, "applications.getActivityInstance"),
            ("GET", "/api/v1/users/{id}", nil, nil, "users.getUsersById"), ("POST", "/v2.1/orders", nil, nil, "orders.postOrders"),
            ("GET", "/", nil, nil, "root.get"), ("GET", "/{id}", nil, nil, "root.getById"), ("GET", "/v1/{id}", "fetch", nil, "root.fetch"),
            ("GET", "/pets", "pets", "pets", "pets.getPets"), ("GET", "/x", "HTTPServerList", "API Keys", "apiKeys.httpServerList"),
            ("GET", "/x", "2fa.enable", "2fa", "_2fa.enable"), ("GET", "/x", "then", "x", "x.then_"), ("GET", "/x", "   ", "   ", "x.getX"),
            ("DELETE", "/v1beta1/things/{name}", nil, nil, "things.deleteThingsByName"), ("GET", "/x", "список", "Данные", "данные.список"),
            ("POST", "/oauth2/token#refresh", "post_oauth2_token#refresh", "Authorization", "authorization.postOauth2TokenRefresh"),
            ("GET", "/x", "user.list..all", "user", "user.listAll"),
            ("GET", "/2010-04-01/Accounts/{Sid}.json", "FetchAccount", "Api20100401Account", "api20100401Account.fetchAccount"),
        ] as [(String, String, String?, String?, String)])
    func table(method: String, path: String, operationID: String?, tag: String?, expected: String) {
        #expect(Self.names([Operation(method: method, path: path, operationID: operationID, tag: tag)]) == [expected])
    }

    @Test("that collide get the version, then the method, then a hash")
    func collisions() {
        let versions = Self.names([
            Operation(method: "GET", path: "/v1/pets", operationID: "list", tag: "pets"),
            Operation(method: "GET", path: "/v2/pets", operationID: "list", tag: "pets"),
            Operation(method: "GET", path: "/other", operationID: "list", tag: "other"),
        ])
        #expect(versions == ["pets.v1.list", "pets.v2.list", "other.list"])
        let methods = Self.names([
            Operation(method: "GET", path: "/pets", operationID: "pets-do", tag: "pets"),
            Operation(method: "POST", path: "/pets", operationID: "pets-do", tag: "pets"),
        ])
        #expect(methods == ["pets.doGet", "pets.doPost"])
        let hashes = Self.names([
            Operation(method: "GET", path: "/a", operationID: "list", tag: "pets"),
            Operation(method: "GET", path: "/b", operationID: "list", tag: "pets"),
        ])
        #expect(Set(hashes).count == 2)
        #expect(hashes.allSatisfy { $0.hasPrefix("pets.listGet_") && $0.count == "pets.listGet_".count + 8 })
    }

    @Test("do not depend on the order of operations")
    func order() {
        let operations = (0..<200).map { index in
            Operation(
                method: index % 2 == 0 ? "GET" : "POST", path: "/v\(index % 3)/p\(index % 7)/{x}", operationID: "op\(index % 11)",
                tag: "t\(index % 2)")
        }
        let unique = Array(Set(operations)).sorted { $0.key < $1.key }
        let names = Dictionary(uniqueKeysWithValues: zip(unique.map { "\($0)" }, Self.names(unique)))
        let shuffled = unique.reversed().map { $0 }
        for (operation, name) in zip(shuffled, Self.names(shuffled)) { #expect(names["\(operation)"] == name) }
        #expect(Set(names.values).count == unique.count)
    }

    @Test("given before stay, whatever comes to the document")
    func keeping() {
        let old = Operation(method: "GET", path: "/a", operationID: "list", tag: "pets")
        let new = Operation(method: "GET", path: "/b", operationID: "list", tag: "pets")
        #expect(Self.names([old]) == ["pets.list"])
        let names = Self.names([new, old], keeping: [old.key: "pets.list"])
        #expect(names[1] == "pets.list")
        #expect(names[0] == "pets.listGet" || names[0].hasPrefix("pets.listGet"))
    }

    @Test("are bounded, and still differ")
    func long() {
        let operations = (0..<3).map {
            Operation(
                method: "GET", path: "/x\($0)", operationID: String(repeating: "veryLong", count: 100) + "\($0)",
                tag: String(repeating: "tag", count: 100))
        }
        let names = Self.names(operations)
        #expect(Set(names).count == 3)
        #expect(names.allSatisfy { $0.count <= 120 })
    }
}
