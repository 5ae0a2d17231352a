import Egress
import Hummingbird
import HummingbirdHTTP2
import Logging
import NIOCore
import TestSupport
import Testing

@Suite("HTTP/2 is spoken where the server offers it", .timeLimit(.minutes(1)))
struct HTTP2Tests {
    @Test("Many requests share one connection, and large bodies pass both ways")
    func multiplexed() async throws {
        let authority = try TestAuthority()
        let arrived = Recorder<Void>()
        let router = Router()
        router.get("/wait") { _, _ in
            arrived.record(())
            // More requests at once than connections allowed: they can only meet here on one connection.
            await arrived.wait(for: 20)
            return "met"
        }
        router.post("/echo") { request, _ in
            Response(status: .ok, body: .init(byteBuffer: try await request.body.collect(upTo: 20 << 20)))
        }
        let tls = try authority.serverConfiguration(names: ["api.test"])
        let ports = Recorder<Int>()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            router: router, server: try .http2Upgrade(tlsConfiguration: tls),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)), onServerRunning: { ports.record($0.localAddress?.port ?? 0) },
            logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            await ports.wait(for: 1)
            let port = try #require(ports.elements.first)
            try await self.exercise(port: port, authority: authority)
            group.cancelAll()
            // The server's task ends by cancellation.
            try? await group.waitForAll()
        }
    }

    private func exercise(port: Int, authority: TestAuthority) async throws {
        var limits = EgressLimits.patient
        limits.maxConnectionsPerHost = 1
        let resolver = ScriptedResolver(["api.test": [["127.0.0.1"]]])
        let base = "https://api.test:\(port)"
        try await EgressClient.run(limits: limits, allow: ["api.test:\(port)"], trusting: [authority.certificatePEM], resolver: resolver) {
            (client) async throws in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await client.send(EgressRequest(url: "\(base)/wait")).text } }
                for try await text in group { #expect(text == "met") }
            }
            let body = [UInt8](repeating: 9, count: 5 << 20)
            let answer = try await client.send(EgressRequest(method: "POST", url: "\(base)/echo", body: body))
            #expect(answer.body == body)
            #expect(
                await client.failure(EgressRequest(method: "POST", url: "\(base)/echo", body: body, maxResponseBytes: 1000))?.code
                    == .responseTooLarge)
        }
    }
}
