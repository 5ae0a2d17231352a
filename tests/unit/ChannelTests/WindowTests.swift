import Channel
import TestSupport
import Testing

/// Clients that play with the flow-control windows: they get no more memory, time or work out of the server than anybody else.
@Suite("Window games", .timeLimit(.minutes(2)))
struct WindowTests {
    private typealias Frame = RawConnection.Frame

    /// Runs a server whose handler says when it starts and when it is cancelled; `/endless` streams until then, counting what it got
    /// rid of, `/unread` does not read its request.
    private static func withServer(
        _ kind: ChannelKind, limits: ChannelLimits = ChannelFixture.limits,
        _ body: (Int, _ events: Recorder<String>, _ written: Recorder<Int>) async throws -> Void
    ) async throws {
        let events = Recorder<String>()
        let written = Recorder<Int>()
        let server = try ChannelFixture.server(kind, key: nil, limits: limits) { request in
            guard request.path != "/after" else { return ChannelResponse(status: 200, body: .text("served")) }
            events.record("started")
            guard request.method == "GET" else {
                try? await ContractFailureTests.untilCancelled()
                events.record("cancelled")
                return ChannelResponse(status: 200)
            }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    defer { events.record("cancelled") }
                    while true {
                        try await writer.write([UInt8](repeating: 1, count: 10_000))
                        written.record(10_000)
                    }
                })
        }
        try await ChannelFixture.running([server]) {
            try await body(try await server.address.port, events, written)
            let client = try await ChannelFixture.client(of: server, kind, key: nil)
            try await ChannelFixture.running([client]) {
                let response = try await client.sendUntilAnswered("/after", mayLoseConnections: true)
                #expect(try await response.body.text() == "served")
            }
        }
    }

    private static func preface(initialWindow: UInt32) -> [UInt8] {
        let setting: [UInt8] = [0, 4] + (0..<4).map { UInt8(truncatingIfNeeded: initialWindow >> (24 - 8 * UInt32($0))) }
        return RawConnection.preface.dropLast(9) + Frame(type: Frame.settings, payload: setting).bytes
    }

    @Test(
        "A client that opens no window holds a producer up, whose work is bounded and ends with the connection",
        arguments: ChannelKind.network)
    func closedWindow(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, events, written in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let request = Frame(type: Frame.headers, flags: 0x5, stream: 1, payload: RawConnection.request)
            try await connection.send(Self.preface(initialWindow: 0) + request.bytes)
            // The pipe takes 64 KiB, and the chunk that reaches over the edge.
            await written.wait(for: 7)
            connection.close()
            await events.wait(for: 2)
            #expect(written.elements.count == 7)
        }
    }

    @Test("A window opened byte by byte lets as many bytes through, and no more is produced for them", arguments: ChannelKind.network)
    func drippingWindow(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, events, written in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let request = Frame(type: Frame.headers, flags: 0x5, stream: 1, payload: RawConnection.request)
            try await connection.send(Self.preface(initialWindow: 1) + request.bytes)
            for _ in 0..<5_000 { try await connection.send(Frame(type: Frame.windowUpdate, stream: 1, payload: [0, 0, 0, 1]).bytes) }
            await written.wait(for: 7)
            connection.close()
            await events.wait(for: 2)
            #expect(written.elements.count <= 8)
        }
    }

    @Test(
        "Windows that grow beyond their bound, or by nothing, end the connection or the stream", arguments: ChannelKind.network,
        [0 as UInt32, 1])
    func impossibleWindows(kind: ChannelKind, stream: UInt32) async throws {
        for (increment, count) in [([0, 0, 0, 0] as [UInt8], 1), ([0x7F, 0xFF, 0xFF, 0xFF], 2)] {
            try await Self.withServer(kind) { port, events, _ in
                let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
                let request = Frame(type: Frame.headers, flags: 0x5, stream: 1, payload: RawConnection.request)
                try await connection.send(Self.preface(initialWindow: 0) + request.bytes)
                await events.wait(for: 1)
                let update = Frame(type: Frame.windowUpdate, stream: stream, payload: increment)
                // The first may have ended the connection already.
                for _ in 0..<count { try? await connection.send(update.bytes) }
                await events.wait(for: 2)
                connection.close()
            }
        }
    }

    @Test("An initial window beyond the bound ends the connection", arguments: ChannelKind.network)
    func impossibleSetting(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, _, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            try await connection.send(Self.preface(initialWindow: 0x8000_0000))
            try await connection.waitForEnd()
        }
    }

    @Test("A client that sends beyond its window is cut off, and the handler is cancelled", arguments: ChannelKind.network)
    func beyondTheWindow(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, events, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            // POST /, from the static table.
            let head = Frame(type: Frame.headers, flags: 0x4, stream: 1, payload: [0x83] + RawConnection.request.dropFirst())
            try await connection.send(RawConnection.preface + head.bytes)
            await events.wait(for: 1)
            let data = Frame(type: Frame.data, stream: 1, payload: [UInt8](repeating: 1, count: 16_000))
            for _ in 0..<5 { try? await connection.send(data.bytes) }
            await events.wait(for: 2)
            connection.close()
        }
    }

    @Test("Frames that carry nothing cost nothing that stays", arguments: ChannelKind.network)
    func emptyFrames(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { port, events, _ in
            let connection = try await RawConnection.connect(port: port, isSecure: kind == .tls)
            let head = Frame(type: Frame.headers, flags: 0x4, stream: 1, payload: [0x83] + RawConnection.request.dropFirst())
            try await connection.send(RawConnection.preface + head.bytes)
            await events.wait(for: 1)
            let isClosed = await connection.flood(Frame(type: Frame.data, stream: 1).bytes, upTo: 2_000_000)
            // Whether it may go on for ever or not, the handler ends with the connection.
            if !isClosed { connection.close() }
            await events.wait(for: 2)
        }
    }
}
