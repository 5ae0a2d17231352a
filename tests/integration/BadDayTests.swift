import Foundation
import JSON
import NIOHTTP1
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// Processes that die, clients that leave, programs that misbehave, and strangers.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BadDayTests {
    @Test("a session goes on when the session-service is killed while idle")
    func killedWhileIdle() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            #expect(try await roost.execute("return 1", session: session)["structuredContent"]?["result"]?.int == 1)
            let before = try #require(try roost.services()["session-service"])
            kill(before, SIGKILL)
            // Gone once its parent has taken note; until then a message may reach a process that dies over it.
            _ = try await eventually(within: .seconds(10)) { kill(before, 0) != 0 ? true : nil }
            let answer = try await roost.execute("return 2", session: session, id: 3)
            #expect(answer["structuredContent"]?["result"]?.int == 2)
        }
    }

    @Test("a call gets a typed error within 5 s when the session-service is killed while it runs, and its execution ends")
    func killedWhileRunning() async throws {
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                try await notes.register(with: roost)
                let session = try await roost.openSession()
                let call: JSONValue = [
                    "jsonrpc": "2.0", "id": 9, "method": "tools/call",
                    "params": ["name": "execute", "arguments": ["code": "return await tools.notes.org.main.notes.slow({ seconds: 30 })"]],
                ]
                async let answer = roost.mcp(call, session: session)
                _ = try await eventually(within: .seconds(10)) {
                    let list = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
                    return list.json["items"]?[0]?["state"]?.string == "running" ? true : nil
                }
                let killed = ContinuousClock.now
                kill(try #require(try roost.services()["session-service"]), SIGKILL)
                let error = try await answer.json["error"]
                #expect(ContinuousClock.now - killed < .seconds(5))
                #expect(error?["data"]?["code"]?.string == "execution_interrupted")
                // The sweep ends what the dead process left, within two lease times.
                let ended = try await eventually(within: .seconds(12)) {
                    let list = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
                    let item = list.json["items"]?[0]
                    return item?["state"]?.string == "failed" ? item : nil
                }
                #expect(ended["error_code"]?.string == "execution_interrupted")
            }
        }
    }

    @Test("a program that floods its output is killed; the next one runs")
    func flood() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let flood = try await roost.execute("for (;;) console.log('x'.repeat(10000))", session: session)
            #expect(flood["structuredContent"]?["error"]?["code"]?.string == "output_limit")
            let next = try await roost.execute("return 'fine'", session: session, id: 3)
            #expect(next["structuredContent"]?["result"]?.string == "fine")
        }
    }

    @Test("somebody else's session is not found, like one that does not exist")
    func foreignSession() async throws {
        try await RunningRoost.with { roost in
            let session = try await roost.openSession()
            let ping: JSONValue = ["jsonrpc": "2.0", "id": 4, "method": "ping"]
            let foreign = try await roost.mcp(ping, session: session, key: roost.adminKey)
            let unknown = try await roost.mcp(ping, session: "nobody", key: roost.adminKey)
            #expect(foreign.status == 404)
            #expect(foreign.bytes == unknown.bytes)
            #expect(try await roost.mcp(ping, session: session).status == 200)
        }
    }

    @Test("a revoked key stops working within a second, and its session with it")
    func revokedKey() async throws {
        try await RunningRoost.with { roost in
            let made = try await roost.call(.POST, "/api/v1/keys", key: roost.adminKey, body: ["name": "short-lived", "role": "agent"])
            let key = try #require(made.json["key"]?.string)
            let session = try await roost.openSession(key: key)
            let id = try #require(made.json["record"]?["id"]?.string)
            #expect(try await roost.call(.DELETE, "/api/v1/keys/\(id)", key: roost.adminKey).status == 200)
            _ = try await eventually(within: .seconds(1)) {
                try await roost.mcp(["jsonrpc": "2.0", "id": 4, "method": "ping"], session: session, key: key).status == 401 ? true : nil
            }
        }
    }

    @Test("roost dev leaves no process and no port behind when it is killed")
    func killedSupervisor() async throws {
        try await withTemporaryFolder { folder in
            var children: [String: Int32] = [:]
            await #expect(throws: (any Error).self) {
                try await RunningRoost.with(folder: folder) { roost in
                    children = try roost.services()
                    kill(roost.supervisor, SIGKILL)
                    throw CancellationError()
                }
            }
            try #require(children.count == 2)
            // They stop by themselves and at once: a crash would leave nothing behind either, but later, and say so in the log.
            _ = try await eventually(within: .seconds(10)) {
                children.values.allSatisfy { kill($0, 0) != 0 } ? true : nil
            }
            for name in children.keys {
                let log = try String(contentsOfFile: "\(folder)/logs/\(name).log", encoding: .utf8)
                #expect(!log.contains("crashed"), "\(name) crashed: \(log.suffix(2000))")
            }
        }
    }

    @Test("a taken port and a folder in use are errors that say so")
    func taken() async throws {
        try await RunningRoost.with { roost in
            let port = try #require(roost.url.split(separator: ":").last.map(String.init))
            let roostTool = Program.products.appending("roost")
            let samePort = try await withTemporaryFolder {
                try await Program.run(roostTool, ["dev"], environment: ["ROOST_PORT": port, "ROOST_DATA_DIR": $0])
            }
            #expect(!samePort.status.isSuccess)
            #expect(samePort.errors.contains("Port \(port) is taken"))
            let sameFolder = try await Program.run(
                roostTool, ["dev"], environment: ["ROOST_PORT": "0", "ROOST_DATA_DIR": roost.folder.string])
            #expect(!sameFolder.status.isSuccess)
            #expect(sameFolder.errors.contains("is in use by another"))
        }
    }

    @Test("a second start on the same folder keeps keys, sessions and executions")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let first = try await RunningRoost.with(folder: folder) { roost in
                let session = try await roost.openSession()
                _ = try await roost.execute("return 1", session: session)
                return (roost, session)
            }
            try await RunningRoost.with(folder: folder) { roost in
                #expect(roost.agentKey == first.0.agentKey)
                #expect(roost.adminKey == first.0.adminKey)
                let answer = try await roost.execute("return 2", session: first.1, id: 5)
                #expect(answer["structuredContent"]?["result"]?.int == 2)
                let list = try await roost.call(.GET, "/api/v1/executions", key: roost.agentKey)
                #expect(list.json["items"]?.array?.count == 2)
            }
        }
    }
}
