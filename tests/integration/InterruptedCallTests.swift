import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What clients are told of calls whose session-service is killed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct InterruptedCallTests {
    /// What became of a call in whose middle the session-service was killed.
    private struct Interruption {
        /// The data of the error that the client got.
        let data: JSONValue
        /// From the kill to the error.
        let time: Duration
        /// The execution as it was stored in the end.
        let stored: JSONValue
        /// How often the API was asked for what was under way, and to write a note.
        let requestCount: Int
        let createCount: Int
    }

    /// Runs a program in a session, waits until the API has been asked for `path` and `isReady` holds for the execution, and kills.
    private static func interrupt(
        _ program: String, on kind: TestStoreKind, at path: String, when isReady: @Sendable (JSONValue) -> Bool
    ) async throws -> Interruption {
        try await NotesAPI.with { notes in
            try await Self.withRoost(on: kind, ["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                try await notes.register(with: roost)
                let allow: JSONValue = ["pattern": "notes.*", "action": "allow"]
                #expect(try await roost.call(.POST, "/api/v1/policies", key: roost.adminKey, body: allow).status == 201)
                let session = try await roost.openSession()
                // A policy binds within a second.
                let probe = "return (await tools.notes.org.main.notes.create({ body: { text: 'probe' } })).ok"
                _ = try await eventually(within: .seconds(5)) {
                    try await roost.execute(probe, session: session)["structuredContent"]?["result"] == true ? true : nil
                }
                let before = try await notes.counts()
                func count(_ path: String) async throws -> Int { try await notes.count(of: path) - (before[path]?.int ?? 0) }
                let call: JSONValue = [
                    "jsonrpc": "2.0", "id": 9, "method": "tools/call",
                    "params": ["name": "execute", "arguments": ["code": .string(program)]],
                ]
                async let answer = roost.mcp(call, session: session)
                let execution = try await eventually(within: .seconds(20)) {
                    guard try await count(path) > 0 else { return nil as String? }
                    let list = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
                    guard let id = list.json["items"]?[0]?["id"]?.string else { return nil }
                    return isReady(try await roost.call(.GET, "/api/v1/executions/\(id)", key: roost.agentKey).json) ? id : nil
                }
                let killed = ContinuousClock.now
                kill(try #require(try roost.services()["session-service"]), SIGKILL)
                let error = try #require(try await answer.json["error"])
                let time = ContinuousClock.now - killed
                #expect(error["data"]?["code"] == "execution_interrupted")
                #expect(error["data"]?["executionId"]?.string == execution)
                let stored = try await eventually(within: .seconds(30)) {
                    let shown = try await roost.call(.GET, "/api/v1/executions/\(execution)", key: roost.agentKey).json
                    return shown["state"] == "failed" ? shown : JSONValue?.none
                }
                return Interruption(
                    data: try #require(error["data"]), time: time, stored: stored, requestCount: try await count(path),
                    createCount: try await count("POST /notes"))
            }
        }
    }

    /// Roost on a database of the kind.
    private static func withRoost<Result: Sendable>(
        on kind: TestStoreKind, _ environment: [String: String], _ body: (RunningRoost) async throws -> Result
    ) async throws -> Result {
        switch kind {
        case .sqlite: return try await RunningRoost.with(environment, body)
        case .postgreSQL:
            return try await TestPostgres.withServer { server in
                let name = try await server.makeDatabase()
                let urls = [
                    "ROOST_DATABASE_URL": server.socketURL(database: name, user: "roost_service"),
                    "ROOST_DATABASE_OWNER_URL": server.socketURL(database: name, user: "roost"),
                ]
                return try await RunningRoost.with(environment.merging(urls) { $1 }, body)
            }
        }
    }

    @Test(
        "a program that has written and is writing when the session-service is killed: one done, one unknown, not to be repeated",
        arguments: TestStoreKind.all)
    func writes(kind: TestStoreKind) async throws {
        let interruption = try await Self.interrupt(
            """
            await tools.notes.org.main.notes.list({});
            await tools.notes.org.main.notes.create({ body: { text: "first" } });
            await tools.notes.org.main.notes.createSlowly({ seconds: 60, body: { text: "second" } });
            """, on: kind, at: "POST /slow"
        ) { $0["calls"]?[0]?["outcome"] == "done" && $0["call_count"]?.int == 2 }
        #expect(interruption.time < .seconds(10))
        #expect(interruption.data["retryable"] == false)
        #expect(interruption.data["callCount"] == 2)
        let calls: JSONValue = [
            ["sequence": 2, "address": "notes.org.main.notes.create", "effect": "write", "outcome": "done"],
            ["sequence": 3, "address": "notes.org.main.notes.createSlowly", "effect": "write", "outcome": "outcome_unknown"],
        ]
        #expect(interruption.data["calls"] == calls)
        let stored = interruption.stored["outcome"]?["structuredContent"]?["error"]
        #expect(stored?["code"] == "execution_interrupted")
        #expect(stored?["retryable"] == false)
        #expect(stored?["calls"] == calls)
        #expect(interruption.stored["calls"]?.array?.map { $0["outcome"] } == ["done", "outcome_unknown"])
        #expect(interruption.createCount == 1 && interruption.requestCount == 1, "nothing is repeated by us")
    }

    @Test("a program that has only read when the session-service is killed can be repeated", arguments: TestStoreKind.all)
    func reads(kind: TestStoreKind) async throws {
        let interruption = try await Self.interrupt(
            """
            await tools.notes.org.main.notes.list({});
            await tools.notes.org.main.notes.slow({ seconds: 60 });
            """, on: kind, at: "GET /slow"
        ) { $0["state"] == "running" }
        #expect(interruption.time < .seconds(10))
        #expect(interruption.data["retryable"] == true)
        #expect(interruption.data["calls"] == [])
        #expect(interruption.stored["outcome"]?["structuredContent"]?["error"]?["retryable"] == true)
        #expect(interruption.requestCount == 1)
    }
}

extension NotesAPI {
    /// How often one path was asked for.
    fileprivate func count(of path: String) async throws -> Int { try await self.counts()[path]?.int ?? 0 }

    /// How often each path was asked for: `POST /notes` and so on.
    fileprivate func counts() async throws -> JSONValue {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: self.url + "/counts"), timeout: .seconds(10))
        return try JSONValue(parsing: Array(try await response.body.collect(upTo: 1 << 20).readableBytesView))
    }
}
