import Egress
import Synchronization
import TestSupport
import Testing

@Suite("Connections, requests and hosts are bounded", .timeLimit(.minutes(1)))
struct CapacityTests {
    @Test("One host gets no more connections and requests than allowed")
    func perHost() async throws {
        let open = Mutex(0)
        let most = Mutex(0)
        let gate = Recorder<Void>()
        var limits = EgressLimits.patient
        limits.maxConnectionsPerHost = 2
        limits.maxRequestsPerHost = 6
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            let now = open.withLock {
                $0 += 1; return $0
            }
            most.withLock { $0 = max($0, now) }
            defer { open.withLock { $0 -= 1 } }
            while try await connection.readRequest() != nil {
                await gate.wait(for: 1)
                try await connection.answer(body: "ok")
            }
        }
        try await ScriptedServer.run(script: script) { (server) async throws in
            try await EgressClient.run(limits: limits, allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                let url = "http://127.0.0.1:\(server.port)/"
                await withTaskGroup(of: EgressError?.self) { group in
                    for _ in 0..<10 { group.addTask { await client.failure(EgressRequest(url: url)) } }
                    // Six are in and wait for the gate, so the first four to end are those that were turned away.
                    for _ in 0..<4 {
                        let error = await group.next() ?? nil
                        #expect(error?.code == .overloaded)
                        #expect(error?.mayHaveBeenSent == false)
                    }
                    gate.record(())
                    for await error in group { #expect(error == nil) }
                }
            }
        }
        #expect(most.withLock { $0 } == 2)
    }

    @Test("A request waits for a busy connection as long as it has time, not as long as connecting may take")
    func waiting() async throws {
        var limits = EgressLimits.patient
        limits.maxConnectionsPerHost = 1
        limits.connectTimeout = .milliseconds(300)
        let started = Recorder<Void>()
        let gate = Recorder<Void>()
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            while try await connection.readRequest() != nil {
                started.record(())
                await gate.wait(for: 1)
                try await connection.answer(body: "ok")
            }
        }
        try await ScriptedServer.run(script: script) { server in
            try await EgressClient.run(limits: limits, allow: ["127.0.0.1:\(server.port)"]) { client in
                let url = "http://127.0.0.1:\(server.port)/"
                await withTaskGroup(of: EgressError?.self) { group in
                    group.addTask { await client.failure(EgressRequest(url: url)) }
                    await started.wait(for: 1)
                    let begin = ContinuousClock.now
                    let error = await client.failure(EgressRequest(method: "POST", url: url, timeout: .seconds(1)))
                    #expect(ContinuousClock.now - begin >= .seconds(1))
                    #expect(error?.mayHaveBeenSent == false)
                    gate.record(())
                    for await first in group { #expect(first == nil) }
                }
            }
        }
    }

    @Test("The host unused for longest gives way to a new one")
    func eviction() async throws {
        let closed = Recorder<String>()
        var limits = EgressLimits.patient
        limits.maxHosts = 2
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            var host = ""
            while let request = try await connection.readRequest() {
                host = request.header("host")?.prefix { $0 != ":" }.description ?? ""
                try await connection.answer(body: "ok")
            }
            closed.record(host)
        }
        try await ScriptedServer.run(script: script) { (server) async throws in
            let names = ["a.test", "b.test", "c.test"]
            let resolver = ScriptedResolver(Dictionary(uniqueKeysWithValues: names.map { ($0, [["127.0.0.1"]]) }))
            try await EgressClient.run(limits: limits, allow: names.map { "\($0):\(server.port)" }, resolver: resolver) {
                (client) async throws in
                for name in ["a.test", "b.test", "a.test", "c.test"] {
                    #expect(try await client.send(EgressRequest(url: "http://\(name):\(server.port)/")).status == 200)
                }
                await closed.wait(for: 1)
                #expect(closed.elements == ["b.test"])
                // One question each within the lifetime of an answer.
                #expect(resolver.questions == ["a.test", "b.test", "c.test"])
            }
        }
    }

    @Test("Rotating answers of a name server go on using the connection that is there")
    func rotation() async throws {
        var limits = EgressLimits.patient
        limits.resolutionLifetime = .zero
        let connections = Recorder<Void>()
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            connections.record(())
            while try await connection.readRequest() != nil { try await connection.answer(body: "ok") }
        }
        try await ScriptedServer.run(host: "0.0.0.0", script: script) { server in
            let resolver = ScriptedResolver(["r.test": [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.2"]]])
            try await EgressClient.run(limits: limits, allow: ["r.test:\(server.port)"], resolver: resolver) { client in
                for _ in 0..<2 { _ = try await client.send(EgressRequest(url: "http://r.test:\(server.port)/")) }
                #expect(connections.elements.count == 1)
                // An address that the name no longer has is not used any more.
                _ = try await client.send(EgressRequest(url: "http://r.test:\(server.port)/"))
                #expect(connections.elements.count == 2)
            }
        }
    }

    @Test("A closed client takes no requests, and closing twice is fine")
    func closed() async throws {
        try await EgressClient.run(allow: ["127.0.0.1:9"]) { (client) async throws in
            await client.shutdown()
            #expect(await client.failure(EgressRequest(url: "http://127.0.0.1:9/"))?.code == .cancelled)
        }
    }
}
