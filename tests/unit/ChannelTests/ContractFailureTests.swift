import Channel
import TestSupport
import Testing

/// How exchanges end that do not end well, on every implementation.
@Suite("Channel contract: failures", .timeLimit(.minutes(2)))
struct ContractFailureTests {
    private struct Broken: Error {}

    @Test("A handler that throws is a typed error, and not one to retry", arguments: ChannelKind.allCases)
    func handlerThrows(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { _ in
            throw Broken()
        } _: { client in
            let error = await client.failure(ChannelRequest(method: "GET", path: "/"))
            #expect(error?.code == .handlerFailed)
            #expect(error?.isSafeToRetry == false)
        }
    }

    @Test("A handler that throws while it streams breaks the body off with a typed error", arguments: ChannelKind.allCases)
    func producerThrows(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("some")
                    throw Broken()
                })
        } _: { client in
            do throws(ChannelError) {
                let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
                #expect(await response.body.failure()?.code == .handlerFailed)
            } catch {
                // Head and reset may be in the same read; then the head's bearer sees the error at once or with the body.
                #expect(error.code == .handlerFailed)
            }
        }
    }

    @Test("A response that cannot be sent is the handler's failure", arguments: ChannelKind.allCases)
    func badResponse(kind: ChannelKind) async throws {
        try await ChannelFixture.withChannel(kind) { request in
            request.path == "/status"
                ? ChannelResponse(status: 99) : ChannelResponse(status: 200, headers: ["x-a": "one\r\nset-cookie: two"])
        } _: { client in
            #expect(await client.failure(ChannelRequest(method: "GET", path: "/status"))?.code == .handlerFailed)
            #expect(await client.failure(ChannelRequest(method: "GET", path: "/header"))?.code == .handlerFailed)
        }
    }

    @Test(
        "Headers and paths that would change the message are refused before anything is sent",
        arguments: ChannelKind.allCases)
    func injection(kind: ChannelKind) async throws {
        let calls = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        } _: { client in
            let bad: [ChannelHeaders] = [
                ["x-a": "one\r\ntwo: three"], ["x-a": "one\nx"], ["x-a": "\0"], ["x a": "1"], ["X-Upper": "1"], ["": "1"], [":path": "/"],
                ["x-a\r\n": "1"], ["connection": "close"], ["transfer-encoding": "chunked"], ["roost-proof": "1"], ["roost-timeout": "1"],
                ["roost-error": "x"], ["traceparent": "1"], ["x-a": "\u{7F}"], ["x-a": " 1"], ["x-a": "1\t"],
            ]
            for headers in bad {
                let error = await client.failure(ChannelRequest(method: "GET", path: "/", headers: headers))
                #expect(error?.code == .invalidMessage, "\(headers)")
            }
            for path in ["", "x", "/a b", "/a\r\nx: y", "/ä"] {
                #expect(await client.failure(ChannelRequest(method: "GET", path: path))?.code == .invalidMessage)
            }
            for method in ["", "G T", "GET\r\n", String(repeating: "A", count: 33)] {
                #expect(await client.failure(ChannelRequest(method: method, path: "/"))?.code == .invalidMessage)
            }
            let huge: ChannelHeaders = ["x-a": String(repeating: "a", count: 70_000)]
            #expect(await client.failure(ChannelRequest(method: "GET", path: "/", headers: huge))?.code == .tooLarge)
            #expect(calls.elements.isEmpty)
            _ = try await client.send(ChannelRequest(method: "GET", path: "/good"))
            #expect(calls.elements == ["/good"])
        }
    }

    @Test("Cancelling the sender cancels the handler", arguments: ChannelKind.allCases)
    func cancelBeforeHead(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { _ in
            events.record("started")
            try? await Self.untilCancelled()
            events.record("cancelled")
            throw Broken()
        } _: { client in
            await withTaskGroup(of: ChannelError?.self) { group in
                group.addTask { await client.failure(ChannelRequest(method: "GET", path: "/")) }
                await events.wait(for: 1)
                group.cancelAll()
                #expect(await group.next()??.code == .cancelled)
            }
            await events.wait(for: 2)
            #expect(events.elements == ["started", "cancelled"])
        }
    }

    @Test("A request that is cancelled before it is sent does not reach the handler", arguments: ChannelKind.allCases)
    func cancelBeforeSend(kind: ChannelKind) async throws {
        let calls = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        } _: { client in
            await withTaskGroup(of: ChannelError?.self) { group in
                group.cancelAll()
                group.addTask { await client.failure(ChannelRequest(method: "GET", path: "/never")) }
                #expect(await group.next()??.code == .cancelled)
            }
            _ = try await client.send(ChannelRequest(method: "GET", path: "/after"))
            #expect(calls.elements.last == "/after")
        }
    }

    @Test("Letting go of a response that is not read to its end cancels the handler", arguments: ChannelKind.allCases)
    func dropBody(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("first")
                    events.record("written")
                    try? await Self.untilCancelled()
                    events.record("cancelled")
                })
        } _: { client in
            do {
                let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
                var chunks = response.body.makeAsyncIterator()
                #expect(try await chunks.next() == Array("first".utf8))
            }
            await events.wait(for: 2)
            #expect(events.elements == ["written", "cancelled"])
        }
    }

    @Test("Cancelling a reader ends the exchange", arguments: ChannelKind.allCases)
    func cancelReader(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("first")
                    try? await Self.untilCancelled()
                    events.record("handler cancelled")
                })
        } _: { client in
            let read = Recorder<Int>()
            await withTaskGroup(of: ChannelError?.self) { group in
                group.addTask {
                    do {
                        let response = try await client.send(ChannelRequest(method: "GET", path: "/"))
                        for try await chunk in response.body { read.record(chunk.count) }
                        return nil
                    } catch {
                        return error as? ChannelError
                    }
                }
                await read.wait(for: 1)
                group.cancelAll()
                #expect(await group.next()??.code == .cancelled)
            }
            await events.wait(for: 1)
        }
    }

    @Test("A handler that never answers is ended by the deadline, on both sides", arguments: ChannelKind.allCases)
    func deadline(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { request in
            if request.path == "/connect" { return ChannelResponse(status: 200) }
            try? await Self.untilCancelled()
            events.record("cancelled")
            return ChannelResponse(status: 200)
        } _: { client in
            _ = try await client.send(ChannelRequest(method: "GET", path: "/connect"))
            let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(3)))
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.isSafeToRetry == false)
            await events.wait(for: 1)
        }
    }

    @Test("The deadline covers a body that is still streaming", arguments: ChannelKind.allCases)
    func deadlineWhileStreaming(kind: ChannelKind) async throws {
        let events = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { request in
            if request.path == "/connect" { return ChannelResponse(status: 200) }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write("first")
                    try? await Self.untilCancelled()
                    events.record("cancelled")
                })
        } _: { client in
            _ = try await client.send(ChannelRequest(method: "GET", path: "/connect"))
            // On a busy machine the time may be up before there is a head; then it takes more.
            var timeout = Duration.seconds(3)
            while true {
                do throws(ChannelError) {
                    let response = try await client.send(ChannelRequest(method: "GET", path: "/", timeout: timeout))
                    #expect(await response.body.failure()?.code == .deadlineExceeded)
                    break
                } catch {
                    guard error.code == .deadlineExceeded, timeout < .seconds(30) else { throw error }
                    timeout *= 3
                }
            }
            await events.wait(for: 1)
        }
    }

    @Test("A request whose time is up is not sent", arguments: ChannelKind.allCases)
    func noTimeLeft(kind: ChannelKind) async throws {
        let calls = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { request in
            calls.record(request.path)
            return ChannelResponse(status: 200)
        } _: { client in
            #expect(await client.failure(ChannelRequest(method: "GET", path: "/late", timeout: .zero))?.code == .deadlineExceeded)
            _ = try await client.send(ChannelRequest(method: "GET", path: "/next"))
            #expect(calls.elements == ["/next"])
        }
    }

    @Test("A handler may answer without reading; the request's producer is stopped", arguments: ChannelKind.allCases)
    func unreadRequest(kind: ChannelKind) async throws {
        let stopped = Recorder<String>()
        try await ChannelFixture.withChannel(kind) { _ in
            ChannelResponse(status: 200, body: .text("enough"))
        } _: { client in
            let body = ChannelBody.stream { writer in
                defer { stopped.record("stopped") }
                while true { try await writer.write([UInt8](repeating: 1, count: 10_000)) }
            }
            let response = try await client.send(ChannelRequest(method: "POST", path: "/", body: body))
            #expect(try await response.body.text() == "enough")
            await stopped.wait(for: 1)
        }
    }

    @Test("A producer that fails breaks the request off, and the handler learns of it", arguments: ChannelKind.allCases)
    func requestProducerThrows(kind: ChannelKind) async throws {
        let started = Recorder<String>()
        let seen = Recorder<ChannelError?>()
        try await ChannelFixture.withChannel(kind) { request in
            started.record(request.path)
            seen.record(await request.body.failure())
            return ChannelResponse(status: 200)
        } _: { client in
            let body = ChannelBody.stream { writer in
                try await writer.write("some")
                await started.wait(for: 1)
                throw Broken()
            }
            #expect(await client.failure(ChannelRequest(method: "POST", path: "/", body: body)) != nil)
            await seen.wait(for: 1)
            #expect(seen.elements.first??.code != nil)
        }
    }

    @Test("A wrong key and a missing key are refused, and the handler is not asked", arguments: ChannelKind.allCases)
    func wrongKey(kind: ChannelKind) async throws {
        let calls = Recorder<String>()
        for key in [ChannelFixture.otherKey, nil] {
            try await ChannelFixture.withChannel(kind, clientKey: key) { request in
                calls.record(request.path)
                return ChannelResponse(status: 200)
            } _: { client in
                for _ in 0..<3 {
                    let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(20)))
                    #expect(error?.code == .unauthenticated)
                    #expect(error?.isSafeToRetry == false)
                }
            }
        }
        #expect(calls.elements.isEmpty)
    }

    @Test("More handlers than allowed are refused as not processed", arguments: ChannelKind.allCases)
    func handlerLimit(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.maxConcurrentHandlers = 2
        let started = Recorder<String>()
        try await ChannelFixture.withChannel(kind, limits: limits) { request in
            started.record(request.path)
            try await Self.untilCancelled()
            return ChannelResponse(status: 200)
        } _: { client in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { _ = await client.failure(ChannelRequest(method: "GET", path: "/")) }
                }
                await started.wait(for: 2)
                let error = await client.failure(ChannelRequest(method: "GET", path: "/"))
                #expect(error?.code == .notProcessed)
                #expect(error?.isSafeToRetry == true)
                group.cancelAll()
            }
        }
    }

    /// Waits for the cancellation of the task.
    static func untilCancelled() async throws {
        let never = AsyncStream<Never>.makeStream(bufferingPolicy: .bufferingOldest(1))
        for await _ in never.stream {}
        try Task.checkCancellation()
    }
}
