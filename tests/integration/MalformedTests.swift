import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Everything that may be wrong with a message, over the real services: each has its status and its JSON-RPC code, and the session works
/// after it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct MalformedTests {
    /// One wrong request and what it is answered with.
    struct Case: Sendable {
        let name: String
        var method = HTTPMethod.POST
        var body: [UInt8] = Array(#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#.utf8)
        /// Fields to set, or with nil to leave out; the session's id is filled in for `SESSION`.
        var headers: [String: String?] = [:]
        let status: Int
        /// The code of the JSON-RPC error; nil when there is no JSON-RPC answer.
        let code: Int?
        /// The id that the error answers, as JSON.
        var id: JSONValue = .null

        /// A wrong body under the right head.
        init(_ name: String, _ body: String, _ status: Int, _ code: Int?, id: JSONValue = .null) {
            self.init(name, bytes: Array(body.utf8), status, code)
            self.id = id
        }

        init(_ name: String, bytes: [UInt8], _ status: Int, _ code: Int?) {
            self.name = name
            self.body = bytes
            self.status = status
            self.code = code
        }

        /// A wrong head over a right body.
        init(
            _ name: String, method: HTTPMethod = .POST, _ headers: [String: String?], _ status: Int, _ code: Int?, id: JSONValue = .null
        ) {
            self.name = name
            self.method = method
            if [.GET, .DELETE].contains(method) { self.body = [] }
            self.headers = headers
            self.status = status
            self.code = code
            self.id = id
        }
    }

    private static let deep: String = {
        let (open, close) = (String(repeating: #"{"a":"#, count: 5000), String(repeating: "}", count: 5000))
        return #"{"jsonrpc":"2.0","id":5,"method":"ping","params":\#(open)1\#(close)}"#
    }()
    private static let large = #"{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":"\#(String(repeating: "x", count: 5 << 20))"}}"#
    private static let longMethod = #"{"jsonrpc":"2.0","id":5,"method":"\#(String(repeating: "m", count: 1000))"}"#
    private static let longID = #"{"jsonrpc":"2.0","id":"\#(String(repeating: "i", count: 600))","method":"ping"}"#
    private static let notUTF8 = Array(#"{"jsonrpc":"2.0","id":""#.utf8) + [0xFF, 0xFE] + Array(#"","method":"ping"}"#.utf8)
    private static let wide = Self.ping.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    private static let marked = [0xEF, 0xBB, 0xBF] + Array(Self.ping.utf8)

    private static let ping = #"{"jsonrpc":"2.0","id":5,"method":"ping"}"#
    private static let initialize =
        #"{"jsonrpc":"2.0","id":5,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#

    private static let bodies: [Case] = [
        Case("no body", "", 400, -32700), Case("no JSON", "hello", 400, -32700),
        Case("half JSON", #"{"jsonrpc":"2.0","id":5,"#, 400, -32700),
        Case("two texts", Self.ping + Self.ping, 400, -32700),
        Case("a trailing comma", #"{"jsonrpc":"2.0","id":5,"method":"ping",}"#, 400, -32700),
        Case("not UTF-8", bytes: Self.notUTF8, 400, -32700),
        Case("too deep", Self.deep, 400, -32700),
        Case("too deep, in arrays", String(repeating: "[", count: 100_000), 400, -32700),
        Case("too large", Self.large, 413, -32600), Case("UTF-16", bytes: Self.wide, 400, -32700),
        Case("a batch", "[\(Self.ping)]", 400, -32600), Case("an empty batch", "[]", 400, -32600),
        Case("a string", #""ping""#, 400, -32600),
        Case("null", "null", 400, -32600), Case("nothing in it", "{}", 400, -32600),
        Case("no version", #"{"id":5,"method":"ping"}"#, 400, -32600, id: 5),
        Case("another version", #"{"jsonrpc":"1.0","id":5,"method":"ping"}"#, 400, -32600, id: 5),
        Case("no method", #"{"jsonrpc":"2.0","id":5}"#, 400, -32600, id: 5),
        Case("a method that is a number", #"{"jsonrpc":"2.0","id":5,"method":7}"#, 400, -32600, id: 5),
        Case("an endless method", Self.longMethod, 400, -32600, id: 5),
        Case("a method and a result", #"{"jsonrpc":"2.0","id":5,"method":"ping","result":{}}"#, 400, -32600, id: 5),
        Case("a member twice", #"{"jsonrpc":"2.0","id":5,"method":"ping","method":"tools/list"}"#, 400, -32600),
        Case("an id of null", #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32600),
        Case("an id with a fraction", #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, 400, -32600),
        Case("an id that is an object", #"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, 400, -32600),
        Case("an id that is true", #"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, 400, -32600),
        Case("an endless id", Self.longID, 400, -32600),
        Case("params that are an array", #"{"jsonrpc":"2.0","id":"a","method":"ping","params":[]}"#, 400, -32600, id: "a"),
        Case("params that are a string", #"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":"x"}"#, 400, -32600, id: "a"),
        Case("an unknown method", #"{"jsonrpc":"2.0","id":"a","method":"tools/destroy"}"#, 200, -32601, id: "a"),
        Case("a method that is not offered", #"{"jsonrpc":"2.0","id":5,"method":"resources/list"}"#, 200, -32601, id: 5),
        Case("a cursor that is a number", #"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"cursor":1}}"#, 200, -32602, id: 5),
        Case("a cursor of nobody's", #"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"cursor":"x"}}"#, 200, -32602, id: 5),
        Case("a call of nothing", #"{"jsonrpc":"2.0","id":5,"method":"tools/call"}"#, 200, -32602, id: 5),
        Case("a call of a number", #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":3}}"#, 200, -32602, id: 5),
        Case("an unknown tool", #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"rm"}}"#, 200, -32602, id: 5),
        Case(
            "arguments that are an array", #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"execute","arguments":[]}}"#,
            200, -32602,
            id: 5),
        Case("a second initialize", Self.initialize, 400, -32600, id: 5),
    ]

    private static let heads: [Case] = [
        Case("no content type", ["Content-Type": nil], 415, -32600), Case("plain text", ["Content-Type": "text/plain"], 415, -32600),
        Case("another charset", ["Content-Type": "application/json; charset=latin1"], 415, -32600),
        Case("a form", ["Content-Type": "application/x-www-form-urlencoded"], 415, -32600),
        Case("only JSON accepted", ["Accept": "application/json"], 406, -32600),
        Case("only events accepted", ["Accept": "text/event-stream"], 406, -32600),
        Case("HTML accepted", ["Accept": "text/html"], 406, -32600),
        Case("events refused", ["Accept": "*/*, text/event-stream;q=0"], 406, -32600),
        Case("no session", ["Mcp-Session-Id": nil], 400, -32600, id: 5),
        Case("an empty session", ["Mcp-Session-Id": ""], 400, -32600, id: 5),
        Case("an unknown session", ["Mcp-Session-Id": "nobody"], 404, -32600, id: 5),
        Case("an endless session", ["Mcp-Session-Id": String(repeating: "s", count: 1000)], 404, -32600, id: 5),
        Case("a session with a blank in it", ["Mcp-Session-Id": "no body"], 404, -32600, id: 5),
        Case("an unknown protocol version", ["MCP-Protocol-Version": "1999-01-01"], 400, -32022, id: 5),
        Case("an empty protocol version", ["MCP-Protocol-Version": ""], 400, -32022, id: 5),
        Case("the revision without sessions", ["MCP-Protocol-Version": "2026-07-28"], 404, -32601, id: 5),
        Case("GET without a session", method: .GET, ["Mcp-Session-Id": nil], 400, -32600),
        Case("GET of an unknown session", method: .GET, ["Mcp-Session-Id": "nobody"], 404, -32600),
        Case("GET of no stream", method: .GET, ["Accept": "application/json"], 406, -32600),
        Case("GET after an event that never was", method: .GET, ["Last-Event-ID": "x"], 400, -32600),
        Case("GET of the revision without sessions", method: .GET, ["MCP-Protocol-Version": "2026-07-28"], 405, -32600),
        Case("PUT", method: .PUT, [:], 405, -32600),
        Case("PATCH", method: .PATCH, [:], 405, -32600),
        Case("DELETE without a session", method: .DELETE, ["Mcp-Session-Id": nil], 400, -32600),
        Case("DELETE of an unknown session", method: .DELETE, ["Mcp-Session-Id": "nobody"], 404, -32600),
        Case("no key", ["Authorization": nil], 401, nil), Case("a wrong key", ["Authorization": "Bearer roost_wrong"], 401, nil),
        Case("an origin that is not allowed", ["Origin": "https://evil.example"], 403, nil),
    ]

    @Test("each malformed message has its status and its code, and the session works after it")
    func messages() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            for wrong in Self.bodies + Self.heads {
                let answer = try await roost.send(wrong, session: session)
                #expect(answer.status == wrong.status, "\(wrong.name)")
                #expect(
                    answer.json["error"]?["code"]?.int == wrong.code,
                    "\(wrong.name): \(String(decoding: answer.bytes.prefix(300), as: UTF8.self))")
                if wrong.code != nil { #expect(answer.json["id"] == wrong.id, "\(wrong.name)") }
                #expect(try await roost.ping(session).status == 200, "the session after \(wrong.name)")
            }
            let result = try await roost.execute("return 6 * 7", session: session)
            #expect(result["structuredContent"]?["result"]?.int == 42)
        }
    }

    @Test("what is odd but allowed is served")
    func odd() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let served: [Case] = [
                Case(
                    "a long string for an id", #"{"jsonrpc":"2.0","id":"\#(String(repeating: "i", count: 500))","method":"ping"}"#, 200, nil
                ),
                Case("a large id", #"{"jsonrpc":"2.0","id":-123456789012345678901234567890,"method":"ping"}"#, 200, nil),
                Case("an empty cursor", #"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"cursor":""}}"#, 200, nil),
                Case(
                    "members that nobody knows", #"{"jsonrpc":"2.0","id":5,"method":"ping","x":[{}],"params":{"_meta":{"a":1}}}"#, 200, nil),
                Case("a byte order mark", bytes: Self.marked, 200, nil),
                Case("blanks around it", " \r\n\t\(Self.ping)\n", 200, nil),
                Case("an unknown notification", #"{"jsonrpc":"2.0","method":"notifications/whatever"}"#, 202, nil),
                Case(
                    "a cancellation of nothing", #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#, 202,
                    nil),
                Case("a stray answer", #"{"jsonrpc":"2.0","id":1,"result":{}}"#, 202, nil),
                Case("everything accepted", ["Accept": "*/*"], 200, nil), Case("no Accept", ["Accept": nil], 200, nil),
                Case("upper case", ["Content-Type": "Application/JSON; Charset=UTF-8"], 200, nil),
                Case("the session's version", ["MCP-Protocol-Version": "2025-11-25"], 200, nil),
                Case("another version that is served", ["MCP-Protocol-Version": "2025-03-26"], 200, nil),
            ]
            for odd in served {
                let answer = try await roost.send(odd, session: session)
                #expect(answer.status == odd.status, "\(odd.name)")
                #expect(answer.json["error"] == nil, "\(odd.name)")
                if odd.status == 200 {
                    let sent = try JSONValue(parsing: String(decoding: odd.body, as: UTF8.self))
                    #expect(answer.json["id"] == sent["id"], "\(odd.name)")
                }
            }
        }
    }
}

extension RunningRoost {
    fileprivate func send(_ wrong: MalformedTests.Case, session: String) async throws -> Answer {
        var fields: [String: String?] = [
            "Authorization": "Bearer \(self.agentKey)", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream", "Mcp-Session-Id": session,
        ]
        for (name, value) in wrong.headers { fields.updateValue(value, forKey: name) }
        var request = HTTPClientRequest(url: self.mcpURL)
        request.method = wrong.method
        for (name, value) in fields { if let value { request.headers.add(name: name, value: value) } }
        if !wrong.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: wrong.body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, bytes: Array(bytes.readableBytesView))
    }
}
