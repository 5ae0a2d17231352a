import JSON
import MCP
import SSE
import Testing

@Suite("Answers")
struct MCPAnswerTests {
    private static let server = MCPServerInfo(
        name: "roost", title: "Roost", version: "1.2.3", description: "Tools.", instructions: "Use execute.")

    private static func value(_ bytes: [UInt8]) throws -> JSONValue { try JSONValue(parsing: bytes) }

    @Test(
        "initialize answers the revision asked for if it is served, and the newest with sessions otherwise",
        arguments: [
            ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
            ("2026-07-28", "2025-11-25"), ("2099-01-01", "2025-11-25"), ("1.0", "2025-11-25"), ("", "2025-11-25"),
        ])
    func negotiation(requested: String, expected: String) throws {
        let revision = MCPRevision.negotiated(for: requested)
        let answer = try Self.value(MCPAnswer.initialized(JSONRPCID(1), revision: revision, server: Self.server))
        #expect(answer["result"]?["protocolVersion"]?.string == expected)
        #expect(answer["result"]?["capabilities"] == ["tools": ["listChanged": true]])
        #expect(answer["result"]?["serverInfo"]?["name"] == "roost")
        #expect((answer["result"]?["serverInfo"]?["title"] != nil) == (expected >= "2025-06-18"))
        #expect((answer["result"]?["serverInfo"]?["description"] != nil) == (expected >= "2025-11-25"))
    }

    @Test("a tool is shown with what the revision knows and with its schema untouched", arguments: MCPRevision.served)
    func tools(revision: MCPRevision) throws {
        let schema = try JSONText(validating: #"{"type":"object",  "properties":{"n":{"maximum":1.0}},"$schema":"x"}"#)
        let tool = MCPTool(
            name: "execute", title: "Execute", description: "Runs.", inputSchema: schema, outputSchema: schema,
            annotations: MCPTool.Annotations(readOnly: false, destructive: true, idempotent: false, openWorld: true))
        let bytes = MCPAnswer.tools(JSONRPCID(1), [tool], revision: revision)
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""inputSchema":\#(schema.string)"#))
        let shown = try #require(try Self.value(bytes)["result"]?["tools"]?[0])
        #expect((shown["title"] != nil) == (revision >= .june2025))
        #expect((shown["outputSchema"] != nil) == (revision >= .june2025))
        #expect((shown["annotations"]?["destructiveHint"] == true) == (revision >= .march2025))
    }

    @Test("a result carries structured content and new content types only where the revision knows them", arguments: MCPRevision.served)
    func results(revision: MCPRevision) throws {
        let result = MCPToolResult(
            content: [
                .text("a"), .block(type: "audio", JSONText(["type": "audio", "data": "", "mimeType": "audio/wav"])),
                .block(type: "resource_link", JSONText(["type": "resource_link", "uri": "x:y", "name": "n"])),
            ], structuredContent: JSONText(["result": 2]))
        let shown = try #require(try Self.value(MCPAnswer.toolResult(JSONRPCID(1), result, revision: revision))["result"])
        #expect(shown["isError"] == false)
        #expect(
            shown["content"]?.array?.map { $0["type"]?.string } == [
                "text", revision >= .march2025 ? "audio" : "text", revision >= .june2025 ? "resource_link" : "text",
            ])
        #expect((shown["structuredContent"] == ["result": 2]) == (revision >= .june2025))
    }

    @Test("an error names its code, and its request where it was read")
    func errors() throws {
        let error = MCPError(.unavailable, "Wait.", id: JSONRPCID("a"), retryAfter: .milliseconds(1500))
        #expect(
            try Self.value(MCPAnswer.error(error)) == [
                "jsonrpc": "2.0", "id": "a", "error": ["code": -32603, "message": "Wait.", "data": ["code": "unavailable"]],
            ])
        #expect(error.headers.map(\.value) == ["2"])
        let nameless = try Self.value(MCPAnswer.error(MCPError(.parseError, "No.")))
        #expect(nameless["id"] == .null)
        #expect(nameless["error"]?["data"] == nil)
    }

    @Test("every kind of refusal has a code that new servers may use and a status that goes with it")
    func codes() {
        let statuses = Dictionary(uniqueKeysWithValues: MCPError.Code.allCases.map { ($0.description, [$0.rpcCode, $0.httpStatus]) })
        #expect(
            statuses == [
                "parse_error": [-32700, 400], "invalid_request": [-32600, 400], "missing_session": [-32600, 400],
                "unknown_session": [-32600, 404],
                "unsupported_revision": [-32022, 400], "stateless_revision": [-32601, 404], "method_not_found": [-32601, 200],
                "invalid_params": [-32602, 200], "internal_error": [-32603, 200], "http_method_not_allowed": [-32600, 405],
                "not_acceptable": [-32600, 406], "unsupported_media_type": [-32600, 415], "too_large": [-32600, 413],
                "too_many_calls": [-32603, 429], "too_many_sessions": [-32603, 429], "unavailable": [-32603, 503],
                "execution_interrupted": [-32603, 200], "call_timed_out": [-32603, 200], "answer_dropped": [-32603, 200],
                "unauthorized": [-32600, 401], "unknown_event": [-32600, 400],
            ])
    }

    @Test("progress carries the token as it was sent and a message where the revision has one")
    func progress() throws {
        let token = try #require(JSONRPCID("t"))
        #expect(
            try Self.value(MCPAnswer.progress(token, value: 3, message: "three", revision: .march2025))
                == [
                    "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": ["progressToken": "t", "progress": 3, "message": "three"],
                ])
        #expect(try Self.value(MCPAnswer.progress(token, value: 3, message: "three", revision: .november2024))["params"]?["message"] == nil)
    }

    @Test("a message is one event")
    func event() throws {
        var parser = ServerSentEventParser()
        let message = MCPAnswer.empty(JSONRPCID(1))
        let events = try parser.parse(MCPAnswer.event(message))
        #expect(events == [ServerSentEvent(name: "message", data: message)])
    }
}
