import AsyncHTTPClient
import Foundation
import JSON
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// Every process of an installation is replaced by another, one after the other, while clients are at work.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(10))) struct RollingReplacementTests {
    /// What the clients met.
    private struct Tally {
        var answered = 0
        /// Told in a typed error.
        var told: [String: Int] = [:]
        /// Cut with the connection, by a gateway that was about to stop.
        var cut = 0
        /// Each is a fault.
        var faults: [String] = []
        var slowest = Duration.zero
    }

    /// The gateways that a balancer would send to, and what became of the calls.
    private final class Clients: Sendable {
        private let gateways: Mutex<[RunningRoost]>
        private let tally = Mutex(Tally())
        private let isOver = Mutex(false)

        init(_ gateways: [RunningRoost]) { self.gateways = Mutex(gateways) }

        var result: Tally { self.tally.withLock { $0 } }
        var answeredCount: Int { self.tally.withLock { $0.answered } }

        func replace(_ old: RunningRoost, by new: RunningRoost) {
            self.gateways.withLock { gateways in
                gateways.append(new)
                gateways.removeAll { $0.url == old.url }
            }
        }

        func end() { self.isOver.withLock { $0 = true } }

        private func has(_ gateway: RunningRoost) -> Bool { self.gateways.withLock { $0.contains { $0.url == gateway.url } } }

        /// One client: it calls, one call after the other, until all are to end.
        func work(_ number: Int, session: String) async throws {
            var turn = number
            while !self.isOver.withLock({ $0 }) {
                turn += 1
                let gateway = self.gateways.withLock { $0[turn % $0.count] }
                let start = ContinuousClock.now
                let outcome = try await self.call(turn, session: session, at: gateway)
                let time = start.duration(to: .now)
                self.tally.withLock { tally in
                    tally.slowest = max(tally.slowest, time)
                    switch outcome {
                    case .answered: tally.answered += 1
                    case .told(let code): tally.told[code, default: 0] += 1
                    case .cut: tally.cut += 1
                    case .fault(let what): tally.faults.append(what)
                    }
                }
            }
        }

        private enum Outcome {
            case answered, told(String), cut, fault(String)
        }

        private func call(_ number: Int, session: String, at gateway: RunningRoost) async throws -> Outcome {
            let isLong = number.isMultiple(of: 5)
            let program = (isLong ? "await new Promise((done) => setTimeout(done, 700)); " : "") + "return \(number) * 2"
            let message: JSONValue = [
                "jsonrpc": "2.0", "id": .number(JSONNumber(number)), "method": "tools/call",
                "params": ["name": "execute", "arguments": ["code": .string(program)]],
            ]
            let answer: RunningRoost.Answer
            do {
                answer = try await gateway.mcp(message, session: session)
            } catch let error as HTTPClientError where error != .deadlineExceeded && error != .readTimeout {
                return self.has(gateway) ? .fault("a gateway that stays cut a call: \(error)") : .cut
            } catch let error where !(error is CancellationError) {
                return self.has(gateway) ? .fault("a gateway that stays cannot be called: \(error)") : .cut
            }
            if let result = answer.json["result"] {
                let isRight = result["structuredContent"]?["result"]?.int == number * 2
                if !isRight, let told = result["structuredContent"]?["error"]?["code"]?.string { return .told(told) }
                return isRight && answer.json["id"]?.int == number ? .answered : .fault("a wrong answer: \(result)")
            }
            guard let code = answer.json["error"]?["data"]?["code"]?.string else {
                // What a gateway has begun to say and could not end.
                if answer.bytes.isEmpty, answer.status == 200, !self.has(gateway) { return .cut }
                return .fault("\(answer.status) without a typed error: \(String(decoding: answer.bytes, as: UTF8.self).prefix(300))")
            }
            return code == "unknown_session" || answer.status == 404 ? .fault("a session was lost") : .told(code)
        }
    }

    @Test("two gateways and three session-services are replaced under load: no session is lost, and every call is answered or told why not")
    func replaced() async throws {
        try await Cluster.with { cluster in
            let clients = Clients(cluster.gateways)
            var sessions: [String] = []
            for number in 0..<12 { sessions.append(try await cluster.gateways[number % 2].openSession()) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, session) in sessions.enumerated() { group.addTask { try await clients.work(number * 1000, session: session) } }
                /// Lets clients work for a while, counted in answers.
                func work(_ count: Int) async throws {
                    let enough = clients.answeredCount + count
                    _ = try await eventually(within: .seconds(120)) { clients.answeredCount >= enough ? true : nil }
                }
                try await work(24)
                for old in cluster.sessionServices {
                    _ = try await cluster.startSessionService()
                    try await old.stop()
                    try await work(24)
                }
                for old in cluster.gateways {
                    let new = try await cluster.startGateway()
                    clients.replace(old, by: new)
                    try await cluster.process(of: old).stop()
                    try await work(24)
                }
                clients.end()
                try await group.waitForAll()
            }
            let tally = clients.result
            FileHandle.standardError.write(
                Data(
                    "MEASURED: rolling replacement answered=\(tally.answered) told=\(tally.told) cut=\(tally.cut) slowest=\(tally.slowest)\n"
                        .utf8
                ))
            #expect(tally.faults == [])
            #expect(tally.slowest < .seconds(10), "the bound on any call")
            #expect(tally.told.values.reduce(0, +) + tally.cut <= tally.answered / 10, "\(tally.told)")
            // All of the old ones are gone, and what they had is where it should be.
            let live = try await cluster.texts("SELECT id FROM replicas WHERE kind = 'session-service'")
            for old in cluster.sessionServices { #expect(!live.contains(try await old.replica())) }
            #expect(try await cluster.texts("SELECT id FROM executions WHERE ended_at IS NULL") == [])
            #expect(
                try await cluster.texts(
                    "SELECT id FROM sessions WHERE owner_replica IS NOT NULL AND owner_replica NOT IN (SELECT id FROM replicas)") == [])
        }
    }
}
