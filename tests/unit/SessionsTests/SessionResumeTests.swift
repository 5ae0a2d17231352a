import JSON
import MCP
import Model
import SSE
import SessionAPI
import Store
import TestSupport
import Testing

@testable import Sessions

@Suite("Streams of calls that are taken up again", .timeLimit(.minutes(2)))
struct SessionResumeTests {
    /// Begins a call of a tool that waits at a gate, and reads the id that its stream begins with.
    private static func begin(
        _ harness: SessionHarness, _ gate: Latch, session: String, id: String = "5"
    ) async throws -> (event: String, reader: EventReader) {
        harness.stacks.define("slow") { call, _ in
            await gate.wait()
            return .result(MCPToolResult(content: [.text(call.arguments.string)]))
        }
        async let pending = harness.call("slow", id: id, arguments: #"{"n":\#(id)}"#, session: session)
        await harness.passEventDelay()
        var reader = try EventReader(try await pending)
        let first = try #require(try await reader.next())
        #expect(first.data == [])
        return (try #require(first.id), reader)
    }

    private static func text(_ message: JSONValue?) -> String? { message?["result"]?["content"]?[0]?["text"]?.string }

    @Test("a client that lost its stream goes on with it while the call runs, and the request before it ends with nothing")
    func live() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            let session = try await harness.open()
            var (event, first) = try await Self.begin(harness, gate, session: session)
            var second = try EventReader(try await harness.listen(session, after: event))
            #expect(try await first.next() == nil)
            gate.open()
            let answer = try #require(try await second.message())
            #expect(Self.text(answer.json) == #"{"n":5}"#)
            #expect(answer.json["id"] == 5)
            #expect(try #require(answer.id).hasPrefix(event.prefix { $0 != ":" }))
            #expect(try await second.next() == nil)
            // It has all of it.
            var third = try EventReader(try await harness.listen(session, after: answer.id))
            #expect(try await third.next() == nil)
        }
    }

