import Channel
import Telemetry
import TestSupport
import Testing

/// What client and server of the channel promise, proved on every implementation.
@Suite("Channel contract", .timeLimit(.minutes(2)))
struct ContractTests {
    @Test("A request reaches the handler whole, and so does the response the client", arguments: ChannelKind.allCases)
    func unary(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            let body = try await request.body.text()
            return ChannelResponse(
                status: 201, headers: ["x-seen": "\(request.method) \(request.path) \(request.headers["x-question"] ?? "-")"],
                body: .text("echo " + body))
        } _: { client in
            let request = ChannelRequest(
                method: "POST", path: "/things?kind=1", headers: ["x-question": "why äh"], timeout: .seconds(20), body: .text("hello"))
            let response = try await client.send(request)
            #expect(response.status == 201)
            #expect(response.headers["x-seen"] == "POST /things?kind=1 why äh")
            #expect(try await response.body.text() == "echo hello")
        }
    }

    @Test("Bodies may be empty on both sides", arguments: ChannelKind.allCases)
    func emptyBodies(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            let body = try await request.body.collect(upTo: 10)
            #expect(body.isEmpty)
            return ChannelResponse(status: 204)
        } _: { client in
            let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
            #expect(response.status == 204)
            #expect(try await response.body.collect(upTo: 10).isEmpty)
        }
    }

    @Test("A body that is available is complete when the response comes", arguments: ChannelKind.allCases)
    func availableBody(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(status: 200, body: .text("small"))
        } _: { client in
            let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
            #expect(response.body.availableBytes == Array("small".utf8))
        }
    }

    @Test("Trace and remaining time travel with the request", arguments: ChannelKind.allCases)
    func context(kind: ChannelKind) async throws {
        let trace = try #require(
            TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "congo=t61rcWkgMzE,rojo=1"))
        try await ChannelFixture.withChannel(kind) { request in
            #expect(request.trace == trace)
            let remaining = request.remaining ?? .zero
            #expect(remaining > .seconds(200) && remaining <= .seconds(301))
            return ChannelResponse(status: 200)
        } _: { client in
            _ = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: .seconds(300), trace: trace))
        }
    }

    @Test("Without a deadline and a trace the handler sees neither", arguments: ChannelKind.allCases)
    func noContext(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            #expect(request.remaining == nil && request.trace == nil)
            return ChannelResponse(status: 200)
        } _: { client in
            _ = try await client.send(ChannelRequest(method: "GET", path: "/"))
        }
    }

    @Test("Many requests at once each get their own answer", arguments: ChannelKind.allCases)
    func concurrent(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            ChannelResponse(status: 200, body: .text(request.path + " " + (try await request.body.text())))
        } _: { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let response = try await client.send(
                            ChannelRequest(method: "POST", path: "/\(number)", timeout: .seconds(60), body: .text("\(number * 7)")))
                        #expect(try await response.body.text() == "/\(number) \(number * 7)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("Both directions stream at the same time", arguments: ChannelKind.allCases)
    func duplex(kind: ChannelKind) async throws {
        let turns = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingOldest(4))
        try await ChannelFixture.withChannel(kind) { request in
            let body = request.body
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for try await chunk in body { try await writer.write(chunk) }
                })
        } _: { client in
            let body = ChannelBody.stream { writer in
                for await turn in turns.stream { try await writer.write("turn \(turn)") }
            }
            // The first turn is only taken after the head of the response is there, and each one only after the last has come back.
            let response = try await client.send(ChannelRequest(method: "POST", path: "/", body: body))
            turns.continuation.yield(0)
            var count = 0
            for try await chunk in response.body {
                #expect(String(decoding: chunk, as: UTF8.self) == "turn \(count)")
                count += 1
                if count < 50 { turns.continuation.yield(count) } else { turns.continuation.finish() }
            }
            #expect(count == 50)
        }
    }

    @Test("10 MB go each way, chunk by chunk", arguments: ChannelKind.allCases)
    func large(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            let body = request.body
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for try await chunk in body { try await writer.write(chunk) }
                })
        } _: { client in
            let sent = Recorder<Checksum>()
            let body = ChannelBody.stream { writer in
                var generator = SeededGenerator(seed: 10)
                var checksum = Checksum()
                while checksum.count < 10_000_000 {
                    let size = min(Int.random(in: 1...60_000, using: &generator), 10_000_000 - checksum.count)
                    let chunk = [UInt8](repeating: UInt8.random(in: 0...255, using: &generator), count: size)
                    checksum.add(chunk)
                    try await writer.write(chunk)
                }
                sent.record(checksum)
            }
            let response = try await client.send(ChannelRequest(method: "POST", path: "/", body: body))
            var received = Checksum()
            for try await chunk in response.body { received.add(chunk) }
            await sent.wait(for: 1)
            #expect(received == sent.elements.first)
            #expect(received.count == 10_000_000)
        }
    }

    @Test("10 MB given as bytes go each way", arguments: ChannelKind.allCases)
    func largeBytes(kind: ChannelKind) async throws {
        let bytes = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await ChannelFixture.withChannel(kind) { request in
            ChannelResponse(status: 200, body: .bytes(try await request.body.collect(upTo: 10_000_000)))
        } _: { client in
            let response = try await client.send(ChannelRequest(method: "POST", path: "/", body: .bytes(bytes)))
            #expect(try await response.body.collect(upTo: 10_000_000) == bytes)
        }
    }

    @Test("A producer is held up by a consumer that does not read", arguments: ChannelKind.allCases)
    func backpressure(kind: ChannelKind) async throws {
        let written = Recorder<Int>()
        try await ChannelFixture.withChannel(kind) { request in
            guard request.path == "/stream" else { return ChannelResponse(status: 200) }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for _ in 0..<1_000 {
                        try await writer.write([UInt8](repeating: 7, count: 4_096))
                        written.record(4_096)
                    }
                })
        } _: { client in
            let response = try await client.send(ChannelRequest(method: "GET", path: "/stream"))
            await written.wait(for: 16)
            // Time passes for everybody else while the reader does nothing.
            for _ in 0..<200 { _ = try await client.send(ChannelRequest(method: "GET", path: "/other")) }
            // Window, send queue and one chunk in each of them.
            #expect(written.elements.count <= (65_535 + 65_536) / 4_096 + 4)
            var count = 0
            for try await chunk in response.body { count += chunk.count }
            #expect(count == 4_096_000)
        }
    }

    @Test("A client's producer is held up by a handler that does not read", arguments: ChannelKind.allCases)
    func requestBackpressure(kind: ChannelKind) async throws {
        let written = Recorder<Int>()
        let mayRead = Recorder<Bool>()
        try await ChannelFixture.withChannel(kind) { request in
            guard request.path == "/stream" else { return ChannelResponse(status: 200) }
            await mayRead.wait(for: 1)
            var count = 0
            for try await chunk in request.body { count += chunk.count }
            return ChannelResponse(status: 200, body: .text("\(count)"))
        } _: { client in
            let body = ChannelBody.stream { writer in
                for _ in 0..<1_000 {
                    try await writer.write([UInt8](repeating: 7, count: 4_096))
                    written.record(4_096)
                }
            }
            async let response = client.send(ChannelRequest(method: "POST", path: "/stream", body: body))
            await written.wait(for: 16)
            // Time passes for everybody else while the handler reads nothing.
            for _ in 0..<200 { _ = try await client.send(ChannelRequest(method: "GET", path: "/other")) }
            #expect(written.elements.count <= (65_535 + 65_536) / 4_096 + 4)
            mayRead.record(true)
            #expect(try await response.body.text() == "4096000")
        }
    }

    @Test("A reader that allows less than what comes is told so, and the handler is cancelled", arguments: ChannelKind.allCases)
    func tooLarge(kind: ChannelKind) async throws {
        let ended = Recorder<Bool>()
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    defer { ended.record(Task.isCancelled) }
                    while true { try await writer.write([UInt8](repeating: 1, count: 1_000)) }
                })
        } _: { client in
            let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
            do throws(ChannelError) {
                _ = try await response.body.collect(upTo: 100_000)
                Issue.record("more was collected than allowed")
            } catch {
                #expect(error.code == .tooLarge)
            }
            await ended.wait(for: 1)
        }
    }
}
