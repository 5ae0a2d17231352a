import HTTPTypes
import Identity
import JSON
import RoostAPI
import Testing

@testable import Gateway

@Suite struct RouteTests {
    @Test("every operation has one route, and no route stands outside the operations")
    func routes() {
        let routed = RouteTable.allRoutes.map(\.operation.operationID)
        #expect(routed.sorted() == Operation.all.map(\.operationID).sorted())
        #expect(Set(routed).count == routed.count)
    }

    @Test("the OpenAPI document has every operation under its path, with its permission")
    func document() throws {
        let document = OpenAPIDocument.make(version: "1")
        for operation in Operation.all {
            let path = Operation.pathPrefix + operation.path
            let entry = document["paths"]?[path]?[operation.method.rawValue.lowercased()]
            #expect(entry?["operationId"]?.string == operation.operationID)
            #expect(entry?["x-roost-permission"]?.string == operation.permission.rawValue)
        }
    }

    @Test("path parameters are declared as they stand in the path", arguments: Operation.all.map(\.operationID))
    func parameters(id: String) throws {
        let operation = try #require(Operation.all.first { $0.operationID == id })
        let inPath = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }.map(String.init)
        #expect(operation.parameters.filter { $0.place == .path }.map(\.name) == inPath)
    }
}
