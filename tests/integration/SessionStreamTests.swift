import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// Streams that clients listen on, and those that they lose and come back to, over the real services.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SessionStreamTests {
    private static let changed: JSONValue = "notifications/tools/list_changed"

    /// A call of a program that takes some seconds.
    private static func slow(id: Int, seconds: Int) -> JSONValue {
        let code = "await new Promise((resolve) => setTimeout(resolve, \(seconds * 1000))); return 'woke'"
        return [
            "jsonrpc": "2.0", "id": .number(JSONNumber(id)), "method": "tools/call",
            "params": ["name": "execute", "arguments": ["code": .string(code)]],
        ]
    }

    private static func result(_ event: WireEvent?) -> JSONValue? { event?.message["result"]?["structuredContent"]?["result"] }

    @Test("a client that lost its call's stream finds the answer while the call runs, and when it has ended")
    func resumed() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let call = try await roost.open(.POST, session: session, body: Self.slow(id: 9, seconds: 6))
            let first = try #require(await call.next())
            let id = try #require(first.id)
            #expect(first.data.isEmpty)
            // The client is gone, and comes back while the call runs.
            call.leave()
            let running = try await roost.open(.GET, session: session, after: id)
            let answer = try #require(await running.next())
            #expect(Self.result(answer) == "woke")
            #expect(answer.message["id"] == 9)
            #expect(await running.next() == nil)
            // It ended, and a client that did not get the answer comes back again.
            let ended = try await roost.open(.GET, session: session, after: id)
            let again = try #require(await ended.next())
            #expect(again == answer)
            #expect(await ended.next() == nil)
            let rest = try await roost.open(.GET, session: session, after: answer.id)
            #expect(await rest.next() == nil)
            // Nobody else gets anything of it, of the same account neither.
            let other = try await roost.openSession()
            let refused = try await roost.open(.GET, session: other, after: id)
            #expect(refused.status == 400)
            let foreign = try await roost.open(.GET, session: session, after: id, key: roost.adminKey)
            #expect(foreign.status == 404)
        }
    }

    @Test("after a kill -9 of the session-service, a finished answer is found, and a lost one is a typed error")
    func killed() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let call = try await roost.open(.POST, session: session, body: Self.slow(id: 8, seconds: 2))
            let finished = try #require(await call.next()?.id)
            #expect(Self.result(await call.next()) == "woke")
            let lost = try await roost.open(.POST, session: session, body: Self.slow(id: 9, seconds: 25))
            let unfinished = try #require(await lost.next()?.id)
            let listening = try await roost.open(.GET, session: session)
            let mark = try #require(await listening.next()?.id)
            kill(try #require(try roost.services()["session-service"]), SIGKILL)
            // The stream of the call ends in a typed error, the other one just ends.
            let told = try #require(await lost.next()?.message["error"]?["data"])
            #expect(told["code"] == "execution_interrupted")
            #expect(await listening.next() == nil)
            let found = try await roost.reopen(session, after: finished)
            #expect(Self.result(await found.next()) == "woke")
            let interrupted = try await roost.reopen(session, after: unfinished)
            let error = try #require(await interrupted.next())
            #expect(error.message["error"]?["data"]?["code"] == "execution_interrupted")
            #expect(error.message["id"] == 9)
            // Whoever comes back is told the same of the call.
            #expect(told["executionId"]?.string?.isEmpty == false && told["retryable"] == true && told["callCount"] == 0)
            #expect(error.message["error"]?["data"] == told)
            let back = try await roost.reopen(session, after: mark)
            #expect(await back.next()?.data == "")
        }
    }

    @Test("a call whose way to a living session-service breaks ends without a word, and its client finds the answer when it comes back")
    func cutOff() async throws {
        let port = try #require(ReservedPort()).number
        try await TCPProxy.run(to: port) { proxy in
            let environment = ["ROOST_SESSIONS_PORT": "\(port)", "ROOST_GATEWAY_SESSION_SERVICES": "127.0.0.1:\(proxy.port)"]
            try await RunningRoost.with(environment) { roost in
                let session = try await roost.openSession()
                for seconds in [1, 6] {
                    // Whether it has ended by the time that its client comes back or not.
                    let call = try await roost.open(.POST, session: session, body: Self.slow(id: 9, seconds: seconds))
                    let id = try #require(await call.next()?.id)
                    proxy.reset()
                    #expect(await call.next() == nil)
                    let answer = try await roost.reopen(session, after: id)
                    let event = await answer.next()
                    #expect(Self.result(event) == "woke", "\(String(describing: event))")
                    #expect(await answer.next() == nil)
                }
            }
        }
    }

    @Test("a change of the catalog is told once, on one stream, and DELETE ends both")
    func listChanged() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                let session = try await roost.openSession()
                var streams: [WireStream] = []
                for index in 0..<2 {
                    streams.append(try await roost.open(.GET, session: session))
                    #expect(await streams[index].next()?.data == "")
                }
                try await notes.register(with: roost)
                let told = try #require(await streams[1].next())
                #expect(told.message["method"] == Self.changed)
                #expect(told.message["id"] == nil)
                // Had the other stream been told, that would come before its end.
                #expect(try await roost.call(.DELETE, "/mcp", key: roost.agentKey, headers: [("Mcp-Session-Id", session)]).status == 204)
                for index in streams.indices { #expect(await streams[index].next() == nil) }
                #expect(try await roost.open(.GET, session: session).status == 404)
            }
        }
    }

    @Test("revoking a key ends its streams within 5 s")
    func revoked() async throws {
        try await RunningRoost.with { roost in
            let made = try await roost.call(.POST, "/api/v1/keys", key: roost.adminKey, body: ["name": "short-lived", "role": "agent"])
            let key = try #require(made.json["key"]?.string)
            let id = try #require(made.json["record"]?["id"]?.string)
            let session = try await roost.openSession(key: key)
            let stream = try await roost.open(.GET, session: session, key: key)
            _ = await stream.next()
            #expect(try await roost.call(.DELETE, "/api/v1/keys/\(id)", key: roost.adminKey).status == 200)
            let revoked = ContinuousClock.now
            #expect(await stream.next() == nil)
            #expect(ContinuousClock.now - revoked < .seconds(5))
        }
    }

    @Test("whoever listens when the services stop is told when to come back, and they stop without waiting for anybody")
    func stopping() async throws {
        let stream = try await withTemporaryFolder { folder in
            let (stream, begun) = try await RunningRoost.with(folder: folder) { roost in
                let session = try await roost.openSession()
                let stream = try await roost.open(.GET, session: session)
                _ = await stream.next()
                return (stream, ContinuousClock.now)
            }
            // Far below the 20 s that calls would get.
            #expect(ContinuousClock.now - begun < .seconds(15))
            return stream
        }
        var hints = 0
        while let event = await stream.next() {
            #expect(event.retry == 1000)
            hints += 1
        }
        // Both services say so; which comes first is nobody's concern.
        #expect(hints > 0)
    }

    @Test("the official client listens by itself and hears of a change, also after its session-service was killed")
    func officialClient() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                let input = try FileDescriptor.pipe(options: .closeOnExec)
                let script = Program.root.appending("tests/clients/listen.py").string
                _ = try await Subprocess.run(
                    .path(Program.python), arguments: [script, roost.mcpURL, roost.agentKey],
                    input: .fileDescriptor(input.readEnd, closeAfterSpawningProcess: true), output: .sequence,
                    error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
                ) { execution in
                    var lines = execution.standardOutput.strings().makeAsyncIterator()
                    func line() async throws -> String? { try await lines.next()?.trimmingCharacters(in: .whitespacesAndNewlines) }
                    #expect(try await line() == "listening")
                    try await notes.register(with: roost)
                    #expect(try await line() == "list_changed 2")
                    kill(try #require(try roost.services()["session-service"]), SIGKILL)
                    #expect(try await roost.call(.DELETE, "/api/v1/integrations/notes", key: roost.adminKey).status < 300)
                    #expect(try await line() == "list_changed 1")
                    try input.writeEnd.close()
                }
            }
        }
    }
}

