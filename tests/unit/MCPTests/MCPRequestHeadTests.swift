import JSON
import MCP
import Testing

@Suite("The checks of a request's head")
struct MCPRequestHeadTests {
    private static let good = ["accept": ["application/json, text/event-stream"], "content-type": ["application/json"]]

    private static func head(_ method: String = "POST", _ changes: [String: [String]] = [:]) -> MCPRequestHead {
        let headers = Self.good.merging(changes) { $1 }
        return MCPRequestHead(method: method) { headers[$0] ?? [] }
    }

    private static func envelope(_ method: String = "ping", id: Int? = 5, meta: String? = nil) throws -> MCPEnvelope {
        let params = meta.map { #","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"\#($0)"}}"# } ?? ""
        let id = id.map { #","id":\#($0)"# } ?? ""
        return try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","method":"\#(method)"\#(id)\#(params)}"#.utf8))
    }

    private static func refusal(of head: MCPRequestHead, _ envelope: MCPEnvelope? = nil) throws -> MCPError {
        try #require(throws: MCPError.self) {
            try head.admit()
            if let envelope { _ = try head.route(envelope) }
        }
    }

    @Test("a good request passes to where it belongs")
    func passes() throws {
        #expect(try Self.head().admit() == nil)
        #expect(try Self.head().route(Self.envelope("initialize")) == .open(stale: nil))
        #expect(try Self.head("POST", ["mcp-session-id": ["abc"]]).route(Self.envelope("initialize")) == .open(stale: "abc"))
        #expect(try Self.head("POST", ["mcp-session-id": [""]]).route(Self.envelope("initialize")) == .open(stale: nil))
        #expect(try Self.head("POST", ["mcp-session-id": ["abc"]]).route(Self.envelope()) == .message(session: "abc"))
        #expect(try Self.head("POST", ["mcp-session-id": ["abc"]]).route(Self.envelope("x", id: nil)) == .message(session: "abc"))
        #expect(try Self.head("DELETE", ["mcp-session-id": ["abc"]]).admit() == .close(session: "abc"))
    }

    @Test(
        "media types that cannot be served are refused",
        arguments: [
            ("accept", ["application/json"], 406), ("accept", ["text/event-stream"], 406), ("accept", ["text/html"], 406),
            ("accept", [""], 406),
            ("accept", ["application/json, text/event-stream;q=0"], 406), ("accept", ["*/*, text/event-stream;q=0.000"], 406),
            ("content-type", ["text/plain"], 415), ("content-type", [], 415), ("content-type", ["application/jsonl"], 415),
            ("content-type", ["application/json; charset=latin1"], 415), ("content-type", ["application/json", "text/plain"], 415),
        ])
    func mediaTypesRefused(name: String, values: [String], status: Int) throws {
        let error = try Self.refusal(of: Self.head("POST", [name: values]))
        #expect(error.code.httpStatus == status)
        #expect(error.code.rpcCode == -32600)
    }

    @Test(
        "media types are read as RFC 9110 says",
        arguments: [
            ("accept", ["*/*"]), ("accept", ["application/*, text/*"]), ("accept", ["application/json", "text/event-stream"]),
            ("accept", []),
            ("accept", ["Text/Event-Stream ; q=0.5,APPLICATION/JSON"]), ("content-type", ["application/json;charset=utf-8"]),
            ("content-type", ["Application/JSON; charset=\"UTF-8\""]),
        ])
    func mediaTypesAccepted(name: String, values: [String]) throws {
        #expect(throws: Never.self) { try Self.head("POST", [name: values]).admit() }
    }

    @Test("other HTTP methods get 405 and are told which exist", arguments: ["PUT", "PATCH", "HEAD", "get"])
    func methods(method: String) throws {
        let error = try Self.refusal(of: Self.head(method))
        #expect(error.code.httpStatus == 405)
        #expect(error.headers.contains { $0 == ("allow", "GET, POST, DELETE") })
    }

    @Test("GET goes to the session's stream, a new one or the rest of one")
    func listening() throws {
        let session = ["mcp-session-id": ["abc"]]
        #expect(try Self.head("GET", session).admit() == .listen(session: "abc", after: nil))
        #expect(try Self.head("GET", session.merging(["last-event-id": ["e:1"]]) { $1 }).admit() == .listen(session: "abc", after: "e:1"))
        #expect(try Self.head("GET", session.merging(["last-event-id": [""]]) { $1 }).admit() == .listen(session: "abc", after: nil))
        #expect(try Self.head("GET", session.merging(["accept": ["text/event-stream"]]) { $1 }).admit() != nil)
        #expect(try Self.refusal(of: Self.head("GET", session.merging(["accept": ["application/json"]]) { $1 })).code == .notAcceptable)
        #expect(try Self.refusal(of: Self.head("GET")).code == .missingSession)
        for bad in [["a", "b"], ["\u{7F}"], ["a b"], [String(repeating: "a", count: 129)]] {
            let error = try Self.refusal(of: Self.head("GET", session.merging(["last-event-id": bad]) { $1 }))
            #expect(error.code == .unknownEvent)
            #expect(error.code.httpStatus == 400)
        }
    }

    @Test("GET and DELETE of the revision without sessions get 405 and POST alone", arguments: ["GET", "DELETE"])
    func statelessMethods(method: String) throws {
        let error = try Self.refusal(of: Self.head(method, ["mcp-protocol-version": ["2026-07-28"], "mcp-session-id": ["a"]]))
        #expect(error.code.httpStatus == 405)
        #expect(error.headers.contains { $0 == ("allow", "POST") })
    }

    @Test(
        "a request of the revision without sessions gets 404 and -32601, by header or by body",
        arguments: [
            (header: "2026-07-28" as String?, meta: nil as String?), ("2026-07-28", "2026-07-28"), (nil, "2026-07-28"),
            ("2025-11-25", "2026-07-28"), ("2026-07-28", "2025-11-25"),
        ], ["initialize", "ping", "server/discover", "tools/call"])
    func stateless(versions: (header: String?, meta: String?), method: String) throws {
        let head = Self.head("POST", ["mcp-protocol-version": versions.header.map { [$0] } ?? [], "mcp-session-id": ["a"]])
        let error = try Self.refusal(of: head, Self.envelope(method, meta: versions.meta))
        #expect(error.code.httpStatus == 404)
        #expect(error.code.rpcCode == -32601)
        #expect(error.id == JSONRPCID(5))
    }

    @Test("every revision with sessions is taken in the header, whatever the session's is", arguments: MCPRevision.served)
    func revisions(revision: MCPRevision) throws {
        let head = Self.head("POST", ["mcp-protocol-version": [revision.rawValue], "mcp-session-id": ["a"]])
        #expect(try head.route(Self.envelope()) == .message(session: "a"))
        #expect(try head.route(Self.envelope("initialize")) == .open(stale: "a"))
    }

    @Test("an unknown revision gets 400 and -32022 with what is supported", arguments: ["2099-01-01", "1.0", "", "2025-11-25 "])
    func unknownRevision(revision: String) throws {
        for head in [Self.head("POST", ["mcp-protocol-version": [revision], "mcp-session-id": ["a"]])] {
            let error = try Self.refusal(of: head, Self.envelope())
            #expect(error.code.httpStatus == 400)
            #expect(error.code.rpcCode == -32022)
            #expect(error.id == JSONRPCID(5))
            #expect(error.data["supported"]?.array?.count == MCPRevision.served.count)
            #expect(error.data["requested"]?.string == revision)
        }
        #expect(
            try Self.refusal(of: Self.head("DELETE", ["mcp-protocol-version": [revision], "mcp-session-id": ["a"]])).code.rpcCode == -32022)
        #expect(try Self.refusal(of: Self.head(), Self.envelope(meta: "2099-01-01")).code.rpcCode == -32022)
    }

