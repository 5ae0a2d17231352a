import Egress
import Model
import TestSupport
import Testing

@Suite("Nothing but public and listed hosts is reached", .timeLimit(.minutes(1)))
struct GuardTests {
    @Test("Loopback is refused in every spelling, before anything is connected")
    func loopback() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(script: echo(requests)) { (server) async throws in
            try await EgressClient.run { (client) async throws in
                for host in [
                    "127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "0.0.0.0", "[::]", "127.9.9.9",
                ] {
                    let error = await client.failure(EgressRequest(url: "http://\(host):\(server.port)/"))
                    #expect(error?.code == .addressRefused, "\(host)")
                    #expect(error?.mayHaveBeenSent == false)
                    #expect(error?.message.contains("roost.egress.allow") == true)
                }
                for host in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"] {
                    #expect(await client.failure(EgressRequest(url: "http://\(host):\(server.port)/"))?.code == .invalidURL, "\(host)")
                }
            }
        }
        #expect(requests.elements.isEmpty)
    }

    @Test("A refusal names the host as it was written and never what it resolved to")
    func refusalMessage() async throws {
        let resolver = ScriptedResolver(["db.corp": [["10.1.2.3"]]])
        try await EgressClient.run(resolver: resolver) { (client) async throws in
            let error = try #require(await client.failure(EgressRequest(url: "http://DB.corp:5432/secret?key=value")))
            #expect(error.code == .addressRefused)
            #expect(error.message.contains("db.corp:5432"))
            for hidden in ["10.1.2.3", "secret", "value"] { #expect(!error.description.contains(hidden)) }
        }
    }

    @Test("A listed host and port is reached, and no other port or name of the same machine")
    func listed() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(script: echo(requests)) { (server) async throws in
            try await EgressClient.run(allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                let answer = try await client.send(EgressRequest(url: "http://127.0.0.1:\(server.port)/a?b=c"))
                #expect(answer.status == 200)
                #expect(answer.text == "GET /a?b=c HTTP/1.1")
                for url in ["http://127.0.0.1:\(server.port + 1)/", "http://127.0.0.2:\(server.port)/", "http://localhost:\(server.port)/"]
                {
                    #expect(await client.failure(EgressRequest(url: url))?.code == .addressRefused)
                }
            }
        }
    }

    @Test("The address that was checked is the address connected to, whatever the name says a moment later")
    func rebinding() async throws {
        let good = Recorder<ScriptedConnection.Request>()
        let evil = Recorder<ScriptedConnection.Request>()
        // 127.0.0.2 stands for a public address and 127.0.0.3 for a private one, on the same port. (On 127.0.0.1 the port may belong to an
        // outgoing connection.)
        try await ScriptedServer.run(host: "127.0.0.2", script: echo(good)) { (server) async throws in
            try await ScriptedServer.run(host: "127.0.0.3", port: server.port, script: echo(evil)) { (_) async throws in
                let resolver = ScriptedResolver(["rebind.test": [["127.0.0.2"], ["127.0.0.3"]]])
                var limits = EgressLimits.patient
                limits.resolutionLifetime = .zero
                try await EgressClient.run(limits: limits, publicly: ["127.0.0.2"], resolver: resolver) { (client) async throws in
                    let url = "http://rebind.test:\(server.port)/"
                    #expect(try await client.send(EgressRequest(url: url)).status == 200)
                    // One question a request: what was checked is used, not asked again.
                    #expect(resolver.questions == ["rebind.test"])
                    #expect(await client.failure(EgressRequest(url: url))?.code == .addressRefused)
                }
            }
        }
        #expect(good.elements.map { $0.header("host")?.hasPrefix("rebind.test:") } == [true])
        #expect(evil.elements.isEmpty)
    }

    @Test("One private address among a name's answers refuses the name")
    func mixedAnswers() async throws {
        let resolver = ScriptedResolver([
            "mixed.test": [["93.184.216.34", "127.0.0.1"]], "six.test": [["2606:4700::1", "::ffff:10.0.0.1"]],
        ])
        try await EgressClient.run(resolver: resolver) { (client) async throws in
            #expect(await client.failure(EgressRequest(url: "http://mixed.test/"))?.code == .addressRefused)
            #expect(await client.failure(EgressRequest(url: "https://six.test/"))?.code == .addressRefused)
        }
    }

    @Test("A listed name opens no metadata address; a listed literal would")
    func metadata() async throws {
        // The last ones lead to the first by way of the kernel, a NAT64 or a tunnel.
        let addresses = [
            "169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "::169.254.169.254",
            "64:ff9b::169.254.169.254", "64:ff9b:1::169.254.169.254", "2002:a9fe:a9fe::1", "2001::5601:5601",
        ]
        let names = addresses.indices.map { "sneaky\($0).test" }
        let resolver = ScriptedResolver(Dictionary(uniqueKeysWithValues: zip(names, addresses.map { [["127.0.0.1", $0]] })))
        try await EgressClient.run(allow: names.map { "\($0):80" }, resolver: resolver) { (client) async throws in
            for (name, address) in zip(names, addresses) {
                #expect(await client.failure(EgressRequest(url: "http://\(name)/latest/meta-data/"))?.code == .addressRefused, "\(address)")
            }
            #expect(await client.failure(EgressRequest(url: "http://169.254.169.254/latest/meta-data/"))?.code == .addressRefused)
        }
    }

    @Test("A redirect is checked like a request")
    func redirects() async throws {
        let inner = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(script: echo(inner)) { (hidden) async throws in
            let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
                while let request = try await connection.readRequest() {
                    let target = request.target == "/self" ? "/done" : "http://127.0.0.1:\(hidden.port)\(request.target)"
                    if request.target == "/done" {
                        try await connection.answer(body: "done")
                    } else {
                        try await connection.answer(status: "302 Found", headers: [("Location", target)], body: "moved")
                    }
                }
            }
            try await ScriptedServer.run(host: "127.0.0.2", script: script) { (server) async throws in
                let front = "http://127.0.0.2:\(server.port)"
                try await EgressClient.run(allow: ["127.0.0.2:\(server.port)"]) { (client) async throws in
                    let answer = try await client.send(EgressRequest(url: "\(front)/self"))
                    #expect(answer.text == "done")
                    #expect(answer.url == "\(front)/done")
                    let error = await client.failure(EgressRequest(url: "\(front)/private"))
                    #expect(error?.code == .addressRefused)
                    #expect(error?.mayHaveBeenSent == true)
                    #expect(inner.elements.isEmpty)
                    var request = EgressRequest(url: "\(front)/private")
                    request.followsRedirects = false
                    #expect(try await client.send(request).status == 302)
                }
                try await EgressClient.run(allow: ["127.0.0.2:\(server.port)", "127.0.0.1:\(hidden.port)"]) { (client) async throws in
                    #expect(try await client.send(EgressRequest(url: "\(front)/private")).text == "GET /private HTTP/1.1")
                }
            }
        }
    }

    @Test("The door for Roost's own API opens to its typed target alone")
    func internalTarget() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            while let request = try await connection.readRequest() {
                requests.record(request)
                try await connection.answer(status: "307 Temporary Redirect", headers: [("location", "/elsewhere")])
            }
        }
        try await ScriptedServer.run(script: script) { (server) async throws in
            try await EgressClient.run { (client) async throws in
                let target = try #require(InternalTarget(host: "127.0.0.1", port: server.port))
                let request = EgressRequest(
                    internal: target, path: "/api/v1/tools?limit=1", secretHeaders: [("authorization", Secret("Bearer token"))])
                let answer = try await client.send(request)
                // Its redirects are not followed: a token for this address must not travel.
                #expect(answer.status == 307)
                #expect(requests.elements.map(\.line) == ["GET /api/v1/tools?limit=1 HTTP/1.1"])
                #expect(requests.elements.first?.header("authorization") == "Bearer token")
                // The same host and port as text stays refused, also while a connection to it is open.
                #expect(await client.failure(EgressRequest(url: "http://127.0.0.1:\(server.port)/api/v1/tools"))?.code == .addressRefused)
                for path in ["api", "/a/../b", "/a/%2e%2E/b", "/./a", "/a\r\nb", "\\a", ""] {
                    #expect(await client.failure(EgressRequest(internal: target, path: path))?.code == .invalidURL, "\(path)")
                }
            }
        }
        for (host, port) in [("", 80), ("a b", 80), ("h", 0), ("h", 65536), ("127.1", 80), ("u@h", 80), ("h/x", 80)] {
            #expect(InternalTarget(host: host, port: port) == nil)
        }
    }

    @Test("What goes over the wire is exactly the URL that was checked")
    func oneReading() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(script: echo(requests)) { (server) async throws in
            let resolver = ScriptedResolver(["a_b-c.x1.test": [["127.0.0.1"]]])
            try await EgressClient.run(publicly: ["127.0.0.1"], resolver: resolver) { (client) async throws in
                for target in ["/", "/a%2Fb/%41?x=%5B1%5D&y='z'(*);$@:,+!~", "//a//b/../c/.", "/?", "/??/"] {
                    let answer = try await client.send(EgressRequest(url: "http://A_b-C.x1.test:\(server.port)\(target)"))
                    #expect(answer.text == "GET \(target) HTTP/1.1")
                }
            }
        }
        #expect(requests.elements.allSatisfy { $0.header("host")?.hasPrefix("a_b-c.x1.test:") == true })
    }
}
