import OperatorHTTP
import TestSupport
import Testing

@Suite("The operator's targets are asked within bounds", .timeLimit(.minutes(1)))
struct OperatorHTTPClientTests {
    private func with(
        limits: OperatorHTTPLimits = OperatorHTTPLimits(), _ script: @Sendable @escaping (inout ScriptedConnection) async throws -> Void,
        _ body: (OperatorHTTPClient, String) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(script: script) { (server) async throws in
            let client = OperatorHTTPClient(limits: limits)
            do {
                try await body(client, "http://127.0.0.1:\(server.port)")
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }

    private func code(_ client: OperatorHTTPClient, _ url: String) async -> OperatorHTTPError.Code? {
        do {
            _ = try await client.get(url)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("A document is read whole, and a body sent")
    func exchange() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            while let request = try await connection.readRequest() {
                requests.record(request)
                try await connection.answer(status: "201 Created", headers: [("X-Thing", "a")], body: "{}")
            }
        }
        try await self.with(script) { (client, base) async throws in
            let answer = try await client.get("\(base)/doc")
            #expect(answer.status == 201)
            #expect(answer.header("x-thing") == "a")
            #expect(answer.body == Array("{}".utf8))
            _ = try await client.send(method: "POST", "\(base)/in", headers: [("content-type", "x/y")], body: [1, 2])
        }
        #expect(requests.elements.map(\.line) == ["GET /doc HTTP/1.1", "POST /in HTTP/1.1"])
        #expect(requests.elements[0].header("accept") == "application/json")
        #expect(requests.elements[1].body == [1, 2])
    }

    @Test("Redirects are answers, not followed")
    func redirects() async throws {
        try await self.with({ connection in
            while try await connection.readRequest() != nil {
                try await connection.answer(status: "302 Found", headers: [("location", "http://127.0.0.1:1/")])
            }
        }) { (client, base) async throws in
            #expect(try await client.get(base).status == 302)
        }
    }

    @Test("Size and time are bounded, the body's too")
    func bounds() async throws {
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            guard let request = try await connection.readRequest() else { return }
            if request.target == "/stall" { return try await connection.waitForClose() }
            try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in 0..<1000 {
                try await connection.write(String(repeating: "1\r\nx\r\n", count: request.target == "/drip" ? 1 : 10_000))
                if request.target == "/drip" { try await Task.sleep(for: .milliseconds(20)) }
            }
        }
        var limits = OperatorHTTPLimits()
        limits.timeout = .seconds(30)
        limits.maxResponseBytes = 100
        try await self.with(limits: limits, script) { (client, base) async throws in
            #expect(await self.code(client, "\(base)/flood") == .tooLarge)
        }
        limits.timeout = .milliseconds(300)
        limits.maxResponseBytes = 1 << 20
        try await self.with(limits: limits, script) { (client, base) async throws in
            #expect(await self.code(client, "\(base)/drip") == .unreachable)
            #expect(await self.code(client, "\(base)/stall") == .unreachable)
        }
    }

    @Test("A closed port and a closed client are errors")
    func unreachable() async throws {
        let port = try await ScriptedServer.run(script: { _ in }) { $0.port }
        let client = OperatorHTTPClient()
        #expect(await self.code(client, "http://127.0.0.1:\(port)/") == .unreachable)
        #expect(await self.code(client, "nonsense") == .unreachable)
        await client.shutdown()
        await client.shutdown()
        #expect(await self.code(client, "http://127.0.0.1:\(port)/") == .cancelled)
    }
}
