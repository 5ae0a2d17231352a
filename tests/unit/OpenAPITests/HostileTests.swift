import JSON
import Model
import TestSupport
import Testing

@testable import OpenAPI

@Suite("Documents written to do harm", .serialized, .timeLimit(.minutes(5)))
struct HostileTests {
    /// The bounds that stop what is written out again and again, lower than the defaults so that reaching them takes no time.
    private static let limits: OpenAPILimits = {
        var limits = OpenAPILimits()
        limits.maxSchemaNodes = 2_000_000
        limits.maxSchemaBytes = 16 << 20
        return limits
    }()

    private static func source(_ document: HostileDocument) throws -> OpenAPISource {
        try OpenAPIDocument(reading: Array(document.text.utf8), url: "https://docs.test/api.json", limits: Self.limits).ingest(
            limits: Self.limits)
    }

    @Test("are refused with a code or read without what cannot be used", arguments: HostileDocument.all)
    func outcome(document: HostileDocument) throws {
        if let refusal = document.refusal {
            let error = #expect(throws: OpenAPIError.self) { try Self.source(document) }
            #expect(error?.code.description == refusal)
            #expect((error?.message.utf8.count ?? 0) < 1_000)
            return
        }
        let source = try Self.source(document)
        #expect(Set(source.tools.map(\.name)).count == source.tools.count)
        #expect(source.faults.count <= Self.limits.maxFaults)
        #expect(source.faults.allSatisfy { $0.message.utf8.count < 1_000 && $0.location.utf8.count <= 200 })
        #expect(source.configuration.authMethods.count <= Self.limits.maxAuthMethods + 1)
        let known = Set(source.definitions.map { DefinitionTable.reference(toName: $0.name) })
        #expect(known.count == source.definitions.count)
        for (index, tool) in source.tools.enumerated() {
            // The name stands in addresses and policies, so it has to be one.
            #expect(ToolAddress("slug.org.main.\(tool.name)") != nil, "\(tool.name)")
            #expect(tool.name.utf8.count <= 400)
            #expect(!tool.name.split(separator: ".").contains("then"))
            #expect(tool.description.count <= 1_100)
            let binding = try #require(OperationBinding(json: try JSONValue(parsing: tool.binding.json.bytes())))
            #expect(binding == tool.binding)
            #expect(Set(binding.parameters.map(\.argument)).count == binding.parameters.count)
            if index < 100 { self.call(binding) }
        }
    }

    /// Builds the request with every argument set to something hostile; it is refused or stays on its server, on one line.
    private func call(_ binding: OperationBinding) {
        for value in ["x", "../../admin", "..", "%2e%2e", "%2f", "a\r\nb: c", "", "💥", "?", "#", ";", "..;"] {
            var arguments = JSONObject()
            for parameter in binding.parameters { arguments.set(.string(value), forKey: parameter.argument) }
            if binding.body != nil { arguments["body"] = .string(value) }
            do {
                let request = try RequestBuilder(binding).request(arguments, server: "https://api.test/v1")
                #expect(request.origin == "https://api.test")
                let segments = request.target.prefix { $0 != "?" }.split(separator: "/").map {
                    $0.prefix { $0 != ";" }.lowercased().replacing("%2e", with: ".")
                }
                #expect(request.target.hasPrefix("/v1/"), "\(request.target)")
                #expect(!segments.contains("..") && !segments.contains("."), "\(request.target)")
                for (name, value) in request.headers {
                    #expect(RequestFields.isToken(name) && RequestFields.isValue(value), "\(name)")
                }
            } catch {
                #expect(["invalid_tool_arguments", "operation_unusable", "unsupported_body"].contains(error.code), "\(error.code)")
            }
        }
    }

    @Test("keep every parameter where many have one name")
    func collisions() throws {
        let document = try #require(HostileDocument.all.first { $0.name == "one name in every place" })
        let parameters = try Self.source(document).tools[0].binding.parameters
        #expect(
            parameters.map { "\($0.location.rawValue) \($0.name): \($0.argument)" } == [
                "path id: id", "query id: query_id_3", "query body: query_body_2", "query query_body: query_body",
                "header query_id: query_id",
                "header ID: ID", "header body: header_body", "cookie query_id_2: query_id_2", "cookie id: cookie_id",
            ])
    }

    @Test("name operations the same in any order")
    func order() throws {
        let document = try #require(HostileDocument.all.first { $0.name == "one operation id for everything" })
        let operations = try Self.source(document).tools.map {
            ToolNaming.Operation(method: $0.binding.method, path: $0.binding.path, operationID: "x", tag: "t")
        }
        let naming = ToolNaming(maxCharacters: 120)
        let forward = naming.names(of: operations)
        #expect(naming.names(of: operations.reversed()) == forward.reversed())
        #expect(Set(forward).count == operations.count)
    }

    @Test("never make a server of what is none, but of what a base URL may be")
    func servers() throws {
        let document = try #require(HostileDocument.all.first { $0.name == "servers that are none" })
        let source = try Self.source(document)
        for server in source.tools.compactMap(\.binding.server) {
            // Relative ones are resolved against the document's URL.
            #expect(server.hasPrefix("https://api.test/") || server.hasPrefix("https://docs.test/"), "\(server)")
        }
        #expect(!"\(source.tools.map(\.binding))".contains("user:pass"))
    }
}
