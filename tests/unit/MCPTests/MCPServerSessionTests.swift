import JSON
import MCP
import Testing

/// A session under test; a class, because `#expect` cannot change a value.
private final class Subject {
    private var session: MCPServerSession

    init(_ revision: MCPRevision, maxCallsInFlight: Int = 32) {
        self.session = MCPServerSession(revision: revision, maxCallsInFlight: maxCallsInFlight)
    }

    var callCount: Int { self.session.callCount }
    func receive(_ message: MCPClientMessage) -> MCPServerSession.Action { self.session.receive(message) }
    func finish(_ number: MCPServerSession.CallNumber) -> Bool { self.session.finish(number) }
    func close() -> [MCPServerSession.CallNumber] { self.session.close() }
}

@Suite("The state of a session")
struct MCPServerSessionTests {
    static func message(_ method: String, id: String? = "1", params: String? = nil) throws -> MCPClientMessage {
        let id = id.map { #","id":\#($0)"# } ?? ""
        let params = params.map { #","params":\#($0)"# } ?? ""
        return try MCPClientMessage(try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","method":"\#(method)"\#(id)\#(params)}"#.utf8)))
    }

    static func call(id: String = "1") throws -> MCPClientMessage { try self.message("tools/call", id: id, params: #"{"name":"execute"}"#) }

    @Test(
        "every message has its answer, in every revision",
        arguments: MCPRevision.served,
        [
            ("ping", "1", "{}", "answer"), ("tools/list", "1", nil, "list"), ("tools/list", "1", #"{"cursor":""}"#, "list"),
            ("tools/list", "1", #"{"cursor":"x"}"#, "-32602"), ("tools/call", "1", #"{"name":"execute","arguments":{}}"#, "start"),
            ("initialize", "1", #"{"protocolVersion":"2025-11-25"}"#, "-32600"), ("resources/list", "1", nil, "-32601"),
            ("logging/setLevel", "1", nil, "-32601"), ("completion/complete", "1", nil, "-32601"), ("server/discover", "1", nil, "-32601"),
            ("notifications/initialized", nil, nil, "acknowledge"), ("notifications/cancelled", nil, #"{"requestId":9}"#, "acknowledge"),
            ("notifications/cancelled", nil, nil, "acknowledge"), ("notifications/cancelled", nil, #"{"requestId":null}"#, "acknowledge"),
            ("notifications/roots/list_changed", nil, nil, "acknowledge"), ("notifications/unknown", nil, nil, "acknowledge"),
        ] as [(String, String?, String?, String)])
    func table(revision: MCPRevision, row: (method: String, id: String?, params: String?, expected: String)) throws {
        let session = Subject(revision)
        let action = session.receive(try Self.message(row.method, id: row.id, params: row.params))
        #expect(Self.name(action) == row.expected)
    }

    static func name(_ action: MCPServerSession.Action) -> String {
        switch action {
        case .answer: "answer"
        case .acknowledge: "acknowledge"
        case .listTools: "list"
        case .start: "start"
        case .stop: "stop"
        case .refuse(let error): String(error.code.rpcCode)
        }
    }

    @Test("an answer of the client to nothing is accepted")
    func strayResponse() throws {
        let session = Subject(.june2025)
        let message = try MCPClientMessage(try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":3,"result":{}}"#.utf8)))
        #expect(Self.name(session.receive(message)) == "acknowledge")
    }

    @Test(
        "parameters of a wrong form are refused under the request's id",
        arguments: [
            ("initialize", "{}"), ("initialize", #"{"protocolVersion":1}"#), ("initialize", #"{"protocolVersion":"x","capabilities":[]}"#),
            ("initialize", #"{"protocolVersion":"x","clientInfo":"me"}"#), ("tools/list", #"{"cursor":1}"#), ("tools/call", "{}"),
            ("tools/call", #"{"name":1}"#), ("tools/call", #"{"name":"execute","arguments":[]}"#),
            ("tools/call", #"{"name":"a","name":"b"}"#),
        ])
    func invalidParameters(method: String, params: String) throws {
        let error = try #require(throws: MCPError.self) { try Self.message(method, id: "4", params: params) }
        #expect(error.code == .invalidParams)
        #expect(error.id == JSONRPCID(4))
        #expect(error.code.httpStatus == 200)
    }

    @Test("what a client says about itself is bounded")
    func clientDescription() throws {
        let info = #"{"name":"\#(String(repeating: "x", count: 5000))","version":"1"}"#
        #expect(throws: MCPError.self) {
            try Self.message("initialize", params: #"{"protocolVersion":"2025-06-18","clientInfo":\#(info)}"#)
        }
    }

    @Test("only the call that a cancellation names is stopped, and its answer is dropped")
    func cancellation() throws {
        let session = Subject(.november2025)
        guard case .start(let first, _, _) = session.receive(try Self.call(id: "1")) else { return #expect(Bool(false)) }
        guard case .start(let second, _, _) = session.receive(try Self.call(id: #""1""#)) else { return #expect(Bool(false)) }
        guard case .stop(first) = session.receive(try Self.message("notifications/cancelled", id: nil, params: #"{"requestId":1}"#)) else {
            return #expect(Bool(false))
        }
        #expect(
            Self.name(session.receive(try Self.message("notifications/cancelled", id: nil, params: #"{"requestId":1}"#))) == "acknowledge")
        #expect(!session.finish(first))
        #expect(session.finish(second))
        #expect(!session.finish(second))
        #expect(session.callCount == 0)
    }

    @Test("calls with one id all run, and none of them can be cancelled by it")
    func collidingIDs() throws {
        let session = Subject(.november2025)
        guard case .start(let first, _, _) = session.receive(try Self.call()),
            case .start(let second, _, _) = session.receive(try Self.call())
        else {
            return #expect(Bool(false))
        }
        #expect(first != second)
        let cancel = try Self.message("notifications/cancelled", id: nil, params: #"{"requestId":1}"#)
        #expect(Self.name(session.receive(cancel)) == "acknowledge")
        #expect(session.finish(first))
        #expect(Self.name(session.receive(cancel)) == "stop")
        #expect(!session.finish(second))
    }

    @Test("more calls than allowed are refused until one ends")
    func callBound() throws {
        let session = Subject(.june2025, maxCallsInFlight: 2)
        guard case .start(let first, _, _) = session.receive(try Self.call()) else { return #expect(Bool(false)) }
        #expect(Self.name(session.receive(try Self.call())) == "start")
        guard case .refuse(let error) = session.receive(try Self.call(id: "7")) else { return #expect(Bool(false)) }
        #expect(error.code == .tooManyCalls)
        #expect(error.code.httpStatus == 429)
        #expect(error.data["code"] == "too_many_calls")
        #expect(error.headers.contains { $0 == ("retry-after", "1") })
        #expect(session.finish(first))
        #expect(Self.name(session.receive(try Self.call())) == "start")
    }

    @Test("a closed session answers nothing and gives its calls back")
    func closing() throws {
        let session = Subject(.june2025)
        guard case .start(let number, _, _) = session.receive(try Self.call()) else { return #expect(Bool(false)) }
        #expect(session.close() == [number])
        for method in ["ping", "tools/list", "initialized"] {
            guard case .refuse(let error) = session.receive(try Self.message(method, id: "2")) else { return #expect(Bool(false)) }
            #expect(error == .unknownSession(JSONRPCID(2)))
        }
        #expect(session.finish(number))
    }

    @Test("random sequences keep the books right", arguments: 0..<50 as Range<UInt64>)
    func randomSequences(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let session = Subject(.november2025, maxCallsInFlight: 5)
        var running: [(number: MCPServerSession.CallNumber, id: String, isStopped: Bool)] = []
        for _ in 0..<400 {
            let id = String(Int.random(in: 0...3, using: &generator))
            switch Int.random(in: 0...3, using: &generator) {
            case 0, 1:
                switch session.receive(try Self.call(id: id)) {
                case .start(let number, let answered, _):
                    #expect(running.count < 5)
                    #expect(answered.description == id)
                    #expect(!running.contains { $0.number == number })
                    running.append((number, id, false))
                case .refuse(let error):
                    #expect(running.count == 5)
                    #expect(error.code == .tooManyCalls)
                default: Issue.record("a call is started or refused")
                }
            case 2:
                let named = running.indices.filter { running[$0].id == id }
                let message = try Self.message("notifications/cancelled", id: nil, params: #"{"requestId":\#(id)}"#)
                switch session.receive(message) {
                case .stop(let number):
                    #expect(named.map { running[$0].number } == [number])
                    if let index = named.first { running[index].isStopped = true }
                case .acknowledge:
                    #expect(named.count != 1 || named.allSatisfy { running[$0].isStopped })
                default: Issue.record("a cancellation stops a call or nothing")
                }
            default:
                guard let index = running.indices.randomElement(using: &generator) else { continue }
                let call = running.remove(at: index)
                #expect(session.finish(call.number) == !call.isStopped)
            }
            #expect(session.callCount == running.count)
        }
    }
}