    @Test("the answer of a call that ended while its client was away is found, again and again")
    func ended() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            let session = try await harness.open()
            let event = try await Self.begin(harness, gate, session: session).event
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            for _ in 0..<2 {
                let messages = try await harness.listen(session, after: event).messages
                #expect(messages.count == 1)
                #expect(Self.text(messages.first) == #"{"n":5}"#)
            }
        }
    }

    @Test("an event id of another session, one that never was and one of no form get a typed refusal")
    func foreign() async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            let (session, other) = (try await harness.open(), try await harness.open())
            let event = try await Self.begin(harness, gate, session: session).event
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            for bad in [event, "\(SessionStreamID()):0", "7", "\(event)x"] {
                let refused = try await harness.listen(bad == event ? other : session, after: bad)
                #expect(refused.status == 400)
                #expect(try refused.json["error"]?["data"]?["code"] == "unknown_event")
            }
            #expect(try await harness.listen(session, after: event).messages.count == 1)
        }
    }

    @Test("another process finds the answer of a call that ended, and says of one that did not that it was interrupted")
    func otherProcess() async throws {
        try await SessionHarness.run { harness in
            let (gate, never) = (Latch(), Latch())
            let session = try await harness.open()
            let ended = try await Self.begin(harness, gate, session: session, id: "5").event
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            let running = try await Self.begin(harness, never, session: session, id: #""six""#)
            try await harness.store.replicas.deregister(harness.tenant.lease)
            let lease = try await harness.store.replicas.register(
                ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1"
            ).lease
            try await SessionHarness.run(on: harness.store, harness.tenant, lease: lease) { heir in
                #expect(Self.text(try await heir.listen(session, after: ended).messages.first) == #"{"n":5}"#)
                let messages = try await heir.listen(session, after: running.event).messages
                #expect(messages.count == 1)
                #expect(messages.first?["id"] == "six")
                #expect(messages.first?["error"]?["data"]?["code"] == "execution_interrupted")
                // The one before comes back: what it has to say is nobody's any more.
                never.open()
                try await harness.until { harness.service.callCount == 0 }
                let still = try await heir.listen(session, after: running.event).messages
                #expect(still.first?["error"]?["data"]?["code"] == "execution_interrupted")
            }
        }
    }

    @Test("another process gives the answer that is kept although the owner lives, and sends who comes for more to the owner")
    func ownerOutOfReach() async throws {
        try await SessionHarness.run { harness in
            let (gate, never) = (Latch(), Latch())
            let session = try await harness.open()
            let ended = try await Self.begin(harness, gate, session: session, id: "5").event
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            let running = try await Self.begin(harness, never, session: session, id: "6").event
            let lease = try await harness.store.replicas.register(
                ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1"
            ).lease
            try await SessionHarness.run(on: harness.store, harness.tenant, lease: lease) { other in
                let kept = try await other.listen(session, after: ended).messages
                #expect(kept.map(Self.text) == [#"{"n":5}"#])
                for event in [running, "\(SessionStreamID()):0", nil] {
                    let refusal = try await other.listen(session, after: event).refusal
                    #expect(refusal == .misdirected, "\(event ?? "none")")
                }
                // Who may not act any more gets nothing of it.
                other.stacks.revoke(other.caller.principal)
                #expect(try await other.listen(session, after: ended).status != 200)
            }
            let messages = try await harness.listen(session, after: ended).messages
            #expect(messages.map(Self.text) == [#"{"n":5}"#])
            never.open()
        }
    }

    @Test("what a call came to whose process is gone is told by its execution: the answer, or what is known of it")
    func lostAnswers() async throws {
        try await SessionHarness.run { harness in
            let never = Latch()
            let session = try await harness.open()
            let event = try await Self.begin(harness, never, session: session).event
            let execution = try #require(harness.stacks.executions.last)
            try await harness.store.replicas.deregister(harness.tenant.lease)
            let lease = try await harness.store.replicas.register(
                ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1"
            ).lease
            try await SessionHarness.run(on: harness.store, harness.tenant, lease: lease) { heir in
                let told: JSONObject = ["executionId": .string(execution.rawValue), "retryable": false, "callCount": 1]
                heir.stacks.settle(execution, .failure(MCPError(.executionInterrupted, "It was interrupted.", data: told)))
                let error = try #require(try await heir.listen(session, after: event).messages.first)
                #expect(error["id"] == 5)
                #expect(error["error"]?["message"] == "It was interrupted.")
                #expect(error["error"]?["data"]?["code"] == "execution_interrupted")
                #expect(error["error"]?["data"]?["executionId"]?.string == execution.rawValue)
                #expect(error["error"]?["data"]?["callCount"] == 1)
                heir.stacks.settle(execution, .success(MCPToolResult(content: [.text("done after all")])))
                for _ in 0..<2 {
                    let messages = try await heir.listen(session, after: event).messages
                    #expect(messages.map(Self.text) == ["done after all"])
                    #expect(messages.first?["id"] == 5)
                }
            }
            never.open()
        }
    }

    @Test("earlier revisions get ids with the first event that says something, and the first revision none", arguments: MCPRevision.served)
    func revisions(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            let gate = Latch()
            harness.stacks.define("counting") { _, progress in
                progress.report(1, message: "one")
                await gate.wait()
                return .result(MCPToolResult(content: [.text("done")]))
            }
            let session = try await harness.open(revision.rawValue)
            var reader = try EventReader(try await harness.call("counting", progressToken: "1", session: session))
            if revision.hasPollingStreams { #expect(try await reader.next()?.data == []) }
            let progress = try #require(try await reader.message())
            #expect(progress.json["method"] == "notifications/progress")
            #expect((progress.id != nil) == revision.hasEventIDs)
            gate.open()
            let answer = try #require(try await reader.message())
            #expect(Self.text(answer.json) == "done")
            #expect((answer.id != nil) == revision.hasEventIDs)
            if let id = progress.id {
                #expect(answer.id != id)
                let messages = try await harness.listen(session, after: id).messages
                #expect(messages.map(Self.text) == ["done"])
            }
        }
    }

    @Test("an answer that is there at once gets no id, however large")
    func atOnce() async throws {
        try await SessionHarness.run { harness in
            harness.stacks.define("large") { _, _ in .result(MCPToolResult(content: [.text(String(repeating: "x", count: 1 << 20))])) }
            let session = try await harness.open()
            var reader = try EventReader(try await harness.call("large", session: session))
            let answer = try #require(try await reader.message())
            #expect(answer.id == nil)
            #expect(answer.json["result"] != nil)
            #expect(try await reader.next() == nil)
        }
    }

    @Test("of an answer that was too large to be kept, and of a call that was cancelled, that is what the client is told")
    func dropped() async throws {
        var limits = SessionLimits()
        limits.replay.maxAnswerBytes = 64
        try await SessionHarness.run(limits: limits) { harness in
            let (gate, never) = (Latch(), Latch())
            let session = try await harness.open()
            let event = try await Self.begin(harness, gate, session: session).event
            gate.open()
            try await harness.until { harness.service.callCount == 0 }
            let message = try #require(try await harness.listen(session, after: event).messages.first)
            #expect(message["error"]?["data"]?["code"] == "answer_dropped")
            #expect(message["id"] == 5)
            let cancelled = try await Self.begin(harness, never, session: session, id: "6")
            let answer = try await harness.send("notifications/cancelled", id: nil, params: #"{"requestId":6}"#, session: session)
            #expect(answer.status == 202)
            never.open()
            try await harness.until { harness.service.callCount == 0 }
            #expect(try await harness.listen(session, after: cancelled.event).messages.isEmpty)
        }
    }
}
