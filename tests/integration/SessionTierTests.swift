import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Two gateways and three session-services, all real, on a real PostgreSQL.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(10))) struct SessionTierTests {
    private static let ping: JSONValue = ["jsonrpc": "2.0", "id": 7, "method": "ping"]

    /// Opens sessions at both gateways until one of each session-service is there; sessions by the id of their owner.
    private static func openEverywhere(_ cluster: Cluster) async throws -> [String: [String]] {
        var sessions: [String: [String]] = [:]
        var count = 0
        while sessions.count < cluster.sessionServices.count || count < 30 {
            try #require(count < 300, "sessions do not spread: \(sessions.mapValues(\.count))")
            let session = try await cluster.gateways[count % cluster.gateways.count].openSession()
            sessions[try #require(try await cluster.ownerID(of: session)), default: []].append(session)
            count += 1
        }
        return sessions
    }

    /// Pings a session at every gateway at once; how long the slowest took, and the statuses. A ping whose connection broke with its owner
    /// is answered 503, because nobody knows whether it was looked at; it is repeated once, as clients may.
    private static func pingEverywhere(
        _ cluster: Cluster, _ sessions: [String], repeats: Bool = false
    ) async throws -> (Duration, Set<Int>) {
        let start = ContinuousClock.now
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for session in sessions {
                for gateway in cluster.gateways { group.addTask { try await Self.ping(session, at: gateway, repeats: repeats) } }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        return (start.duration(to: .now), statuses)
    }

    private static func ping(_ session: String, at gateway: RunningRoost, repeats: Bool) async throws -> Int {
        let answer = try await gateway.mcp(Self.ping, session: session)
        guard repeats, answer.status == 503 else {
            if answer.status != 200 { Self.report("a ping is refused: \(answer)", .zero) }
            return answer.status
        }
        #expect(answer.headers.first(name: "Retry-After") != nil)
        return try await gateway.mcp(Self.ping, session: session).status
    }

    private static func report(_ what: String, _ time: Duration) {
        FileHandle.standardError.write(Data("MEASURED: \(what): \(time)\n".utf8))
    }

    @Test("sessions spread over the session-services, and every gateway reaches each")
    func spread() async throws {
        try await Cluster.with { cluster in
            let sessions = try await Self.openEverywhere(cluster)
            #expect(sessions.count == 3)
            for (_, some) in sessions {
                let (_, statuses) = try await Self.pingEverywhere(cluster, some)
                #expect(statuses == [200])
            }
            let session = try #require(sessions.values.first?.first)
            for (number, gateway) in cluster.gateways.enumerated() {
                let result = try await gateway.execute("return \(number)", session: session)
                #expect(result["structuredContent"]?["result"]?.int == number)
            }
        }
    }

    @Test("the sessions of a session-service that was killed go on elsewhere once its lease lapsed, all of them and at every gateway")
    func killed() async throws {
        try await Cluster.with { cluster in
            let sessions = try await Self.openEverywhere(cluster)
            let owner = try await cluster.owner(of: try #require(sessions.values.first?.first))
            let orphans = try #require(sessions[try await owner.replica()])
            try owner.send(SIGKILL)
            let (time, statuses) = try await Self.pingEverywhere(cluster, orphans, repeats: true)
            #expect(statuses == [200])
            Self.report("\(orphans.count) sessions answer after kill -9 of their owner, slowest", time)
            #expect(time < .seconds(15), "a lease, and what a slow machine takes for two pings")
            for session in orphans { #expect(try await cluster.ownerID(of: session) != (try await owner.replica())) }
            // The others did not notice.
            let dead = try await owner.replica()
            let others = sessions.filter { $0.key != dead }.flatMap(\.value)
            #expect(try await Self.pingEverywhere(cluster, others).1 == [200])
            // New sessions go where they can.
            for _ in 0..<10 { _ = try await cluster.gateways[0].openSession() }
        }
    }

    @Test(
        "calls in flight on a session-service that hangs end in a typed error, its sessions go on elsewhere, and it comes back as another")
    func stopped() async throws {
        try await Cluster.with { cluster in
            let session = try await cluster.gateways[0].openSession()
            let owner = try await cluster.owner(of: session)
            let before = try await owner.replica()
            let call: JSONValue = [
                "jsonrpc": "2.0", "id": 9, "method": "tools/call",
                "params": ["name": "execute", "arguments": ["code": "await new Promise(done => setTimeout(done, 25_000)); return 1"]],
            ]
            let gateway = cluster.gateways[0]
            let running = Task { try await gateway.mcp(call, session: session) }
            // The call is under way once its execution is there.
            _ = try await eventually(within: .seconds(60)) {
                let listed = try await gateway.call(.GET, "/api/v1/executions", key: gateway.agentKey)
                return listed.json["items"]?.array?.isEmpty == false ? true : nil
            }
            try owner.send(SIGSTOP)
            let start = ContinuousClock.now
            let pinging = Task { try await cluster.gateways[1].mcp(Self.ping, session: session) }
            let (interrupted, refused) = (try await running.value, try await pinging.value)
            let time = start.duration(to: .now)
            Self.report("calls in flight end after SIGSTOP of the owner", time)
            #expect(interrupted.json["error"]?["data"]?["code"]?.string == "execution_interrupted", "\(interrupted)")
            // A gateway that had no connection to it yet gets none, and so may send the ping elsewhere once the lease has lapsed.
            #expect(refused.status == 200 || refused.status == 503 && refused.headers.first(name: "Retry-After") != nil, "\(refused)")
            #expect(time < .seconds(10), "the bound on any call")
            for gateway in cluster.gateways { #expect(try await gateway.mcp(Self.ping, session: session).status == 200) }
            let after = try #require(try await cluster.ownerID(of: session))
            #expect(after != before)
            try owner.send(SIGCONT)
            // It registers again and gets new sessions, while those that it lost stay where they are.
            _ = try await eventually(within: .seconds(60)) {
                let opened = try await cluster.gateways[0].openSession()
                return try await cluster.ownerID(of: opened) == before ? true : nil
            }
            for gateway in cluster.gateways { #expect(try await gateway.mcp(Self.ping, session: session).status == 200) }
            #expect(try await cluster.ownerID(of: session) == after)
        }
    }

    @Test("a session-service that is stopped in good order hands its sessions over at once")
    func handOver() async throws {
        try await Cluster.with { cluster in
            let sessions = try await Self.openEverywhere(cluster)
            let owner = try await cluster.owner(of: try #require(sessions.values.first?.first))
            let given = try #require(sessions[try await owner.replica()])
            try owner.send(SIGTERM)
            var slowest = Duration.zero
            // During the stop and after it: nobody is refused, and nobody waits for a lease to lapse.
            while true {
                let (time, statuses) = try await Self.pingEverywhere(cluster, given)
                slowest = max(slowest, time)
                #expect(statuses == [200])
                var owners: Set<String?> = []
                for session in given { owners.insert(try await cluster.ownerID(of: session)) }
                if !owners.contains(try await owner.replica()), !owners.contains(nil) { break }
            }
            Self.report("\(given.count) sessions answer while their owner stops in good order, slowest", slowest)
            #expect(slowest < .seconds(5), "shorter than a lease")
        }
    }
}
