import Egress
import TestSupport
import Testing

@Suite("Certificates are verified", .timeLimit(.minutes(1)))
struct TLSTests {
    private let authority: TestAuthority

    init() throws { self.authority = try TestAuthority() }

    private func with(
        names: [String], addresses: [[UInt8]] = [], trusted: Bool = true, _ body: (EgressClient, Int) async throws -> Void
    ) async throws {
        let context = try self.authority.serverContext(names: names, addresses: addresses)
        let roots = trusted ? [self.authority.certificatePEM] : []
        try await ScriptedServer.run(tls: context, script: echo(Recorder())) { (server) async throws in
            let resolver = ScriptedResolver(["api.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]])
            let allow = ["api.test", "other.test", "127.0.0.1"].map { "\($0):\(server.port)" }
            try await EgressClient.run(allow: allow, trusting: roots, resolver: resolver) { (client) async throws in
                try await body(client, server.port)
            }
        }
    }

    @Test("A trusted certificate for the name in the URL is taken, though the connection goes to an address")
    func trusted() async throws {
        try await self.with(names: ["api.test"]) { (client, port) async throws in
            #expect(try await client.send(EgressRequest(url: "https://api.test:\(port)/x")).text == "GET /x HTTP/1.1")
        }
    }

    @Test("A certificate for another name is refused")
    func wrongName() async throws {
        try await self.with(names: ["api.test"]) { (client, port) async throws in
            for host in ["other.test", "127.0.0.1"] {
                let error = await client.failure(EgressRequest(method: "POST", url: "https://\(host):\(port)/", body: [1]))
                #expect(error?.code == .tls, "\(host)")
                #expect(error?.mayHaveBeenSent == false)
            }
        }
    }

    @Test("An address in the certificate serves a literal")
    func addressName() async throws {
        try await self.with(names: [], addresses: [[127, 0, 0, 1]]) { (client, port) async throws in
            #expect(try await client.send(EgressRequest(url: "https://127.0.0.1:\(port)/")).status == 200)
        }
    }

    @Test("An authority that nobody added is not trusted")
    func untrusted() async throws {
        try await self.with(names: ["api.test"], trusted: false) { (client, port) async throws in
            #expect(await client.failure(EgressRequest(url: "https://api.test:\(port)/"))?.code == .tls)
        }
    }

    @Test("A server that does not speak TLS, or says nothing, ends in time")
    func noTLS() async throws {
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            try await connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            try await connection.waitForClose()
        }
        try await ScriptedServer.run(script: script) { (server) async throws in
            try await EgressClient.run(allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                let error = await client.failure(EgressRequest(url: "https://127.0.0.1:\(server.port)/"))
                #expect(error?.code == .tls)
                #expect(error?.mayHaveBeenSent == false)
            }
        }
        var limits = EgressLimits.patient
        limits.connectTimeout = .milliseconds(200)
        try await ScriptedServer.run(script: { try await $0.waitForClose() }) { (server) async throws in
            try await EgressClient.run(limits: limits, allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                let error = await client.failure(EgressRequest(url: "https://127.0.0.1:\(server.port)/"))
                #expect(error?.code == .timeout)
                #expect(error?.mayHaveBeenSent == false)
            }
        }
    }

    @Test("An address that takes connections and says nothing gives way to the next")
    func silentAddress() async throws {
        var limits = EgressLimits.patient
        limits.connectTimeout = .seconds(1)
        let context = try self.authority.serverContext(names: ["api.test"])
        // One port on two addresses, neither of which is 127.0.0.1, where the port may belong to an outgoing connection.
        try await ScriptedServer.run(host: "127.0.0.2", tls: context, script: echo(Recorder())) { (server) async throws in
            try await ScriptedServer.run(host: "127.0.0.3", port: server.port, script: { try await $0.waitForClose() }) {
                (_) async throws in
                let resolver = ScriptedResolver(["api.test": [["127.0.0.3", "127.0.0.2"]]])
                try await EgressClient.run(
                    limits: limits, allow: ["api.test:\(server.port)"], trusting: [self.authority.certificatePEM], resolver: resolver
                ) { (client) async throws in
                    let request = EgressRequest(method: "POST", url: "https://api.test:\(server.port)/", body: [1])
                    #expect(try await client.send(request).status == 200)
                }
            }
        }
    }

    @Test("A trust root that is no certificate is an error at once")
    func badRoot() async throws {
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            await #expect(throws: EgressError.self) { try await EgressClient.run(trusting: [text]) { _ in } }
        }
    }
}
