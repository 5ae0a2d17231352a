import Channel
import JSON
import MCP
import Model
import SSE
import SessionAPI
import Store
import TestSupport
import Testing

@testable import Sessions

@Suite("Streams for what belongs to no request", .timeLimit(.minutes(2)))
struct SessionNoticeTests {
    private static let changed: JSONValue = "notifications/tools/list_changed"

    @Test(
        "a stream begins with an id and no data where the revision has that, and with nothing where it has not",
        arguments: MCPRevision.served)
    func beginning(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open(revision.rawValue)
            // What the client knows of, whenever its stream begins.
            #expect(try await harness.send("tools/list", session: session).status == 200)
            let answer = try await harness.listen(session)
            #expect(answer.status == 200)
            #expect(answer.header("content-type") == "text/event-stream")
            var reader = try EventReader(answer)
            var first: ServerSentEvent?
            if revision.hasPollingStreams {
                first = try await reader.next()
                #expect(first?.data == [] && first?.name == nil)
            }
            try await harness.until { harness.service.streamCount == 1 }
            harness.stacks.describe("Something new.")
            try await harness.changeOrganization()
            let (id, json) = try #require(try await reader.message())
            #expect(json["method"] == Self.changed)
            #expect((id != nil) == revision.hasEventIDs)
            #expect(id == nil || id != first?.id)
        }
    }

    @Test("a change of the tools is told once to each session, on one of its streams, and what changes nothing of them is not")
    func change() async throws {
        try await SessionHarness.run { harness in
            let (mine, other) = (try await harness.open(), try await harness.open())
            var old = try EventReader(try await harness.listen(mine))
            _ = try await old.next()
            var new = try EventReader(try await harness.listen(mine))
            _ = try await new.next()
            var another = try EventReader(try await harness.listen(other))
            _ = try await another.next()
            var ids: Set<String> = []
            for round in 1...3 {
                try await harness.changeOrganization()
                harness.stacks.describe("Round \(round).")
                try await harness.changeOrganization()
                for message in [try await new.message(), try await another.message()] {
                    #expect(message?.json["method"] == Self.changed)
                    ids.insert(try #require(message?.id))
                }
            }
            #expect(ids.count == 6)
            // Had the older stream been told too, that would come before its end.
            #expect(try await harness.close(mine).status == 204)
            #expect(try await old.next() == nil)
            #expect(try await new.next() == nil)
            #expect(try await harness.listen(mine).status == 404)
            try await harness.until { harness.service.streamCount == 1 }
        }
    }

    @Test("who comes back is told what changed meanwhile, unless it was listed since")
    func comingBack() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            func beginning() async throws -> String {
                var reader = try EventReader(try await harness.listen(session))
                return try #require(try await reader.next()?.id)
            }
            let id = try await beginning()
            try await harness.until { harness.service.streamCount == 0 }
            harness.stacks.describe("Something new.")
            var back = try EventReader(try await harness.listen(session, after: id))
            _ = try await back.next()
            #expect(try await back.message()?.json["method"] == Self.changed)
            #expect(try await harness.send("tools/list", session: session).status == 200)
            var again = try EventReader(try await harness.listen(session, after: id))
            _ = try await again.next()
            #expect(try await harness.close(session).status == 204)
            #expect(try await again.next() == nil)
        }
    }

    @Test(
        "who has no event id and comes back to a session that was elsewhere meanwhile is told once, because it may have missed a change",
        arguments: MCPRevision.served)
    func gap(revision: MCPRevision) async throws {
        try await SessionHarness.run { harness in
            let (session, listed) = (try await harness.open(revision.rawValue), try await harness.open(revision.rawValue))
            try await harness.store.replicas.deregister(harness.tenant.lease)
            let lease = try await harness.store.replicas.register(
                ReplicaID(), kind: .sessionService, address: "127.0.0.1:2", version: "1"
            ).lease
            try await SessionHarness.run(on: harness.store, harness.tenant, lease: lease) { heir in
                func listen(_ session: String) async throws -> EventReader {
                    var reader = try EventReader(try await heir.listen(session))
                    if revision.hasPollingStreams { #expect(try await reader.next()?.data == []) }
                    return reader
                }
                var back = try await listen(session)
                // Later revisions have an id from the beginning, and come back with it if they had a stream at all.
                if !revision.hasPollingStreams { #expect(try await back.message()?.json["method"] == Self.changed) }
                var again = try await listen(session)
                // One that has listed the tools here has missed nothing.
                #expect(try await heir.send("tools/list", session: listed).status == 200)
                var other = try await listen(listed)
                try await heir.until { heir.service.streamCount == 3 }
                // Had anybody been told more, that would come before the end.
                for session in [session, listed] { #expect(try await heir.close(session).status == 204) }
                #expect(try await back.next() == nil)
                #expect(try await again.next() == nil)
                #expect(try await other.next() == nil)
            }
        }
    }

    @Test("the streams of a key end when it is revoked, and those of a process that lost its lease")
    func revoked() async throws {
        try await SessionHarness.run { harness in
            let session = try await harness.open()
            var reader = try EventReader(try await harness.listen(session))
            _ = try await reader.next()
            try await harness.until { harness.service.streamCount == 1 }
            harness.stacks.fail(with: MCPError(.unauthorized, "The key was revoked."))
            try await harness.changeOrganization()
            #expect(try await reader.next() == nil)
            harness.stacks.fail(with: nil)
            var another = try EventReader(try await harness.listen(session))
            _ = try await another.next()
            try await harness.until { harness.service.streamCount == 1 }
            harness.lease.set(nil)
            try await harness.withRunningClock {
                let end = try await another.next()
                #expect(end == nil)
            }
        }
    }

    @Test("beyond a session's bound its oldest stream ends, and beyond the process's none is taken")
    func bounds() async throws {
        var limits = SessionLimits()
        (limits.maxStreams, limits.maxStreamsPerSession) = (3, 2)
        try await SessionHarness.run(limits: limits) { harness in
            let (session, other) = (try await harness.open(), try await harness.open())
            var readers: [EventReader] = []
            for _ in 0..<3 {
                readers.append(try EventReader(try await harness.listen(session)))
                _ = try await readers[readers.count - 1].next()
            }
            #expect(try await readers[0].next() == nil)
            readers.append(try EventReader(try await harness.listen(other)))
            _ = try await readers[3].next()
            let refused = try await harness.listen(other)
            #expect(refused.status == 503)
            #expect(refused.refusal == .overloaded)
            #expect(refused.header("retry-after") != nil)
            #expect(harness.service.streamCount == 3)
        }
    }

    @Test("draining ends streams with the time to come back, and takes no new ones")
    func draining() async throws {
        try await SessionHarness.run { harness in
            let started = Latch()
            harness.stacks.define("endless") { _, _ in
                started.open()
                try await Task.sleep(for: .seconds(3600))
                return .unknownTool
            }
            let (session, busy) = (try await harness.open(), try await harness.open("2025-06-18"))
            var reader = try EventReader(try await harness.listen(session))
            _ = try await reader.next()
            var older = try EventReader(try await harness.listen(busy))
            try await harness.until { harness.service.streamCount == 2 }
            // Keeps the service from being gone too soon.
            async let call = harness.call("endless", session: busy)
            await started.wait()
            let polling = try await harness.open()
            async let other = harness.call("endless", session: polling)
            try await harness.until { harness.service.callCount == 2 }
            await harness.shutDown()
            #expect(try await reader.next()?.retry == .seconds(1))
            #expect(try await reader.next() == nil)
            #expect(try await older.next() == nil)
            let refused = try await harness.listen(session)
            #expect(refused.status == 503)
            #expect(refused.refusal == .draining)
            #expect(try await harness.listen(busy).refusal == .draining)
            // The session is kept here by its call: its client is told to come back, and not refused until it listens no more.
            var later = try EventReader(try await harness.listen(polling))
            #expect(try await later.next()?.retry == .seconds(1))
            #expect(try await later.next() == nil)
            harness.clock.advance(by: SessionLimits().drainTimeout)
            #expect(try await call.last?["error"] != nil)
            #expect(try await other.last?["error"] != nil)
        }
    }

    @Test("a stream that says nothing is kept alive, keeps its session in memory, and ends when nobody reads it")
    func keepAlive() async throws {
        var limits = SessionLimits()
        limits.keepAliveInterval = .seconds(1)
        try await SessionHarness.run(limits: limits) { harness in
            let session = try await harness.open()
            var chunks = try await harness.listen(session).events.makeAsyncIterator()
            #expect(await chunks.next()?.starts(with: "id: ".utf8) == true)
            try await harness.withRunningClock {
                // Long beyond the time after which a session that nobody uses rests.
                for _ in 0..<1000 { _ = try #require(await chunks.next()) }
                #expect(harness.service.sessionCount == 1)
                // Now nobody reads.
                try await harness.until { harness.service.streamCount == 0 }
                try await harness.until { harness.service.sessionCount == 0 }
            }
            withExtendedLifetime(chunks) {}
        }
    }

    @Test("event ids read back as what they were, and nothing else does")
    func eventIDs() throws {
        let stream = SessionStreamID()
        let mark = ToolListMark([])
        for id in [StreamEventID.answer(stream, 7), .notices(stream, 0, nil), .notices(stream, 12, mark)] {
            #expect(StreamEventID(id.description) == id)
            #expect(id.description.utf8.count <= MCPRequestHead.maxEventBytes)
        }
        for bad in [
            "", "7", "\(stream)", "\(stream):", "\(stream):-1", "\(stream):1.abc", "\(stream):1.+bcdefabcdefabcd", "\(stream):x", "ses_1:1",
            "\(stream):9999999999999999999", "\(stream):1:2",
        ] { #expect(StreamEventID(bad) == nil, "\(bad)") }
    }
}
