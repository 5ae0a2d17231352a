import Channel
import ServiceLifecycle
import TestSupport
import Testing

/// Connections that break, stall and go silent: every request ends, and in the right error.
@Suite("Broken connections", .timeLimit(.minutes(2)))
struct BrokenConnectionTests {
    private static func withProxy(
        _ kind: ChannelKind, limits: ChannelLimits = ChannelFixture.limits, cutAfter: Int? = nil,
        handler: @escaping @Sendable (ChannelRequest) async throws -> ChannelResponse,
        _ body: (any ChannelClient, TCPProxy) async throws -> Void
    ) async throws {
        let server = try ChannelFixture.server(kind, limits: limits, handler)
        try await ChannelFixture.running([server]) {
            try await TCPProxy.run(to: try await server.address.port, cutAfter: cutAfter) { proxy in
                let client = try await ChannelFixture.client(of: server, kind, port: proxy.port, limits: limits)
                try await ChannelFixture.running([client]) { try await body(client, proxy) }
            }
        }
    }

    @Test(
        "Wherever the connection to the client is cut, the request ends in an answer or a typed error",
        arguments: ChannelKind.network, [1, 9, 10, 24, 46, 59, 80, 100, 150, 200, 300, 500, 1_000, 5_000, 16_500, 50_000, 99_000])
    func cut(kind: ChannelKind, bytes: Int) async throws {
        try await Self.withProxy(kind, cutAfter: bytes) { _ in
            ChannelResponse(status: 200, headers: ["x-padding": "some bytes"], body: .bytes([UInt8](repeating: 1, count: 100_000)))
        } _: { client, _ in
            for _ in 0..<3 {
                do throws(ChannelError) {
                    let response = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(60)))
                    let body = try await response.body.collect(upTo: 100_000)
                    #expect(body.count == 100_000)
                } catch {
                    #expect([.unavailable, .connectionLost, .notProcessed].contains(error.code), "\(error)")
                }
            }
        }
    }

    @Test(
        "A reset connection fails what runs on it, cancels the handler, and the next request finds another", arguments: ChannelKind.network,
        [true, false])
    func reset(kind: ChannelKind, isStreaming: Bool) async throws {
        let events = Recorder<String>()
        try await Self.withProxy(kind) { request in
            if request.path == "/next" { return ChannelResponse(status: 200) }
            guard isStreaming else {
                events.record("started")
                try? await ContractFailureTests.untilCancelled()
                events.record("cancelled")
                return ChannelResponse(status: 200)
            }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("first")
                    events.record("started")
                    try? await ContractFailureTests.untilCancelled()
                    events.record("cancelled")
                })
        } _: { client, proxy in
            async let failed = Self.failureWithBody(client)
            await events.wait(for: 1)
            proxy.reset()
            let error = await failed
            #expect(error?.code == .connectionLost)
            #expect(error?.isSafeToRetry == false)
            await events.wait(for: 2)
            _ = try await client.sendUntilAnswered("/next")
            #expect(proxy.connectionCount == 2)
        }
    }

    @Test("A server that closes its direction only has lost the connection", arguments: ChannelKind.network)
    func halfClose(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await Self.withProxy(kind) { request in
            if request.path == "/next" { return ChannelResponse(status: 200) }
            events.record("started")
            try? await ContractFailureTests.untilCancelled()
            events.record("cancelled")
            return ChannelResponse(status: 200)
        } _: { client, proxy in
            async let failed = Self.failureWithBody(client)
            await events.wait(for: 1)
            proxy.halfCloseTowardsClient()
            #expect(await failed?.code == .connectionLost)
            await events.wait(for: 2)
            _ = try await client.sendUntilAnswered("/next")
        }
    }

    @Test("A connection on which nothing moves any more is given up by both sides", arguments: ChannelKind.network)
    func stall(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        // Long enough that a busy machine does not make a living connection look dead.
        limits.keepAliveInterval = .seconds(8)
        limits.keepAliveTimeout = .seconds(8)
        let events = Recorder<String>()
        try await Self.withProxy(kind, limits: limits) { request in
            if request.path == "/next" { return ChannelResponse(status: 200) }
            events.record("started")
            try? await ContractFailureTests.untilCancelled()
            events.record("cancelled")
            return ChannelResponse(status: 200)
        } _: { client, proxy in
            _ = try await client.sendUntilAnswered("/next")
            async let failed = Self.failureWithBody(client)
            await events.wait(for: 1)
            proxy.stall()
            #expect(await failed?.code == .connectionLost)
            await events.wait(for: 2)
        }
    }

    @Test("A peer that accepts and then says nothing is unavailable", arguments: ChannelKind.network)
    func silentServer(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.connectTimeout = .milliseconds(300)
        try await Self.withProxy(kind, limits: limits) { _ in
            ChannelResponse(status: 200)
        } _: { client, proxy in
            proxy.stall()
            let error = await client.failure(ChannelRequest(method: "GET", path: "/"))
            #expect(error?.code == .unavailable)
            #expect(error?.isSafeToRetry == true)
        }
    }

    @Test("Nobody there is unavailable, at once and again")
    func nobody() async throws {
        let server = try ChannelFixture.server(.plaintext) { _ in ChannelResponse(status: 200) }
        let port = try await ChannelFixture.running([server]) { try await server.address.port }
        let client = try HTTP2ChannelClient(
            address: ChannelAddress(host: "127.0.0.1", port: port), key: ChannelFixture.key, logger: ChannelFixture.logger)
        try await ChannelFixture.running([client]) {
            for _ in 0..<20 {
                let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30)))
                #expect(error?.code == .unavailable, "\(String(describing: error))")
                #expect(error?.isSafeToRetry == true)
            }
        }
    }

    @Test("A port in use is an error that says so")
    func portInUse() async throws {
        let server = try ChannelFixture.server(.plaintext) { _ in ChannelResponse(status: 200) }
        try await ChannelFixture.running([server]) {
            let second = try ChannelFixture.server(.plaintext, port: try await server.address.port) { _ in ChannelResponse(status: 200) }
            await #expect { try await second.run() } throws: { ($0 as? ChannelError)?.code == .cannotListen }
            await #expect { try await second.address } throws: { ($0 as? ChannelError)?.code == .cannotListen }
        }
    }

    private static func failureWithBody(_ client: any ChannelClient) async -> ChannelError? {
        do throws(ChannelError) {
            let response = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(60)))
            return await response.body.failure()
        } catch {
            return error
        }
    }
}
