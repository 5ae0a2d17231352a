import Channel
import JSON
import MCP
import Model
import SSE
import SessionAPI
import Sessions
import Testing

@Suite("The contract between gateway and session-service")
struct SessionAPITests {
    private static func caller(_ method: Principal.Method, role: Principal.Role = .agent) -> SessionCaller {
        SessionCaller(
            principal: Principal(organization: OrganizationID(), account: AccountID(), role: role, method: method), resource: "/mcp")
    }

    @Test("a caller is read back from its headers", arguments: Principal.Role.allCases)
    func callers(role: Principal.Role) {
        let methods: [Principal.Method] = [
            .apiKey(APIKeyID()), .execution(ExecutionID()), .token(issuer: "https://issuer.example/ü", subject: "a b\u{0}\n\"😀"),
            .token(issuer: "", subject: ""),
        ]
        for method in methods {
            let caller = Self.caller(method, role: role)
            #expect(SessionCallers().caller(caller.headers()) == caller)
            #expect(caller.headers().allSatisfy { $0.name.hasPrefix(SessionHeaders.prefix) })
        }
    }

    @Test("routes are read back from method and path")
    func endpoints() {
        for endpoint in [SessionEndpoint.open, .message, .close, .closeRecord(SessionRecordID())] {
            #expect(SessionEndpoint(method: endpoint.method, path: endpoint.path) == endpoint)
        }
        #expect(SessionEndpoint(method: "DELETE", path: "/sessions/") == nil)
    }

