import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Processes of two versions side by side: the current one, and the made-up one before it, whose records lack a field and which does not
/// know a kind of request.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(10))) struct VersionTests {
    private static let previous = ["ROOST_TEST_PREVIOUS_VERSION": "true"]
    private static let ping: JSONValue = ["jsonrpc": "2.0", "id": 7, "method": "ping"]

    private static func slow(id: Int) -> JSONValue {
        [
            "jsonrpc": "2.0", "id": .number(JSONNumber(id)), "method": "tools/call",
            "params": ["name": "execute", "arguments": ["code": "await new Promise((done) => setTimeout(done, 1500)); return 'woke'"]],
        ]
    }

    /// A session with an answer that its client may come back for.
    private struct Kept {
        let session: String
        let event: String
    }

    /// Opens sessions until one is at `owner`, and has a call answered there by a stream with ids.
    private static func keep(_ cluster: Cluster, at owner: ClusterProcess, by gateway: RunningRoost) async throws -> Kept {
        let replica = try await owner.replica()
        let session = try await eventually(within: .seconds(60)) {
            let session = try await gateway.openSession()
            return try await cluster.ownerID(of: session) == replica ? session : nil
        }
        let stream = try await gateway.open(.POST, session: session, body: Self.slow(id: 9))
        let event = try #require(await stream.next()?.id)
        #expect(await stream.next()?.message["result"]?["structuredContent"]?["result"] == "woke")
        return Kept(session: session, event: event)
    }

    /// Everything that a session's client does goes on at `owner`, by every gateway.
    private static func expectGoingOn(_ kept: Kept, _ cluster: Cluster, at owner: ClusterProcess, _ comment: Comment) async throws {
        for (number, gateway) in cluster.gateways.enumerated() {
            _ = try await eventually(within: .seconds(30)) {
                let answer = try await gateway.mcp(Self.ping, session: kept.session)
                // A ping whose connection broke with its owner is answered so, and repeated.
                try #require(answer.status == 200 || answer.status == 503, "\(comment): \(answer.status)")
                return answer.status == 200 ? true : nil
            }
            #expect(try await cluster.ownerID(of: kept.session) == (try await owner.replica()), comment)
            let result = try await gateway.execute("return \(number) + 1", session: kept.session)
            #expect(result["structuredContent"]?["result"]?.int == number + 1, comment)
            let rest = try await gateway.reopen(kept.session, after: kept.event)
            #expect(await rest.next()?.message["result"]?["structuredContent"]?["result"] == "woke", "\(comment): the kept answer is found")
            let listening = try await gateway.open(.GET, session: kept.session)
            #expect(listening.status == 200)
            #expect(await listening.next()?.id != nil)
            listening.leave()
            let call = try await gateway.open(.POST, session: kept.session, body: Self.slow(id: 10))
            #expect(await call.next()?.id != nil)
            #expect(await call.next()?.message["result"]?["structuredContent"]?["result"] == "woke", comment)
        }
    }

    @Test("each version takes the other's sessions over, when it stops and when it dies, and calls and streams go on, in both directions")
    func sideBySide() async throws {
        try await Cluster.with(
            sessionServices: 2, own: ["session-service-0": Self.previous, "api-gateway-1": Self.previous]
        ) { cluster in
            let (older, newer) = (cluster.sessionServices[0], cluster.sessionServices[1])
            let ofOlder = [
                try await Self.keep(cluster, at: older, by: cluster.gateways[0]),
                try await Self.keep(cluster, at: older, by: cluster.gateways[1]),
            ]
            let ofNewer = [
                try await Self.keep(cluster, at: newer, by: cluster.gateways[0]),
                try await Self.keep(cluster, at: newer, by: cluster.gateways[1]),
            ]
            // The older one really writes and speaks what it is told to.
            let (v0, v1) = (
                try await cluster.texts("SELECT id FROM sessions WHERE record_version = 0 AND client_info IS NULL"),
                try await cluster.texts("SELECT id FROM sessions WHERE record_version = 1 AND client_info IS NOT NULL")
            )
            #expect(v0.count >= 2 && v1.count >= 2)
            #expect(try await cluster.texts("SELECT count(*)::text FROM sessions") == ["\(v0.count + v1.count)"])
            for kept in ofOlder { try await Self.expectGoingOn(kept, cluster, at: older, "at the older one") }
            for kept in ofNewer { try await Self.expectGoingOn(kept, cluster, at: newer, "at the newer one") }

            try await older.stop()
            for kept in ofOlder { try await Self.expectGoingOn(kept, cluster, at: newer, "the older one stopped") }
            // As when a roll-out is taken back.
            let again = try await cluster.startSessionService(Self.previous)
            try newer.send(SIGKILL)
            for kept in ofOlder + ofNewer { try await Self.expectGoingOn(kept, cluster, at: again, "the newer one was killed") }
            let last = try await cluster.startSessionService()
            try again.send(SIGKILL)
            for kept in ofOlder + ofNewer { try await Self.expectGoingOn(kept, cluster, at: last, "the older one was killed") }
        }
    }
}