    @Test("without a session id everything but initialize gets 400")
    func missingSession() throws {
        for method in ["ping", "tools/list", "notifications/initialized"] {
            let error = try Self.refusal(of: Self.head(), Self.envelope(method))
            #expect(error.code.httpStatus == 400)
            #expect(error.code.rpcCode == -32600)
            #expect(error.id == JSONRPCID(5))
        }
        #expect(try Self.refusal(of: Self.head("DELETE")).code.httpStatus == 400)
    }

    @Test(
        "an id that cannot be one of ours is answered like an unknown session", arguments: ["a b", "é", String(repeating: "x", count: 200)])
    func impossibleSession(session: String) throws {
        let error = try Self.refusal(of: Self.head("POST", ["mcp-session-id": [session]]), Self.envelope())
        #expect(error == .unknownSession(JSONRPCID(5)))
        #expect(error.code.httpStatus == 404)
    }

    @Test("fields that contradict themselves are refused")
    func contradictions() throws {
        #expect(try Self.refusal(of: Self.head("POST", ["mcp-session-id": ["a", "b"]]), Self.envelope()).code == .invalidRequest)
        let head = Self.head("POST", ["mcp-session-id": ["a"], "mcp-protocol-version": ["2025-11-25", "2025-06-18"]])
        #expect(try Self.refusal(of: head, Self.envelope()).code == .invalidRequest)
    }
}
