import JSON
import MCP
import Testing

@Suite("Peeking at a message")
struct MCPEnvelopeTests {
    private static func peek(_ text: String, limits: MCPLimits = MCPLimits()) throws(MCPError) -> MCPEnvelope {
        try MCPEnvelope.peek(Array(text.utf8), limits: limits)
    }

    @Test("the kind, method and id are read wherever they stand")
    func kinds() throws {
        let request = try Self.peek(
            #" { "params": {"a": [{"id": 9, "method": "x"}], "b": "}]\"{"}, "id" : "a\u0062" , "method":"tools/call","jsonrpc":"2.0"} "#)
        #expect(request.kind == .request(id: try #require(JSONRPCIDTests.id(#""a\u0062""#)), method: "tools/call"))
        #expect(
            request.params.map { String(decoding: request.text.bytes[$0], as: UTF8.self) }
                == #"{"a": [{"id": 9, "method": "x"}], "b": "}]\"{"}"#)
        #expect(
            try Self.peek(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).kind
                == .notification(method: "notifications/initialized"))
        #expect(try Self.peek(#"{"jsonrpc":"2.0","id":1,"result":{}}"#).kind == .response(id: JSONRPCID(1)))
        #expect(try Self.peek(#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":""}}"#).kind == .response(id: JSONRPCID(7)))
        #expect(try Self.peek(#"{"jsonrpc":"2.0","id":1,"\u006dethod":"ping"}"#).method == "ping")
    }

    @Test(
        "what is no single JSON-RPC request is refused, with the id where there is one",
        arguments: [
            ("", MCPError.Code.parseError, nil as Int?), ("{", .parseError, nil), ("{}}", .parseError, nil), ("nul", .parseError, nil),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\#u{FFFF}"#, .parseError, nil),
            ("[]", .invalidRequest, nil), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, .invalidRequest, nil),
            ("1", .invalidRequest, nil),
            (#""ping""#, .invalidRequest, nil), ("null", .invalidRequest, nil), ("{}", .invalidRequest, nil),
            (#"{"id":1,"method":"ping"}"#, .invalidRequest, 1), (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, .invalidRequest, 1),
            (#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, .invalidRequest, 1), (#"{"jsonrpc":"2.0","id":1}"#, .invalidRequest, 1),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":1e3,"method":"ping"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":1,"method":1}"#, .invalidRequest, 1),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, .invalidRequest, 1),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, .invalidRequest, 1),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, .invalidRequest, 1),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, .invalidRequest, nil),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}"#, .invalidRequest, nil),
        ])
    func refused(text: String, code: MCPError.Code, id: Int?) throws {
        let error = try #require(throws: MCPError.self) { try Self.peek(text) }
        #expect(error.code == code)
        #expect(error.id == id.map { JSONRPCID($0) })
        #expect(error.code.httpStatus == 400)
    }

    @Test("size, depth and the lengths of ids and methods are bounded")
    func bounds() throws {
        var limits = MCPLimits()
        limits.maxMessageBytes = 100
        let long = #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\#(String(repeating: "x", count: 100))"}}"#
        #expect(throws: MCPError.self) { try Self.peek(long, limits: limits) }
        #expect(throws: Never.self) { try Self.peek(long) }
        let deep = String(repeating: #"{"a":"#, count: 100) + "1" + String(repeating: "}", count: 100)
        #expect(throws: MCPError.self) { try Self.peek(#"{"jsonrpc":"2.0","id":1,"method":"ping","params":\#(deep)}"#) }
        #expect(throws: MCPError.self) {
            try Self.peek(#"{"jsonrpc":"2.0","id":"\#(String(repeating: "x", count: 600))","method":"ping"}"#)
        }
        #expect(throws: MCPError.self) { try Self.peek(#"{"jsonrpc":"2.0","id":1,"method":"\#(String(repeating: "x", count: 600))"}"#) }
    }

    @Test("the revision in the parameters' _meta is seen, and cannot be hidden by naming _meta twice")
    func metaRevision() throws {
        let key = "io.modelcontextprotocol/protocolVersion"
        let modern = try Self.peek(
            #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":{"_meta":{}},"_meta":{"a":1,"\#(key)":"2026-07-28"}}}"#)
        #expect(modern.metaRevision == "2026-07-28")
        #expect(try Self.peek(#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":1}}}"#).metaRevision == nil)
        #expect(throws: MCPError.self) {
            try Self.peek(#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"\#(key)":"2026-07-28"},"_meta":{}}}"#)
        }
    }

    @Test("members are found as the JSON parser finds them, for random values")
    func randomValues() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let value = RandomJSON.object(depth: 3, using: &generator)
            let envelope = try MCPEnvelope.peek(
                JSONValue.object(["jsonrpc": "2.0", "params": .object(value), "id": 1, "method": "ping"]).bytes())
            let range = try #require(envelope.params)
            #expect(try JSONValue(parsing: Array(envelope.text.bytes[range])) == .object(value))
        }
    }
}

@Suite("Ids of requests")
struct JSONRPCIDTests {
    static func id(_ token: String) -> JSONRPCID? {
        let envelope = try? MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":\#(token),"method":"ping"}"#.utf8))
        return envelope?.requestID
    }

    @Test(
        "an id is echoed exactly as it was written",
        arguments: [
            "0", "-0", "1", "-7", "123456789012345678901234567890", #""""#, #""a""#, #""\u0061""#, #""\ud800""#, #""é\n/\/""#, #""1""#,
        ])
    func echoed(token: String) throws {
        let id = try #require(Self.id(token))
        #expect(String(decoding: MCPAnswer.empty(id), as: UTF8.self) == #"{"jsonrpc":"2.0","id":\#(token),"result":{}}"#)
    }

    @Test("a string and an integer are different ids")
    func kinds() { #expect(Self.id("1") != Self.id(#""1""#)) }
}
