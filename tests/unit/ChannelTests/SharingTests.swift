import Channel
import Synchronization
import TestSupport
import Testing

/// Many exchanges on one connection: each costs only itself.
@Suite("Sharing a connection", .timeLimit(.minutes(3)))
struct SharingTests {
    /// Lets others run where a request fails at once; without it, two tasks that try again keep both threads of a small machine.
    private static func pause() async { try? await ContinuousClock().sleep(for: .milliseconds(5)) }

    private static var oneConnection: ChannelLimits {
        var limits = ChannelFixture.limits
        limits.connectionsPerPeer = 1
        return limits
    }

    @Test("1,500 streams cancelled at once leave the others alone, and each handler is cancelled", arguments: ChannelKind.allCases)
    func massCancellation(kind: ChannelKind) async throws {
        let cancelled = Recorder<Bool>()
        let started = Recorder<String>()
        let goOn = Recorder<Bool>()
        try await ChannelFixture.withChannel(kind, limits: Self.oneConnection) { request in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("first")
                    started.record(request.path)
                    guard request.path == "/stay" else {
                        try? await ContractFailureTests.untilCancelled()
                        return cancelled.record(true)
                    }
                    await goOn.wait(for: 1)
                    try await writer.write("last")
                })
        } _: { client in
            let stayed = Recorder<String>()
            try await withThrowingTaskGroup(of: Void.self) { stayers in
                for _ in 0..<100 {
                    stayers.addTask {
                        let response = try await client.send(ChannelRequest(method: "GET", path: "/stay"))
                        stayed.record(try await response.body.text())
                    }
                }
                await withTaskGroup(of: Void.self) { leavers in
                    for _ in 0..<1_500 {
                        leavers.addTask {
                            do {
                                let response = try await client.send(ChannelRequest(method: "GET", path: "/leave"))
                                for try await _ in response.body {}
                                Issue.record("a body that never ends has ended")
                            } catch {
                                #expect((error as? ChannelError)?.code == .cancelled, "\(error)")
                            }
                        }
                    }
                    await started.wait(for: 1_600)
                    leavers.cancelAll()
                }
                await cancelled.wait(for: 1_500)
                goOn.record(true)
                try await stayers.waitForAll()
            }
            #expect(stayed.elements == [String](repeating: "firstlast", count: 100))
            _ = try await client.send(ChannelRequest(method: "GET", path: "/stay"))
        }
        #expect(cancelled.elements.count == 1_500)
    }

    @Test("A reader that stands still holds up only itself", arguments: ChannelKind.allCases)
    func stalledReader(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind, limits: Self.oneConnection) { request in
            guard request.path == "/stream" else { return ChannelResponse(status: 200) }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for _ in 0..<500 { try await writer.write([UInt8](repeating: 1, count: 10_000)) }
                })
        } _: { client in
            let stalled = try await client.send(ChannelRequest(method: "GET", path: "/stream"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let response = try await client.send(ChannelRequest(method: "GET", path: "/stream"))
                        var count = 0
                        for try await chunk in response.body { count += chunk.count }
                        #expect(count == 5_000_000)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.send(ChannelRequest(method: "GET", path: "/unary")).status == 200)
            var count = 0
            for try await chunk in stalled.body { count += chunk.count }
            #expect(count == 5_000_000)
        }
    }

    @Test("5,000 streams are open at once, and end when they are told to", arguments: ChannelKind.allCases)
    func manyStreams(kind: ChannelKind) async throws {
        let open = Recorder<Bool>()
        let goOn = Recorder<Bool>()
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    open.record(true)
                    await goOn.wait(for: 1)
                    try await writer.write("end")
                })
        } _: { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<5_000 {
                    group.addTask {
                        let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
                        #expect(try await response.body.text() == "end")
                    }
                }
                await open.wait(for: 5_000)
                goOn.record(true)
                try await group.waitForAll()
            }
        }
    }

    @Test("More requests than streams wait for their turn, and all are answered", arguments: ChannelKind.network)
    func streamLimit(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxStreamsPerConnection = 5
        limits.connectionsPerPeer = 2
        let running = Mutex((now: 0, most: 0))
        try await ChannelFixture.withChannel(kind, limits: limits) { _ in
            running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            await Task.yield()
            running.withLock { $0.now -= 1 }
            return ChannelResponse(status: 200)
        } _: { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<500 {
                    group.addTask { _ = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(60))) }
                }
                try await group.waitForAll()
            }
        }
        #expect(running.withLock { $0.most } <= 10)
    }

    @Test("What waits longer than its time for a stream ends in time, and what is cancelled there ends too", arguments: ChannelKind.network)
    func waitingEnds(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxStreamsPerConnection = 1
        limits.connectionsPerPeer = 1
        limits.maxWaitingRequests = 2
        let started = Recorder<Bool>()
        try await ChannelFixture.withChannel(kind, limits: limits) { request in
            guard request.path == "/hold" else { return ChannelResponse(status: 200) }
            started.record(true)
            try await ContractFailureTests.untilCancelled()
            return ChannelResponse(status: 200)
        } _: { client in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = await client.failure(ChannelRequest(method: "GET", path: "/hold")) }
                await started.wait(for: 1)
                let late = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .milliseconds(100)))
                #expect(late?.code == .deadlineExceeded)
                for _ in 0..<2 {
                    group.addTask {
                        // The probes below take up room too, for a while.
                        var error: ChannelError?
                        repeat {
                            if error != nil { await Self.pause() }
                            error = await client.failure(ChannelRequest(method: "GET", path: "/"))
                        } while error?.code == .overloaded
                        #expect(error?.code == .cancelled)
                    }
                }
                // Both of them wait once a third is refused.
                while true {
                    let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .milliseconds(20)))
                    if error?.code == .overloaded { break }
                    guard error?.code == .deadlineExceeded else {
                        Issue.record("\(String(describing: error))")
                        break
                    }
                }
                group.cancelAll()
            }
            _ = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30)))
        }
    }

    @Test("A connection is replaced before its stream numbers run out, and no request notices", arguments: ChannelKind.network)
    func retirement(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxRequestsPerConnection = 10
        limits.connectionsPerPeer = 2
        let server = try ChannelFixture.server(kind, limits: limits) { request in
            ChannelResponse(status: 200, body: .text(request.path))
        }
        try await ChannelFixture.running([server]) {
            try await TCPProxy.run(to: try await server.address.port) { proxy in
                let client = try await ChannelFixture.client(of: server, kind, port: proxy.port, limits: limits)
                try await ChannelFixture.running([client]) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<300 {
                            if number >= 20 { try await group.next() }
                            group.addTask {
                                let response = try await client.send(
                                    ChannelRequest(method: "GET", path: "/\(number)", timeout: .seconds(60)))
                                #expect(try await response.body.text() == "/\(number)")
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                #expect(proxy.connectionCount >= 30)
            }
        }
    }
}