    @Test("a failure is told by what may have happened")
    func failures() throws {
        let call = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"x"}}"#.utf8))
        let ping = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#.utf8))
        #expect(SessionAPIError(.unreachable, "").answer(to: call).code == .unavailable)
        #expect(SessionAPIError(.interrupted, "").answer(to: call).code == .executionInterrupted)
        #expect(SessionAPIError(.interrupted, "").answer(to: ping).code == .unavailable)
        #expect(SessionAPIError(.interrupted, "").answer(to: ping).id == JSONRPCID(4))
        #expect(SessionAPIError(.interrupted, "").answer(to: nil).code == .unavailable)
        #expect(SessionAPIError(.timedOut, "").answer(to: call).code == .callTimedOut)
        #expect(SessionAPIError(.timedOut, "").answer(to: ping).code == .unavailable)
    }

    @Test("room for unread answers is bounded, given back, and not needed by small ones")
    func room() throws {
        let unread = UnreadAnswers(maxBytes: 200_000)
        #expect(try unread.takeRoom(for: 1000) == nil)
        var first = try unread.takeRoom(for: 150_000)
        #expect(first != nil)
        #expect(unread.byteCount == 150_000)
        #expect(throws: UnreadAnswers.Full.self) { try unread.takeRoom(for: 100_000) }
        first = nil
        #expect(unread.byteCount == 0)
        #expect(try unread.takeRoom(for: 100_000) != nil)
    }

    @Test("a stream is passed on in whole events, and one that breaks off ends in a typed error", arguments: 1...40)
    func streams(chunkSize: Int) async throws {
        let events = MCPAnswer.event(Array(#"{"a":1}"#.utf8)) + ServerSentEvent.keepAlive + MCPAnswer.event(Array(#"{"b":2}"#.utf8))
        for isBroken in [false, true] {
            let bytes = isBroken ? events + Array("event: message\ndata: {\"trunc".utf8) : events
            let handler = ClosureChannelHandler { _ in
                ChannelResponse(
                    status: 200, headers: ["content-type": "text/event-stream"],
                    body: .stream { writer in
                        for start in stride(from: 0, to: bytes.count, by: chunkSize) {
                            try await writer.write(Array(bytes[start..<min(start + chunkSize, bytes.count)]))
                        }
                        if isBroken { throw ChannelError(.reset, "") }
                    })
            }
            let server = InMemoryChannelServer(handler: handler)
            let channel = InMemoryChannelClient(server: server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                group.addTask { try await channel.run() }
                let message = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"x"}}"#.utf8))
                let answer = try await SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 1 << 20)).send(
                    message, session: "s", for: Self.caller(.apiKey(APIKeyID())), timeout: nil, trace: nil)
                guard case .events(let stream) = answer.body else { return #expect(Bool(false)) }
                var parser = ServerSentEventParser()
                var messages: [JSONValue] = []
                for await chunk in stream {
                    #expect(chunk.suffix(2) == [UInt8(ascii: "\n"), UInt8(ascii: "\n")])
                    for event in try parser.parse(chunk) { messages.append(try JSONValue(parsing: event.data)) }
                }
                #expect(messages.prefix(2) == [["a": 1], ["b": 2]])
                #expect(messages.count == (isBroken ? 3 : 2))
                if isBroken {
                    #expect(messages.last?["id"] == 4)
                    #expect(messages.last?["error"]?["data"]?["code"] == "execution_interrupted")
                }
                group.cancelAll()
            }
        }
    }

    @Test("a stream that breaks off is told by whoever can find out more, and one that ends is not")
    func narrator() async throws {
        for isBroken in [false, true] {
            let handler = ClosureChannelHandler { _ in
                ChannelResponse(
                    status: 200, headers: ["content-type": "text/event-stream"],
                    body: .stream { writer in
                        try await writer.write(MCPAnswer.event(Array(#"{"a":1}"#.utf8)))
                        if isBroken { throw ChannelError(.reset, "") }
                    })
            }
            let server = InMemoryChannelServer(handler: handler)
            let channel = InMemoryChannelClient(server: server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                group.addTask { try await channel.run() }
                let message = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"x"}}"#.utf8))
                let answer = try await SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 1 << 20)).send(
                    message, session: "s", for: Self.caller(.apiKey(APIKeyID())), timeout: nil, trace: nil)
                let told = answer.narrating { error, canComeBack in
                    #expect(isBroken && !canComeBack)
                    var error = error
                    error.data["retryable"] = true
                    return error
                }
                let messages = try await told.messages
                #expect(messages.count == (isBroken ? 2 : 1))
                if isBroken {
                    #expect(messages.last?["id"] == 4)
                    #expect(messages.last?["error"]?["data"] == ["code": "execution_interrupted", "retryable": true])
                }
                group.cancelAll()
            }
        }
    }

    @Test("a stream that began with an id ends without a word when its answer is kept, and no other one does", arguments: [true, false])
    func comingBack(isKept: Bool) async throws {
        let priming = MCPAnswer.priming(id: "str_1:0")
        let progress = MCPAnswer.event(Array(#"{"a":1}"#.utf8), id: "str_1:1")
        let beginnings = [
            priming, priming + progress, progress, MCPAnswer.event(Array(#"{"a":1}"#.utf8)), ServerSentEvent.keepAlive + priming, [],
        ]
        for (index, beginning) in beginnings.enumerated() {
            let handler = ClosureChannelHandler { _ in
                ChannelResponse(
                    status: 200, headers: ["content-type": "text/event-stream"],
                    body: .stream { writer in
                        if !beginning.isEmpty { try await writer.write(beginning) }
                        throw ChannelError(.reset, "")
                    })
            }
            try await Self.withClient(of: handler) { client in
                let answer = try await client.send(
                    Self.call(), session: "s", for: Self.caller(.apiKey(APIKeyID())), timeout: nil, trace: nil)
                let told = answer.narrating { error, canComeBack in
                    #expect(canComeBack == (index < 2))
                    return isKept ? nil : error
                }
                // A client that does not come back by itself is told in any case.
                let isTold = !isKept || index >= 2
                let code: JSONValue? = isTold ? "execution_interrupted" : nil
                let last = try await told.messages.last
                #expect(last?["error"]?["data"]?["code"] == code, "\(index)")
            }
        }
    }

    @Test("an event larger than may be is no reason to come back")
    func tooLargeEvent() async throws {
        let handler = ClosureChannelHandler { _ in
            ChannelResponse(
                status: 200, headers: ["content-type": "text/event-stream"],
                body: .stream { writer in
                    try await writer.write(MCPAnswer.priming(id: "str_1:0"))
                    for _ in 0...(SessionEventStream.maxEventBytes >> 16) {
                        try await writer.write([UInt8](repeating: 0x78, count: 64 << 10))
                    }
                })
        }
        try await Self.withClient(of: handler) { client in
            let answer = try await client.send(Self.call(), session: "s", for: Self.caller(.apiKey(APIKeyID())), timeout: nil, trace: nil)
            let told = answer.narrating { error, canComeBack in canComeBack ? nil : error }
            #expect(try await told.messages.last?["error"]?["data"]?["code"] == "execution_interrupted")
        }
    }

    private static func call() throws -> MCPEnvelope {
        try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"x"}}"#.utf8))
    }

    /// Runs `body` with a client of a handler in memory.
    private static func withClient(of handler: some ChannelHandler, _ body: (SessionClient) async throws -> Void) async throws {
        let server = InMemoryChannelServer(handler: handler)
        let channel = InMemoryChannelClient(server: server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await channel.run() }
            try await body(SessionClient(channel: channel, unread: UnreadAnswers(maxBytes: 64 << 20)))
            group.cancelAll()
        }
    }

    @Test("an event for which the process has no room ends its stream in a typed error; the next stream finds the room again")
    func roomOfStreams() async throws {
        let event = MCPAnswer.event(Array(#"{"a":"\#(String(repeating: "x", count: 1 << 20))"}"#.utf8))
        let handler = ClosureChannelHandler { _ in
            ChannelResponse(
                status: 200, headers: ["content-type": "text/event-stream"],
                body: .stream { writer in
                    for start in stride(from: 0, to: event.count, by: 64 << 10) {
                        try await writer.write(Array(event[start..<min(start + (64 << 10), event.count)]))
                    }
                })
        }
        let server = InMemoryChannelServer(handler: handler)
        let channel = InMemoryChannelClient(server: server)
        let unread = UnreadAnswers(maxBytes: 2 << 20)
        let client = SessionClient(channel: channel, unread: unread)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await channel.run() }
            let message = try MCPEnvelope.peek(Array(#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"x"}}"#.utf8))
            func open() async throws -> SessionEventStream {
                let answer = try await client.send(
                    message, session: "s", for: Self.caller(.apiKey(APIKeyID())), timeout: nil, trace: nil)
                return try answer.events
            }
            var first = try await open().makeAsyncIterator()
            #expect(await first.next()?.count == event.count)
            // The first event was given out and not yet passed on, so its room is still taken.
            var second = try await open().makeAsyncIterator()
            let refused = String(decoding: try #require(await second.next()), as: UTF8.self)
            #expect(refused.contains("answer_dropped"))
            #expect(await second.next() == nil)
            #expect(await first.next() == nil)
            #expect(unread.byteCount == 0)
            var third = try await open().makeAsyncIterator()
            #expect(await third.next()?.count == event.count)
            group.cancelAll()
        }
    }
}