/// One event as it came over the wire.
struct WireEvent: Sendable, Hashable {
    var id: String?
    var retry: Int?
    var data = ""

    /// The data as a message.
    var message: JSONValue { (try? JSONValue(parsing: Array(self.data.utf8))) ?? .null }
}

/// An answer that is read event by event.
struct WireStream: Sendable {
    let status: Int
    private let task: Task<Void, Never>
    private let events: AsyncStream<WireEvent>

    fileprivate init(_ response: HTTPClientResponse) {
        self.status = Int(response.status.code)
        let (events, continuation) = AsyncStream<WireEvent>.makeStream(bufferingPolicy: .bufferingOldest(1000))
        self.events = events
        // Leaving is cancelling the task that reads; nothing else closes the connection under a body that is being read.
        self.task = Task {
            var (text, event, hasField) = ("", WireEvent(), false)
            do {
                for try await part in response.body {
                    text += String(buffer: part)
                    while let end = text.firstIndex(of: "\n") {
                        let line = text[..<end]
                        text = String(text[text.index(after: end)...])
                        if line.isEmpty {
                            if hasField { continuation.yield(event) }
                            (event, hasField) = (WireEvent(), false)
                        } else if !line.hasPrefix(":") {
                            hasField = true
                            let value = line.drop { $0 != ":" }.dropFirst(2)
                            if line.hasPrefix("id:") { event.id = String(value) }
                            if line.hasPrefix("retry:") { event.retry = Int(value) }
                            if line.hasPrefix("data:") { event.data += value }
                        }
                    }
                }
            } catch {}
            continuation.finish()
        }
    }

    /// The next event; nil at the end.
    func next() async -> WireEvent? {
        for await event in self.events { return event }
        return nil
    }

    /// Leaves, as a client that lost its connection.
    func leave() { self.task.cancel() }
}

extension RunningRoost {
    /// Opens a stream: with a call, or to listen.
    func open(
        _ method: HTTPMethod, session: String, after event: String? = nil, key: String? = nil, body: JSONValue? = nil
    ) async throws -> WireStream {
        var request = HTTPClientRequest(url: self.mcpURL)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(key ?? self.agentKey)")
        request.headers.add(name: "Accept", value: method == .GET ? "text/event-stream" : "application/json, text/event-stream")
        request.headers.add(name: "Mcp-Session-Id", value: session)
        request.headers.add(name: "Mcp-Protocol-Version", value: "2025-11-25")
        if let event { request.headers.add(name: "Last-Event-ID", value: event) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes()))
        }
        return WireStream(try await HTTPClient.shared.execute(request, timeout: .seconds(120)))
    }

    /// Comes back to a stream while its session may still wait for the lease of a process that died.
    func reopen(_ session: String, after event: String) async throws -> WireStream {
        try await eventually(within: .seconds(20)) {
            let stream = try await self.open(.GET, session: session, after: event)
            guard stream.status == 200 else {
                try #require(stream.status == 503, "\(stream.status)")
                stream.leave()
                return nil
            }
            return stream
        }
    }
}
