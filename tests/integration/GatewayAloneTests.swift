import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Gateways that do not have what other processes have: the database, or a registry whose addresses lead anywhere.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(10))) struct GatewayAloneTests {
    private static let ping: JSONValue = ["jsonrpc": "2.0", "id": 7, "method": "ping"]

    @Test("a gateway that alone loses the database serves the sessions that it knows, and a key that is revoked meanwhile is refused")
    func withoutDatabase() async throws {
        try await Cluster.with(gateways: 1, sessionServices: 2) { cluster in
            try await TCPProxy.run(to: cluster.server.port) { proxy in
                let other = cluster.gateways[0]
                let alone = try await cluster.startGateway(["ROOST_DATABASE_URL": try await cluster.networkURL(port: proxy.port)])
                let made = try await other.call(.POST, "/api/v1/keys", key: other.adminKey, body: ["name": "revoked", "role": "agent"])
                let (key, id) = (try #require(made.json["key"]?.string), try #require(made.json["record"]?["id"]?.string))
                var sessions: [String] = []
                for number in 0..<6 { sessions.append(try await [alone, other][number % 2].openSession()) }
                let keyed = try await alone.openSession(key: key)
                for session in sessions { #expect(try await alone.mcp(Self.ping, session: session).status == 200) }
                // One that the gateway has never heard of.
                let unheard = try await other.openSession()
                let call = try await alone.open(
                    .POST, session: sessions[0],
                    body: [
                        "jsonrpc": "2.0", "id": 9, "method": "tools/call",
                        "params": [
                            "name": "execute", "arguments": ["code": "await new Promise((done) => setTimeout(done, 4000)); return 'woke'"],
                        ],
                    ])
                #expect(await call.next()?.id != nil)

                proxy.cut()
                let cut = ContinuousClock.now
                let refused = try await eventually(within: .seconds(30)) {
                    let answer = try await alone.call(.GET, "/api/v1/policies", key: alone.adminKey)
                    return answer.status == 503 ? answer : nil
                }
                #expect(refused.headers.first(name: "Retry-After") != nil)
                #expect(
                    await call.next()?.message["result"]?["structuredContent"]?["result"] == "woke", "a call in flight is not disturbed")
                // For longer than a lease, so that the gateway's own registration has lapsed too.
                var rounds = 0
                while cut.duration(to: .now) < .seconds(8) || rounds < 3 {
                    for session in sessions + [unheard] { #expect(try await alone.mcp(Self.ping, session: session).status == 200) }
                    let result = try await alone.execute("return \(rounds)", session: sessions[rounds % sessions.count])
                    #expect(result["structuredContent"]?["result"]?.int == rounds)
                    rounds += 1
                }
                let listening = try await alone.open(.GET, session: sessions[0])
                #expect(await listening.next()?.id != nil)
                listening.leave()
                #expect(cut.duration(to: .now) < .seconds(28), "past 30 s nobody's key is taken on trust, and this shows nothing")

                #expect(try await alone.mcp(Self.ping, session: keyed, key: key).status == 200)
                #expect(try await other.call(.DELETE, "/api/v1/keys/\(id)", key: other.adminKey).status == 200)
                _ = try await eventually(within: .seconds(2)) {
                    try await alone.mcp(Self.ping, session: keyed, key: key).status == 401 ? true : nil
                }
                #expect(try await alone.call(.GET, "/api/v1/policies", key: alone.adminKey).status == 503, "it is still cut off")

                proxy.mend()
                _ = try await eventually(within: .seconds(60)) {
                    try await alone.call(.GET, "/api/v1/policies", key: alone.adminKey).status == 200 ? true : nil
                }
                #expect(try await alone.mcp(Self.ping, session: try await alone.openSession()).status == 200)
                let run = try await eventually(within: .seconds(60)) {
                    let answer = try await alone.call(.POST, "/api/v1/executions", key: alone.agentKey, body: ["code": "return 5"])
                    return answer.status == 200 ? answer : nil
                }
                #expect(run.json["state"] == "completed")
            }
        }
    }

    @Test("a gateway with a list of session-services needs no registry: it finds their sessions, and outlives the death of one")
    func staticList() async throws {
        // Whoever goes by the registered addresses reaches nobody (RFC 5737).
        try await Cluster.with(gateways: 0, sessionServices: 2, ["ROOST_SESSIONS_ADVERTISED_HOST": "192.0.2.1"]) { cluster in
            var ports: [String] = []
            for service in cluster.sessionServices {
                let address = try await service.logged("registered", "address")
                #expect(address.hasPrefix("192.0.2.1:"))
                ports.append(try #require(address.split(separator: ":").last.map(String.init)))
            }
            let list = ["ROOST_GATEWAY_SESSION_SERVICES": ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")]
            let gateways = [try await cluster.startGateway(list), try await cluster.startGateway(list)]
            var sessions: [String: [String]] = [:]
            for number in 0..<100 where number < 12 || sessions.count < 2 {
                let session = try await gateways[number % 2].openSession()
                sessions[try #require(try await cluster.ownerID(of: session)), default: []].append(session)
            }
            #expect(sessions.count == 2, "both take sessions")
            for session in sessions.values.joined() {
                for gateway in gateways { #expect(try await gateway.mcp(Self.ping, session: session).status == 200) }
            }
            let dead = cluster.sessionServices[0]
            let orphans = try #require(sessions[try await dead.replica()])
            try dead.send(SIGKILL)
            let killed = ContinuousClock.now
            for session in orphans {
                for gateway in gateways {
                    var answer = try await gateway.mcp(Self.ping, session: session)
                    // One whose connection broke under it is repeated, as clients may.
                    if answer.status == 503 { answer = try await gateway.mcp(Self.ping, session: session) }
                    #expect(answer.status == 200)
                }
            }
            #expect(killed.duration(to: .now) < .seconds(20), "a lease, once for all of them")
            for session in sessions.values.joined() {
                let result = try await gateways[0].execute("return 6", session: session)
                #expect(result["structuredContent"]?["result"]?.int == 6)
                #expect(try await cluster.ownerID(of: session) == (try await cluster.sessionServices[1].replica()))
            }
        }
    }

    /// What a process and the database hold of requests.
    private struct Footprint: Hashable, CustomStringConvertible {
        var files: [Int]
        var processes: [Int]
        var running: [String]

        init(_ processes: [ClusterProcess], _ cluster: Cluster) async throws {
            self.files = try processes.map { try $0.openFileCount() }
            self.processes = try processes.map { try RunningRoost.descendants(of: #require($0.processID)).count }
            self.running = try await cluster.texts("SELECT id FROM executions WHERE ended_at IS NULL")
        }

        /// Whether nothing is there that was not there before.
        func isWithin(_ before: Footprint) -> Bool {
            zip(self.files, before.files).allSatisfy { $0 <= $1 } && zip(self.processes, before.processes).allSatisfy { $0 <= $1 }
                && self.running.isEmpty
        }

        var description: String { "files \(self.files) processes \(self.processes) running \(self.running.count)" }
    }

    /// Whether something comes to hold, looked at again and again.
    private static func becomes(within limit: Duration, _ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            let isLast = ContinuousClock.now >= deadline
            if try await condition() { return true }
            if isLast { return false }
            await Task.yield()
        }
    }

    @Test("requests whose clients leave in mid-way, over REST and MCP, leave no socket, process or running execution behind")
    func abandoned() async throws {
        try await Cluster.with(gateways: 1, sessionServices: 1) { cluster in
            let gateway = cluster.gateways[0]
            let processes = [try cluster.process(of: gateway), cluster.sessionServices[0]]
            let session = try await gateway.openSession()
            let program = "await new Promise((done) => setTimeout(done, 60_000)); return 1"
            let rest = "POST /api/v1/executions HTTP/1.1"
            let mcp = "POST /mcp HTTP/1.1"
            func text(_ line: String, _ body: JSONValue, isOpening: Bool = false) -> String {
                """
                \(line)\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(gateway.agentKey)\r\nContent-Type: application/json\r\n\
                Accept: application/json, text/event-stream\r\n\(isOpening ? "" : "Mcp-Session-Id: \(session)\r\n")\
                Content-Length: \(body.bytes().count)\r\n\r\n\(body.text())
                """
            }
            let call: JSONValue = [
                "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": ["name": "execute", "arguments": ["code": .string(program)]],
            ]
            let opening: JSONValue = [
                "jsonrpc": "2.0", "id": 1, "method": "initialize",
                "params": ["protocolVersion": "2025-11-25", "capabilities": [:], "clientInfo": ["name": "test", "version": "1"]],
            ]
            let requests = [
                text(rest, ["code": .string(program)]), text(mcp, call), text(mcp, Self.ping), text(mcp, opening, isOpening: true),
            ]
            /// Sends so much of a request, lets the gateway answer so many others meanwhile, and is gone.
            @Sendable func leave(_ request: String, sending part: Double, after others: Int) async throws {
                let connection = try RawConnection(gateway)
                try connection.write(String(request.prefix(Int(Double(request.count) * part))))
                for _ in 0..<others { #expect(try await gateway.call(.GET, "/healthz").status == 200) }
                // How far the request has come by now differs from one to the next, as it should.
                withExtendedLifetime(connection) {}
            }
            func round() async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for request in requests {
                        for (part, others) in [(0.3, 1), (0.99, 1), (1.0, 0), (1.0, 1), (1.0, 3), (1.0, 10), (1.0, 40)] {
                            group.addTask { try await leave(request, sending: part, after: others) }
                        }
                    }
                    try await group.waitForAll()
                }
                // A call over MCP goes on without its client, which did not cancel it: that is its session's to end.
                let listed = try await gateway.call(.GET, "/api/v1/executions?limit=200", key: gateway.agentKey)
                for item in listed.json["items"]?.array ?? [] where item["state"] == "running" {
                    let id = try #require(item["id"]?.string)
                    _ = try await gateway.call(.POST, "/api/v1/executions/\(id)/cancel", key: gateway.agentKey)
                }
                _ = try await eventually(within: .seconds(60)) {
                    try await cluster.texts("SELECT id FROM executions WHERE ended_at IS NULL").isEmpty ? true : nil
                }
            }
            // Pools that stay grow for a while and then no more; what every round leaves behind grows with every round.
            var footprints: [Footprint] = []
            var isStill = false
            for _ in 0..<8 where !isStill {
                try await round()
                if let before = footprints.last {
                    isStill = try await Self.becomes(within: .seconds(10)) { try await Footprint(processes, cluster).isWithin(before) }
                }
                footprints.append(try await Footprint(processes, cluster))
            }
            #expect(isStill, "\(footprints)")
            #expect(try await gateway.execute("return 8", session: session)["structuredContent"]?["result"]?.int == 8)
            let run = try await gateway.call(.POST, "/api/v1/executions", key: gateway.agentKey, body: ["code": "return 9"])
            #expect(run.json["state"] == "completed")
        }
    }
}
