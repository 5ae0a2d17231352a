import Channel
import TestSupport
import Testing

/// What clients that are none of ours can do to a server: get their connection closed, and nothing else.
@Suite("Hostile clients", .timeLimit(.minutes(2)))
struct HostileClientTests {
    /// Runs a server without a key, so that nothing is refused for its lack, and proves afterwards that it still serves.
    private static func withServer(
        _ kind: ChannelKind, limits: ChannelLimits = ChannelFixture.limits, _ body: (Int, Recorder<String>) async throws -> Void
    ) async throws {
        let calls = Recorder<String>()
        let server = try ChannelFixture.server(kind, key: nil, limits: limits) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200, body: .text("served"))
        }
        try await ChannelFixture.running([server]) {
            try await body(try await server.address.port, calls)
            let client = try await ChannelFixture.client(of: server, kind, key: nil)
            try await ChannelFixture.running([client]) {
                let response = try await client.sendUntilAnswered("/after", mayLoseConnections: true)
                #expect(try await response.body.text() == "served")
            }
        }
    }

    @Test(
        "What is not HTTP/2 is hung up on",
        arguments: ChannelKind.network,
        [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxx", "\u{16}\u{3}\u{1}\0\u{5}hello",
            "x",
        ])
    func garbage(kind: ChannelKind, text: String) async throws {
        var limits = ChannelFixture.limits
        limits.connectTimeout = .seconds(1)
        try await Self.withServer(kind, limits: limits) { port, calls in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            // On a busy machine its time may be up before this is sent.
            try? await connection.send(Array(text.utf8))
            try await connection.waitForEnd()
            #expect(calls.elements.isEmpty)
        }
    }

    @Test("Random bytes, with and without a proper beginning, are hung up on", arguments: ChannelKind.network, 0..<20)
    func noise(kind: ChannelKind, seed: Int) async throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let noise = (0..<2_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var limits = ChannelFixture.limits
        limits.connectTimeout = .seconds(1)
        limits.keepAliveInterval = .seconds(1)
        limits.keepAliveTimeout = .seconds(1)
        try await Self.withServer(kind, limits: limits) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try? await connection.send((seed % 2 == 0 ? RawConnection.preface : []) + noise)
            try await connection.waitForEnd()
        }
    }

    @Test("A client that says nothing is hung up on", arguments: ChannelKind.network)
    func silence(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.connectTimeout = .milliseconds(500)
        try await Self.withServer(kind, limits: limits) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try await connection.waitForEnd()
        }
    }

    @Test("A client that answers no PING is hung up on", arguments: ChannelKind.network)
    func deaf(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.keepAliveInterval = .milliseconds(500)
        limits.keepAliveTimeout = .milliseconds(500)
        try await Self.withServer(kind, limits: limits) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try? await connection.send(RawConnection.preface)
            try await connection.waitForEnd()
        }
    }

    @Test("Connections beyond the bound are turned away", arguments: ChannelKind.network)
    func tooManyConnections(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxConnections = 2
        try await Self.withServer(kind, limits: limits) { port, _ in
            let first = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let second = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let third = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try await third.waitForEnd()
            for connection in [first, second] {
                connection.close()
                try await connection.waitForEnd()
            }
            // The server learns of the closings in its own time, and turns its next client away until it has; the client would try again.
            for _ in 0..<1_000 {
                let probe = try await RawConnection.connect(port: port, isSecure: kind == .tls)
                do { try await probe.send(RawConnection.preface) } catch { continue }
                probe.close()
                break
            }
        }
    }

    @Test("PING and SETTINGS floods whose answers nobody reads end the connection", arguments: ChannelKind.network, ["ping", "settings"])
    func answerFlood(kind: ChannelKind, frameName: String) async throws {
        let frame =
            frameName == "ping"
            ? RawConnection.Frame(type: RawConnection.Frame.ping, payload: [0, 1, 2, 3, 4, 5, 6, 7])
            : RawConnection.Frame(type: RawConnection.Frame.settings)
        try await Self.withServer(kind) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try await connection.send(RawConnection.preface)
            try await connection.stopReading()
            #expect(await connection.flood(frame.bytes, upTo: 200_000_000))
            connection.close()
        }
    }

    @Test("A SETTINGS frame with very many entries ends the connection", arguments: ChannelKind.network)
    func manySettings(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let entries = (0..<100).flatMap { _ in [0x00, 0x03, 0x00, 0x00, 0x00, 0x64] as [UInt8] }
            try await connection.send(
                RawConnection.preface + RawConnection.Frame(type: RawConnection.Frame.settings, payload: entries).bytes)
            try await connection.waitForEnd()
        }
    }

    @Test("A CONTINUATION flood ends the connection", arguments: ChannelKind.network)
    func continuationFlood(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, calls in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let start = RawConnection.Frame(type: RawConnection.Frame.headers, flags: 0x1, stream: 1, payload: RawConnection.request)
            let more = RawConnection.Frame(
                type: RawConnection.Frame.continuation, stream: 1, payload: [0x00, 0x01, UInt8(ascii: "a"), 0x01, UInt8(ascii: "b")])
            try await connection.send(RawConnection.preface + start.bytes)
            #expect(await connection.flood(more.bytes, upTo: 10_000_000))
            #expect(calls.elements.isEmpty)
        }
    }

    @Test("A small head that unpacks to megabytes does not reach the handler", arguments: ChannelKind.network)
    func headerBomb(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, calls in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            // One field of 3,000 bytes goes into the dynamic table as entry 62; then the one byte 0xBE repeats it 10,000 times.
            let field: [UInt8] = [0x40, 0x01, UInt8(ascii: "a"), 0x7F, 0xB9, 0x16] + [UInt8](repeating: UInt8(ascii: "b"), count: 3_000)
            let block = RawConnection.request + field + [UInt8](repeating: 0xBE, count: 10_000)
            let frame = RawConnection.Frame(type: RawConnection.Frame.headers, flags: 0x5, stream: 1, payload: block)
            try await connection.send(RawConnection.preface + frame.bytes)
            // An answered PING shows that the server has dealt with the head.
            try await connection.send(RawConnection.Frame(type: RawConnection.Frame.goAway, payload: [0, 0, 0, 0, 0, 0, 0, 0]).bytes)
            try await connection.waitForEnd()
            #expect(calls.elements.isEmpty)
        }
    }

    @Test("More resets than a connection has streams end the connection", arguments: ChannelKind.network)
    func rapidReset(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxStreamsPerConnection = 100
        try await Self.withServer(kind, limits: limits) { port, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try await connection.send(RawConnection.preface)
            var isClosed = false
            for batch in 0..<100 where !isClosed {
                var bytes: [UInt8] = []
                for index in 0..<100 {
                    let stream = UInt32(batch * 200 + index * 2 + 1)
                    bytes +=
                        RawConnection.Frame(type: RawConnection.Frame.headers, flags: 0x5, stream: stream, payload: RawConnection.request)
                        .bytes
                    bytes += RawConnection.Frame(type: RawConnection.Frame.resetStream, stream: stream, payload: [0, 0, 0, 8]).bytes
                }
                do { try await connection.send(bytes) } catch { isClosed = true }
            }
            try await connection.waitForEnd()
        }
    }

    @Test("A head beyond the server's bound is answered as too large", arguments: ChannelKind.network)
    func largeHead(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxHeaderBytes = 4_096
        let calls = Recorder<String>()
        let server = try ChannelFixture.server(kind, limits: limits) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        }
        try await ChannelFixture.running([server]) {
            let client = try await ChannelFixture.client(of: server, kind)
            try await ChannelFixture.running([client]) {
                let headers: ChannelHeaders = ["x-large": String(repeating: "x", count: 20_000)]
                #expect(await client.failure(ChannelRequest(method: "GET", path: "/", headers: headers))?.code == .tooLarge)
                #expect(calls.elements.isEmpty)
                _ = try await client.send(ChannelRequest(method: "GET", path: "/next"))
            }
        }
    }
}
