import Engine
import JSON
import Model
import Testing

@Suite struct DiscoveryTests {
    private let harness = EngineHarness()

    init() {
        for index in 0..<30 { self.harness.catalog.add("api.org.main.item\(index)", .read) }
    }

    @Test("Search pages, twelve by default")
    func pages() async throws {
        let first = try await self.harness.call("search", ["query": "item"])
        #expect(first["items"]?.array?.count == 12)
        #expect(first["total"] == 30)
        #expect(first["hasMore"] == true)
        #expect(first["nextOffset"] == 12)
        #expect(
            first["items"]?[0] == [
                "path": "api.org.main.item0", "name": "item0", "description": "d", "integration": "api", "score": 1.5,
            ])
        let last = try await self.harness.call("tools.search", ["query": "item", "limit": 20, "offset": 20])
        #expect(last["items"]?.array?.count == 10)
        #expect(last["hasMore"] == false)
        #expect(last["nextOffset"] == .null)
    }

    @Test("An empty query gives an empty page", arguments: [nil, [:], ["query": ""], ["query": " "]] as [JSONValue?])
    func emptyQuery(argument: JSONValue?) async throws {
        #expect(try await self.harness.call("search", argument) == ["items": [], "total": 0, "hasMore": false, "nextOffset": nil])
    }

    @Test(
        "A built-in tool called wrongly throws and says why",
        arguments: [
            ("search", ["query": 1], "`query` must be a string"),
            ("search", ["offset": -1], "`offset` must be an integer from 0"),
            ("search", ["limit": 0], "`limit` must be an integer from 1 to 100"),
            ("search", ["limit": 1.5], "`limit` must be an integer"),
            ("search", ["limit": 101], "`limit` must be an integer"),
            ("search", ["q": "x"], "does not know the argument `q`"),
            ("search", "text", "takes one object with `query`"),
            ("search", ["query": .string(String(repeating: "x", count: 2000))], "at most 1024 bytes"),
            ("search", ["query": .string(String(repeating: "x", count: 20_000))], "takes one object"),
            ("describe.tool", [:], "needs `path`"),
            ("describe.tool", ["path": ""], "needs `path`"),
            ("roost.sources.list", ["kind": "x"], "does not know the argument `kind`"),
        ] as [(String, JSONValue, String)])
    func faults(path: String, argument: JSONValue, message: String) async throws {
        let reply = try await self.harness.call(path, argument)
        #expect(reply["thrown"] == "TypeError")
        let text = try #require(reply["message"]?.string)
        #expect(text.hasPrefix("tools.\(path)"))
        #expect(text.contains(message))
    }

    @Test("A tool is described with or without a leading tools.", arguments: ["api.org.main.item3", "tools.api.org.main.item3"])
    func describe(path: String) async throws {
        let described = try await self.harness.call("describe.tool", ["path": .string(path)])
        #expect(
            described == [
                "path": "api.org.main.item3", "name": "item3", "description": "d", "inputTypeScript": "{}", "outputTypeScript": "unknown",
                "typeScriptDefinitions": ["ToolError": "type ToolError = {}"],
            ])
    }

    @Test("Describing an unknown tool gives an error with suggestions and does not throw")
    func describeUnknown() async throws {
        let described = try await self.harness.call("describe.tool", ["path": "api.org.main.nope"])
        #expect(described["error"]?["code"] == "tool_not_found")
        #expect(described["error"]?["suggestions"]?.array?.count == 5)
    }

    @Test("Sources are listed")
    func sources() async throws {
        let page = try await self.harness.call("roost.sources.list")
        #expect(
            page == [
                "items": [["id": "api", "name": "API", "kind": "openapi", "canRemove": true, "canRefresh": false, "toolCount": 3]],
                "total": 1, "hasMore": false, "nextOffset": nil,
            ])
    }
}
