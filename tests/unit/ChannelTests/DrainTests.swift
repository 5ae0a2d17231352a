import Channel
import ServiceLifecycle
import TestSupport
import Testing

/// The end in good order, on either side.
@Suite("Drain", .timeLimit(.minutes(2)))
struct DrainTests {
    private static func group(_ service: any Service) -> ServiceGroup {
        ServiceGroup(services: [service], logger: ChannelFixture.logger)
    }

    @Test("A server that stops finishes what runs and takes nothing new", arguments: ChannelKind.allCases)
    func server(kind: ChannelKind) async throws {
        let started = Recorder<Bool>()
        let goOn = Recorder<Bool>()
        let server = try ChannelFixture.server(kind) { request in
            guard request.path == "/slow" else { return ChannelResponse(status: 200) }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    started.record(true)
                    await goOn.wait(for: 1)
                    try await writer.write("finished")
                })
        }
        let services = Self.group(server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let client = try await ChannelFixture.client(of: server, kind)
            try await ChannelFixture.running([client]) {
                async let slow = client.send(ChannelRequest(method: "GET", path: "/slow", timeout: .seconds(60)))
                await started.wait(for: 1)
                await services.triggerGracefulShutdown()
                // It may take a moment until the news is everywhere; what is not served by then is safe to send elsewhere.
                while true {
                    guard let error = await client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(30))) else {
                        continue
                    }
                    #expect(error.isSafeToRetry, "\(error)")
                    break
                }
                goOn.record(true)
                #expect(try await slow.body.text() == "finished")
                // The server ends by itself, because nothing runs any more.
                try await group.next()
            }
        }
    }

    @Test("The drain time bounds the drain: then handlers are cancelled", arguments: ChannelKind.allCases)
    func drainTimeout(kind: ChannelKind) async throws {
        var limits = ChannelFixture.limits
        limits.drainTimeout = .milliseconds(200)
        let events = Recorder<String>()
        let server = try ChannelFixture.server(kind, limits: limits) { _ in
            events.record("started")
            try? await ContractFailureTests.untilCancelled()
            events.record("cancelled")
            throw CancellationError()
        }
        let services = Self.group(server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let client = try await ChannelFixture.client(of: server, kind)
            try await ChannelFixture.running([client]) {
                async let failed = client.failure(ChannelRequest(method: "GET", path: "/", timeout: .seconds(60)))
                await events.wait(for: 1)
                await services.triggerGracefulShutdown()
                try await group.next()
                #expect(await failed?.isSafeToRetry == false)
                #expect(events.elements == ["started", "cancelled"])
            }
        }
    }

    @Test("A client that stops finishes what runs and sends nothing new", arguments: ChannelKind.allCases)
    func client(kind: ChannelKind) async throws {
        let started = Recorder<Bool>()
        let goOn = Recorder<Bool>()
        let server = try ChannelFixture.server(kind) { _ in
            ChannelResponse(
                status: 200,
                body: .stream { writer in
                    started.record(true)
                    await goOn.wait(for: 1)
                    try await writer.write("finished")
                })
        }
        try await ChannelFixture.running([server]) {
            let client = try await ChannelFixture.client(of: server, kind)
            let services = Self.group(client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await services.run() }
                async let slow = client.send(ChannelRequest(method: "GET", path: "/slow", timeout: .seconds(60)))
                await started.wait(for: 1)
                await services.triggerGracefulShutdown()
                while true {
                    async let error = client.failure(ChannelRequest(method: "GET", path: "/", timeout: .milliseconds(50)))
                    guard await error?.code == .shutDown else { continue }
                    break
                }
                goOn.record(true)
                #expect(try await slow.body.text() == "finished")
                try await group.next()
            }
            #expect(await client.failure(ChannelRequest(method: "GET", path: "/"))?.code == .shutDown)
        }
    }

    @Test("Servers that come and go under load lose nothing: what is not answered is safe to send again", arguments: ChannelKind.network)
    func underLoad(kind: ChannelKind) async throws {
        let answered = Recorder<Int>()
        var limits = ChannelFixture.limits
        limits.maxBackoff = .milliseconds(20)
        limits.minBackoff = .milliseconds(5)
        let first = try ChannelFixture.server(kind, limits: limits) { request in
            ChannelResponse(status: 200, body: .text(request.path))
        }
        let firstServices = Self.group(first)
        try await withThrowingTaskGroup(of: Void.self) { servers in
            servers.addTask { try await firstServices.run() }
            let port = try await first.address.port
            let client = try await ChannelFixture.client(of: first, kind, limits: limits)
            try await ChannelFixture.running([client]) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in 0..<16 {
                        group.addTask { try await Self.send(2_000 / 16, worker: worker, client, answered) }
                    }
                    var services = firstServices
                    for round in 1...4 {
                        await answered.wait(for: round * 300)
                        await services.triggerGracefulShutdown()
                        try await servers.next()
                        let next = try ChannelFixture.server(kind, port: port, limits: limits) { request in
                            ChannelResponse(status: 200, body: .text(request.path))
                        }
                        services = Self.group(next)
                        let running = services
                        servers.addTask { try await running.run() }
                    }
                    try await group.waitForAll()
                    await services.triggerGracefulShutdown()
                }
            }
        }
        #expect(answered.elements.count == 2_000)
    }

    private static func send(_ count: Int, worker: Int, _ client: any ChannelClient, _ answered: Recorder<Int>) async throws {
        for number in 0..<count {
            while true {
                do throws(ChannelError) {
                    let path = "/\(worker)/\(number)"
                    let response = try await client.send(ChannelRequest(method: "GET", path: path, timeout: .seconds(60)))
                    let body = try await response.body.collect(upTo: 1_000)
                    #expect(body == Array(path.utf8))
                    answered.record(number)
                    break
                } catch {
                    #expect(error.isSafeToRetry, "\(error)")
                    guard error.isSafeToRetry else { return }
                    try await ContinuousClock().sleep(for: .milliseconds(2))
                }
            }
        }
    }
}
