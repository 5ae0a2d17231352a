import Channel
import JSON
import MCP
import Model
import SSE
import SessionAPI
import Store
import Synchronization
import TestSupport
import Testing

@testable import Sessions

@Suite("Calls of a session", .timeLimit(.minutes(2)))
struct SessionCallTests {
    /// Defines a tool that waits at a gate and then answers its own name.
    private static func defineSlow(_ harness: SessionHarness, _ gate: Latch) {
        harness.stacks.define("slow") { call, _ in
            await gate.wait()
            return .result(MCPToolResult(content: [.text(call.arguments.string)]))
        }
    }

    @Test("a call that takes long is answered in a stream, kept alive by comments")
    func stream() async throws {
        var limits = SessionLimits()
        limits.callTimeout = .seconds(1 << 40)
        limits.deliveryTimeout = .seconds(1 << 40)
        try await SessionHarness.run(limits: limits) { harness in
            let gate = Latch()
            Self.defineSlow(harness, gate)
            let session = try await harness.open()
            async let pending = harness.call("slow", id: "5", session: session)
            await harness.passEventDelay()
            let answer = try await pending
            #expect(answer.status == 200)
            #expect(answer.header("content-type") == "text/event-stream")
            var events = try answer.events.makeAsyncIterator()
            let first = String(decoding: try #require(await events.next()), as: UTF8.self)
            #expect(first.hasPrefix("id: str_") && first.hasSuffix(":0\ndata: \n\n"))
            try await harness.withRunningClock {
                for _ in 0..<3 {
                    let event = await events.next()
                    #expect(event?.starts(with: ServerSentEvent.keepAlive) == true)
                }
            }
            gate.open()
            var event = try #require(await events.next())
            while event == ServerSentEvent.keepAlive { event = try #require(await events.next()) }
            #expect(String(decoding: event, as: UTF8.self).hasPrefix("event: message\n\(first.prefix { $0 != ":" }): "))
            #expect(String(decoding: event, as: UTF8.self).contains("\ndata: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\""))
            #expect(await events.next() == nil)
        }
    }

    @Test("progress opens the stream at once and only goes up; without a token there is none")
    func progress() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            harness.stacks.define("count") { _, progress in
                for value in [1, 3, 2] { progress.report(value, message: "at \(value)") }
                await gate.wait()
                progress.report(9, message: nil)
                return .result(MCPToolResult(content: []))
            }
            let session = try await harness.open()
            let answer = try await harness.call("count", progressToken: #""t""#, session: session)
            var events = try answer.events.makeAsyncIterator()
            var first = ""
            while !first.contains("progress") { first += String(decoding: try #require(await events.next()), as: UTF8.self) }
            #expect(first.contains(#""params":{"progressToken":"t","progress":3,"message":"at 3"}"#))
            gate.open()
            var rest = ""
            while let event = await events.next() { rest += String(decoding: event, as: UTF8.self) }
            #expect(!rest.contains(#""progress":2"#))
            #expect(rest.contains(#""result":{"content":[]"#))
            let silent = try await harness.call("count", session: session)
            #expect(try silent.json["result"] != nil)
        }
    }

    @Test("a client that leaves has not cancelled: the call runs to its end")
    func disconnect() async throws {
        try await SessionHarness.run { harness in
            let (gate, ended) = (Latch(), Latch())
            harness.stacks.define("slow") { _, _ in
                await gate.wait()
                if !Task.isCancelled { ended.open() }
                return .result(MCPToolResult(content: []))
            }
            let session = try await harness.open()
            let request = Task { try await harness.call("slow", session: session) }
            try await gate.waitForVisitor()
            request.cancel()
            await #expect(throws: SessionAPIError.self) { _ = try await request.value }
            #expect(harness.service.callCount == 1)
            gate.open()
            await ended.wait()
            try await harness.until { harness.service.callCount == 0 }
            #expect(try await harness.send("ping", session: session).status == 200)
        }
    }

    @Test("a cancellation stops the call that it names, which is not answered, and no other")
    func cancellation() async throws {
        try await SessionHarness.run { harness in
            let started = Latch()
            harness.stacks.define("endless") { _, _ in
                started.open()
                try await Task.sleep(for: .seconds(3600))
                return .unknownTool
            }
            let gate = Latch()
            Self.defineSlow(harness, gate)
            let session = try await harness.open()
            async let cancelled = harness.call("endless", id: "1", session: session)
            async let other = harness.call("slow", id: #""1""#, session: session)
            await started.wait()
            try await gate.waitForVisitor()
            #expect(try await harness.send("notifications/cancelled", id: nil, params: #"{"requestId":1}"#, session: session).status == 202)
            #expect(try await cancelled.messages.isEmpty)
            gate.open()
            #expect(try await other.json["result"] != nil)
        }
    }

    @Test("calls with one id, from several connections, all get their own answer")
    func collidingIDs() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            Self.defineSlow(harness, gate)
            let session = try await harness.open()
            let answers = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { group in
                for number in 0..<8 {
                    group.addTask {
                        (number, try await harness.call("slow", id: "1", arguments: #"{"n":\#(number)}"#, session: session).json)
                    }
                }
                try await harness.until { harness.service.callCount == 8 }
                #expect(
                    try await harness.send("notifications/cancelled", id: nil, params: #"{"requestId":1}"#, session: session).status == 202)
                gate.open()
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for number in 0..<8 {
                #expect(answers[number]?["result"]?["content"]?[0]?["text"]?.string == #"{"n":\#(number)}"#)
            }
        }
    }

    @Test("calls beyond the session's bound get 429 and beyond the process's 503, before they begin")
    func bounds() async throws {
        var limits = SessionLimits()
        limits.mcp.maxCallsInFlight = 2
        limits.maxCalls = 3
        try await SessionHarness.run(limits: limits) { harness in
            let gate = Latch()
            Self.defineSlow(harness, gate)
            let (first, second) = (try await harness.open(), try await harness.open())
            async let running1 = harness.call("slow", id: "1", session: first)
            async let running2 = harness.call("slow", id: "2", session: first)
            async let running3 = harness.call("slow", id: "3", session: second)
            try await harness.until { harness.service.callCount == 3 }
            let session = try await harness.call("slow", id: "4", session: first)
            #expect(session.status == 429)
            #expect(session.header("retry-after") != nil)
            #expect(try session.json["error"]?["data"]?["code"] == "too_many_calls")
            let process = try await harness.call("slow", id: "5", session: second)
            #expect(process.status == 503)
            #expect(process.refusal == .overloaded)
            #expect(process.header("roost-refusal") == nil)
            #expect(try await harness.send("ping", session: first).status == 200)
            gate.open()
            for answer in try await [running1, running2, running3] { #expect(answer.status == 200) }
            try await harness.until { harness.service.callCount == 0 }
            #expect(try await harness.call("echo", session: first).status == 200)
        }
    }

    @Test("ending a session ends its calls in a typed error")
    func endingWithCalls() async throws {
        try await SessionHarness.run { harness in
            let started = Latch()
            harness.stacks.define("endless") { _, _ in
                started.open()
                try await Task.sleep(for: .seconds(3600))
                return .unknownTool
            }
            let session = try await harness.open()
            async let call = harness.call("endless", id: "3", session: session)
            await started.wait()
            #expect(try await harness.close(session).status == 204)
            #expect(try await call.json["error"]?["data"]?["code"] == "execution_interrupted")
            #expect(try await call.json["id"] == 3)
        }
    }

    @Test("whatever ends a call from outside, its error has what the stack tells of what was done", arguments: ["closed", "draining"])
    func toldWhenStopped(reason: String) async throws {
        try await SessionHarness.run { harness in
            let started = Latch()
            harness.stacks.define("endless") { _, _ in
                started.open()
                // Ends when it is cancelled, as a stack does, and then says what was done.
                try? await Task.sleep(for: .seconds(3600))
                return .stopped(["retryable": false, "calls": [["sequence": 1, "outcome": "done"]]])
            }
            let session = try await harness.open()
            async let call = harness.call("endless", id: "3", session: session)
            await started.wait()
            if reason == "closed" {
                #expect(try await harness.close(session).status == 204)
            } else {
                await harness.shutDown()
                _ = try await harness.untilRefused()
                harness.clock.advance(by: SessionLimits().drainTimeout)
            }
            let data = try await call.last?["error"]?["data"]
            #expect(data?["code"] == "execution_interrupted")
            #expect(data?["retryable"] == false)
            #expect(data?["calls"]?[0]?["outcome"] == "done")
        }
    }

    @Test("a call's execution is called as the gateway says, and otherwise as nothing before")
    func names() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let execution = ExecutionID()
            let message = try SessionHarness.message("tools/call", params: #"{"name":"echo","arguments":{}}"#)
            for execution in [execution, nil, nil] {
                let answer = try await harness.client.send(
                    message, session: session, for: harness.caller, timeout: nil, trace: nil, execution: execution)
                #expect(answer.status == 200)
            }
            #expect(harness.stacks.executions.first == execution)
            #expect(Set(harness.stacks.executions).count == 3)
        }
    }

    @Test("a call that its stack does not end in time is given up on and answered as timed out")
    func timeout() async throws {
        try await SessionHarness.run { harness in
            harness.stacks.define("endless") { _, _ in
                try await Task.sleep(for: .seconds(3600))
                return .unknownTool
            }
            let session = try await harness.open()
            async let pending = harness.call("endless", session: session)
            await harness.passEventDelay()
            let answer = try await pending
            await harness.clock.waitForSleepers(SessionHarness.idleSleepers + 2)
            harness.clock.advance(by: SessionLimits().callTimeout)
            #expect(try await answer.messages.last?["error"]?["data"]?["code"] == "call_timed_out")
            try await harness.until { harness.service.callCount == 0 }
        }
    }

    @Test("a call has what the gateway has left, less the time that its answer takes, and never more than the service's bound")
    func remainingTime() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            let limits = SessionLimits()
            for timeout in [nil, .seconds(3600), .seconds(100), .seconds(30)] as [Duration?] {
                #expect(try await harness.call("echo", session: session, timeout: timeout).status == 200)
                let given = try #require(harness.stacks.timeLimits.last)
                let most = min(limits.callTimeout, timeout ?? limits.callTimeout) - limits.answerMargin
                #expect(given <= most)
                // What the message took on its way is less, but not much.
                #expect(given > most - .seconds(20))
            }
            #expect(CallTime(limits, remaining: .seconds(2)) == CallTime(stack: .seconds(1), whole: .milliseconds(1500)))
            #expect(CallTime(limits, remaining: .zero).whole == .zero)
        }
    }

    @Test("a large answer is a stream even when it comes at once, and what does not fit into the room for unread ones is dropped typed")
    func unread() async throws {
        var limits = SessionLimits()
        limits.maxUnreadBytes = 3 << 20
        try await SessionHarness.run(limits: limits) { harness in
            harness.stacks.define("large") { _, _ in
                .result(MCPToolResult(content: [.text(String(repeating: "x", count: 2 << 20))]))
            }
            let session = try await harness.open()
            let first = try await harness.call("large", id: "1", session: session)
            #expect(first.header("content-type") == "text/event-stream")
            let second = try await harness.call("large", id: "2", session: session)
            #expect(second.errorCode == -32603)
            #expect(try second.json["error"]?["data"]?["code"] == "answer_dropped")
            #expect(try await first.messages.last?["result"]?["content"]?[0]?["text"]?.string?.utf8.count == 2 << 20)
            // The room is given back as soon as the writer has handed everything over.
            try await harness.until {
                let next = try await harness.call("large", id: "3", session: session)
                return try await next.last?["result"] != nil
            }
        }
    }

    @Test("a client that never reads its stream costs its own stream only")
    func slowReader() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            harness.stacks.define("large") { _, _ in
                await gate.wait()
                return .result(MCPToolResult(content: [.text(String(repeating: "x", count: 4 << 20))]))
            }
            let session = try await harness.open()
            async let pending = harness.call("large", session: session)
            await harness.passEventDelay()
            let answer = try await pending
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            #expect(harness.service.unreadByteCount == 4 << 20)
            #expect(try await harness.call("echo", session: session).status == 200)
            // The event does not fit into what may be unread, so its delivery waits until its time is up.
            try await harness.withRunningClock { try await harness.until { harness.service.unreadByteCount == 0 } }
            // What was cut off in the middle of an event is told as a typed error, never as half an event.
            let messages = try await answer.messages
            #expect(messages.count == 1)
            #expect(messages.first?["error"]?["data"]?["code"] == "execution_interrupted")
        }
    }

    @Test("draining refuses sessions and calls, lets what runs finish, and ends the rest in a typed error")
    func draining() async throws {
        try await SessionHarness.run { harness in
            let (gate, started) = (Latch(), Latch())
            Self.defineSlow(harness, gate)
            harness.stacks.define("endless") { _, _ in
                started.open()
                try await Task.sleep(for: .seconds(3600))
                return .unknownTool
            }
            let session = try await harness.open()
            async let finishing = harness.call("slow", id: "1", session: session)
            async let endless = harness.call("endless", id: "2", session: session)
            try await gate.waitForVisitor()
            await started.wait()
            await harness.shutDown()
            let refused = try await harness.untilRefused()
            #expect(refused.status == 503)
            #expect(refused.refusal == .draining)
            #expect(refused.header("retry-after") != nil)
            #expect(try await harness.call("echo", session: session).status == 503)
            #expect(try await harness.send("ping", session: session).status == 200)
            gate.open()
            #expect(try await finishing.last?["result"] != nil)
            try await harness.until { harness.service.callCount == 1 }
            harness.clock.advance(by: SessionLimits().drainTimeout)
            #expect(try await endless.last?["error"]?["data"]?["code"] == "execution_interrupted")
        }
    }
}

extension SessionHarness {
    /// Opens sessions until one is refused.
    func untilRefused() async throws -> SessionAnswer {
        while true {
            let answer = try await self.initialize()
            if answer.status != 200 { return answer }
            await Task.yield()
        }
    }
}
