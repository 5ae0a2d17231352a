import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Clients that leave, cancel, run out of time, or do not read, over the real services.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClientGoneTests {
    @Test("a client that disconnects during a call has not cancelled it: the execution completes, and the session goes on")
    func disconnected() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let call = Task { try await roost.mcp(Self.execute(Self.sleeping(seconds: 3), id: 9), session: session) }
            _ = try await roost.execution(in: "running")
            call.cancel()
            await #expect(throws: (any Error).self) { try await call.value }
            let ended = try await roost.execution(in: "completed")
            let stored = try await roost.call(.GET, "/api/v1/executions/\(ended)", key: roost.agentKey).json
            #expect(stored["outcome"]?["structuredContent"]?["result"]?.string == "woke")
            #expect(try await roost.ping(session).status == 200)
        }
    }

    @Test("notifications/cancelled ends the execution as cancelled, answers nothing, and leaves no process")
    func cancelled() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            // The fork server and its spare children are there after a first run.
            _ = try await roost.execute("return 1", session: session)
            let service = try #require(try roost.services()["session-service"])
            let idle = try await settled { try RunningRoost.descendants(of: service).count }
            async let pending = roost.mcp(Self.execute(Self.sleeping(seconds: 25), id: 9), session: session)
            let execution = try await roost.execution(in: "running")
            let cancellation: JSONValue = [
                "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": 9, "reason": "changed my mind"],
            ]
            #expect(try await roost.mcp(cancellation, session: session).status == 202)
            #expect(try await roost.execution(in: "cancelled") == execution)
            #expect(try await pending.bytes.isEmpty, "a request that was cancelled is not answered")
            _ = try await eventually(within: .seconds(10)) { try RunningRoost.descendants(of: service).count <= idle ? true : nil }
            #expect(try await roost.execute("return 2", session: session, id: 10)["structuredContent"]?["result"]?.int == 2)
        }
    }

    @Test("a call beyond roost.gateway.call_timeout is stopped: the client gets a typed result, and the execution fails as such")
    func timedOut() async throws {
        try await RunningRoost.with(["ROOST_GATEWAY_CALL_TIMEOUT": "12s"]) { roost in
            let session = try await roost.openSession()
            let start = ContinuousClock.now
            let result = try await roost.execute("console.log('begun'); " + Self.sleeping(seconds: 25), session: session)
            #expect(ContinuousClock.now - start < .seconds(24))
            #expect(result["isError"] == true)
            #expect(result["structuredContent"]?["error"]?["code"]?.string == "call_timeout")
            #expect(result["structuredContent"]?["logs"]?[0]?.string?.contains("begun") == true)
            let list = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
            #expect(list.json["items"]?[0]?["state"]?.string == "failed")
            #expect(list.json["items"]?[0]?["error_code"]?.string == "call_timeout")
            #expect(try await roost.execute("return 2", session: session, id: 3)["structuredContent"]?["result"]?.int == 2)
        }
    }

    @Test("revoking a key ends its running call within 5 s, in a typed result")
    func revokedWhileRunning() async throws {
        try await RunningRoost.with { roost in
            let made = try await roost.call(.POST, "/api/v1/keys", key: roost.adminKey, body: ["name": "short-lived", "role": "agent"])
            let key = try #require(made.json["key"]?.string)
            let id = try #require(made.json["record"]?["id"]?.string)
            let session = try await roost.openSession(key: key)
            async let pending = roost.mcp(Self.execute(Self.sleeping(seconds: 25), id: 9), session: session, key: key)
            _ = try await roost.execution(in: "running", key: roost.adminKey)
            #expect(try await roost.call(.DELETE, "/api/v1/keys/\(id)", key: roost.adminKey).status == 200)
            let revoked = ContinuousClock.now
            let result = try await pending.json["result"]
            #expect(ContinuousClock.now - revoked < .seconds(5))
            #expect(result?["structuredContent"]?["error"]?["code"]?.string == "credentials_revoked")
        }
    }

    @Test("clients that do not read their large answers cost a bounded amount of memory, and each answer is whole or dropped typed")
    func unread() async throws {
        let bound = 16 << 20
        let bounds = ["ROOST_GATEWAY_MAX_UNREAD_BYTES": "\(bound)", "ROOST_SESSIONS_MAX_UNREAD_BYTES": "\(bound)"]
        try await RunningRoost.with(bounds.merging(RunningRoost.patience) { $1 }) { roost in
            let session = try await roost.openSession()
            let program = "emit({ type: 'image', mimeType: 'image/png', data: 'A'.repeat(4_000_000) }); return 1"
            // What one such run costs for good is not the unread answers'.
            _ = try await roost.execute(program, session: session)
            let before = try roost.residentBytes()
            var clients: [UnreadingClient] = []
            for id in 10..<16 {
                clients.append(try UnreadingClient(roost, Self.execute(program, id: id), session: session))
                // One after the other: this is about memory, not about six programs at once.
                try await roost.completedExecutions(atLeast: clients.count + 1)
            }
            for (name, bytes) in try roost.residentBytes() {
                let growth = bytes - (before[name] ?? 0)
                #expect(growth <= 4 * bound, "\(name) grew by \(growth) bytes")
            }
            #expect(try await roost.ping(session).status == 200)
            let next = try await roost.execute("return 2", session: session, id: 40)
            #expect(next["structuredContent"]?["result"]?.int == 2)
            // Read in the end, each is whole or an error that says what became of it.
            let whole = String(repeating: "A", count: 4_000_000)
            var dropped = 0
            for client in clients {
                let answer = String(decoding: client.readAll(), as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 200"))
                let isDropped = answer.contains(#""code":"answer_dropped""#)
                if isDropped { dropped += 1 }
                #expect(isDropped || Self.withoutChunks(answer).contains(whole), "\(answer.prefix(1000))")
            }
            // How many are dropped depends on what the kernel's buffers take; the rest is proved where there is no kernel between.
            #expect(dropped < clients.count, "\(dropped) answers were dropped")
        }
    }

    /// Without what HTTP's chunked coding puts between the parts of a body.
    private static func withoutChunks(_ answer: String) -> String { answer.replacing(/\r\n[0-9a-fA-F]+\r\n/, with: "") }

    static func sleeping(seconds: Int) -> String {
        "await new Promise((resolve) => setTimeout(resolve, \(seconds * 1000))); return 'woke'"
    }

    static func execute(_ code: String, id: Int) -> JSONValue {
        [
            "jsonrpc": "2.0", "id": .number(JSONNumber(id)), "method": "tools/call",
            "params": ["name": "execute", "arguments": ["code": .string(code)]],
        ]
    }
}

extension RunningRoost {
    func ping(_ session: String) async throws -> Answer {
        try await self.mcp(["jsonrpc": "2.0", "id": 77, "method": "ping"], session: session)
    }

    /// Waits until the newest execution is in a state, and gives its id.
    func execution(in state: String, key: String? = nil) async throws -> String {
        try await eventually(within: .seconds(30)) {
            let newest = try await self.call(.GET, "/api/v1/executions", key: key ?? self.agentKey).json["items"]?[0]
            return newest?["state"]?.string == state ? newest?["id"]?.string : nil
        }
    }

    /// Waits until so many executions have completed.
    func completedExecutions(atLeast count: Int) async throws {
        _ = try await eventually(within: .seconds(60)) {
            let items = try await self.call(.GET, "/api/v1/executions", key: self.agentKey).json["items"]?.array ?? []
            return items.count { $0["state"]?.string == "completed" } >= count ? true : nil
        }
    }

    /// The processes below a process, at any depth.
    static func descendants(of pid: Int32) throws -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let child = Int32(entry), let status = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8),
                let close = status.lastIndex(of: ")")
            else { continue }
            let fields = status[status.index(close, offsetBy: 2)...].split(separator: " ")
            if fields.count > 1, let parent = Int32(fields[1]) { children[parent, default: []].append(child) }
        }
        var found: [Int32] = []
        var next = children[pid] ?? []
        while let child = next.popLast() {
            found.append(child)
            next += children[child] ?? []
        }
        return found
    }
}

/// Looks until a value is the same a hundred times in a row.
private func settled<Value: Equatable>(_ look: () async throws -> Value) async throws -> Value {
    var (value, times) = (try await look(), 0)
    while times < 100 {
        let next = try await look()
        times = next == value ? times + 1 : 0
        value = next
        await Task.yield()
    }
    return value
}
