import Egress
import Model
import Synchronization
import TestSupport
import Testing

@Suite("Requests and answers are bounded and typed", .timeLimit(.minutes(1)))
struct ExchangeTests {
    typealias Script = @Sendable (inout ScriptedConnection) async throws -> Void

    /// Runs a server on a listed loopback port and a client beside it.
    private func with(
        limits: EgressLimits = .patient, _ script: @escaping Script, _ body: (EgressClient, String) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(script: script) { (server) async throws in
            try await EgressClient.run(limits: limits, allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                try await body(client, "http://127.0.0.1:\(server.port)")
            }
        }
    }

    @Test("Servers that answer before they have read the request, and go, cost that request at most")
    func hastyServers() async throws {
        let script: Script = { connection in
            if try await connection.waitForBytes() { try await connection.answer() }
        }
        try await self.with(script) { (client, base) async throws in
            await withDiscardingTaskGroup { group in
                for _ in 0..<32 {
                    group.addTask {
                        for _ in 0..<50 {
                            let failure = await client.failure(EgressRequest(method: "POST", url: base, body: [1]))
                            #expect(failure == nil || failure?.code == .protocolViolation)
                        }
                    }
                }
            }
        }
    }

    @Test("Method, headers, secrets and body arrive as given, with what Roost adds")
    func whole() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await self.with(echo(requests)) { (client, base) async throws in
            let request = EgressRequest(
                method: "POST", url: "\(base)/things?a=1", headers: [("Content-Type", "application/json"), ("x-two", "1"), ("x-two", "2")],
                secretHeaders: [("Authorization", Secret("Bearer abc"))], secretQuery: [("api key", Secret("s&=ä"))], body: Array("{}".utf8)
            )
            let answer = try await client.send(request)
            #expect(answer.url == "\(base)/things?a=1")
            let seen = try #require(requests.elements.first)
            #expect(seen.line == "POST /things?a=1&api%20key=s%26%3D%C3%A4 HTTP/1.1")
            #expect(seen.headers.filter { $0.name == "authorization" }.map(\.value) == ["Bearer abc"])
            #expect(seen.headers.filter { $0.name == "x-two" }.map(\.value) == ["1", "2"])
            #expect(seen.header("content-length") == "2")
            #expect(seen.header("accept-encoding") == "identity")
            #expect(seen.header("user-agent") == "roost")
            #expect(seen.header("host") == String(base.dropFirst(7)))
            #expect(seen.body == Array("{}".utf8))
        }
    }

    @Test("Headers that govern the connection, and values that break the line, are refused")
    func headers() async throws {
        try await self.with(echo(Recorder())) { (client, base) async throws in
            let bad: [(String, String)] = [
                ("Host", "evil"), ("content-length", "5"), ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("Upgrade", "h2c"),
                ("TE", "trailers"), ("Proxy-Authorization", "x"), ("Expect", "100-continue"), ("accept-encoding", "gzip"), ("", "x"),
                ("a b", "x"),
                ("a:b", "x"), ("a\r\nb", "x"), ("x", "a\r\nHost: evil"), ("x", "a\nb"), ("x", "\u{0}"), ("x", " a"), ("x", "a\t"),
                ("ä", "x"),
                ("x", String(repeating: "a", count: 70_000)),
            ]
            for (name, value) in bad {
                let plain = await client.failure(EgressRequest(url: base, headers: [(name, value)]))
                let secret = await client.failure(EgressRequest(url: base, secretHeaders: [(name, Secret(value))]))
                #expect(plain?.code == .invalidRequest && secret?.code == .invalidRequest, "\(name)")
                #expect(secret?.mayHaveBeenSent == false)
            }
            for method in ["", "get", "CONNECT", "GE T", "GET\r\n"] {
                #expect(await client.failure(EgressRequest(method: method, url: base))?.code == .invalidRequest)
            }
        }
    }

    @Test("A redirect keeps or changes the method as RFC 9110 says, and the body with it")
    func redirectMethods() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                if let status = Int(request.target.dropFirst().prefix { $0 != "?" }) {
                    try await connection.answer(status: "\(status) Moved", headers: [("location", "end?x=1")], body: "ignored")
                } else {
                    requests.record(request)
                    try await connection.answer()
                }
            }
        }
        try await self.with(script) { (client, base) async throws in
            let cases: [(String, Int, String)] = [
                ("POST", 301, "GET"), ("POST", 302, "GET"), ("POST", 303, "GET"), ("POST", 307, "POST"), ("POST", 308, "POST"),
                ("PUT", 301, "PUT"),
                ("PUT", 303, "GET"), ("DELETE", 302, "DELETE"), ("HEAD", 303, "HEAD"), ("HEAD", 302, "HEAD"), ("GET", 308, "GET"),
            ]
            for (index, (method, status, expected)) in cases.enumerated() {
                let body = method == "POST" || method == "PUT" ? Array("body".utf8) : nil
                let request = EgressRequest(
                    method: method, url: "\(base)/\(status)", headers: [("content-type", "text/plain"), ("x-mine", "1")],
                    secretHeaders: [("authorization", Secret("s"))], secretQuery: [("k", Secret("s"))], body: body)
                #expect(try await client.send(request).status == 200)
                let seen = requests.elements[index]
                #expect(seen.line == "\(expected) /end?x=1 HTTP/1.1", "\(method) \(status)")
                let keepsBody = expected == method
                #expect(seen.body == (keepsBody ? body ?? [] : []))
                #expect(seen.header("content-type") == (keepsBody ? "text/plain" : nil))
                // The same origin: credentials stay.
                #expect(seen.header("authorization") == "s")
                #expect(seen.header("x-mine") == "1")
            }
        }
    }

    @Test("Credentials do not follow a redirect to another origin")
    func credentialsStay() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(script: echo(requests)) { (other) async throws in
            let script: Script = { connection in
                while let request = try await connection.readRequest() {
                    let host = request.target == "/name" ? "other.test" : "127.0.0.1"
                    try await connection.answer(status: "307 Go", headers: [("location", "http://\(host):\(other.port)/x")])
                }
            }
            try await ScriptedServer.run(script: script) { (server) async throws in
                let resolver = ScriptedResolver(["other.test": [["127.0.0.1"]]])
                let allow = ["127.0.0.1:\(server.port)", "127.0.0.1:\(other.port)", "other.test:\(other.port)"]
                try await EgressClient.run(allow: allow, resolver: resolver) { (client) async throws in
                    for path in ["/port", "/name"] {
                        let request = EgressRequest(
                            method: "POST", url: "http://127.0.0.1:\(server.port)\(path)",
                            headers: [
                                ("cookie", "c"), ("Authorization", "a"), ("x-api-key", "k"), ("accept", "text/x"),
                                ("content-type", "text/y"),
                            ],
                            secretHeaders: [("x-token", Secret("t"))], secretQuery: [("k", Secret("s"))], body: [1])
                        _ = try await client.send(request)
                    }
                }
            }
        }
        #expect(requests.elements.count == 2)
        for seen in requests.elements {
            #expect(seen.line == "POST /x HTTP/1.1")
            for name in ["cookie", "authorization", "x-api-key", "x-token"] { #expect(seen.header(name) == nil) }
            #expect(seen.header("accept") == "text/x")
            #expect(seen.header("content-type") == "text/y")
        }
    }

    @Test("Redirects are bounded, and their targets checked")
    func redirectBounds() async throws {
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                let location = request.target == "/loop" ? "/loop" : String(request.target.dropFirst()).replacing("_", with: ":")
                try await connection.answer(status: "302 Found", headers: [("location", location)])
            }
        }
        try await self.with(script) { (client, base) async throws in
            let loop = await client.failure(EgressRequest(url: "\(base)/loop"))
            #expect(loop?.code == .tooManyRedirects)
            #expect(loop?.mayHaveBeenSent == true)
            for target in ["ftp_//h/", "file_///etc/passwd", "http_//u@h/", "http_//h_0/"] {
                let error = await client.failure(EgressRequest(url: "\(base)/\(target)"))
                #expect(error?.code == .invalidURL, "\(target)")
                #expect(error?.mayHaveBeenSent == true)
            }
        }
    }

    @Test("A redirect without a location, and statuses that do not redirect, are answers")
    func noRedirect() async throws {
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                let status = String(request.target.dropFirst())
                try await connection.answer(status: "\(status) X", headers: status == "302" ? [] : [("location", "/y")], body: status)
            }
        }
        try await self.with(script) { (client, base) async throws in
            for status in [300, 302, 305] {
                let answer = try await client.send(EgressRequest(url: "\(base)/\(status)"))
                #expect(answer.status == status)
                #expect(answer.text == "\(status)")
            }
        }
    }

    @Test("A body past the bound ends the exchange, announced or not")
    func bodyTooLarge() async throws {
        let closed = Recorder<Void>()
        let script: Script = { connection in
            guard let request = try await connection.readRequest() else { return }
            if request.target == "/announced" {
                try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n")
            } else {
                try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for _ in 0..<11 { try await connection.write("64\r\n\(String(repeating: "x", count: 100))\r\n") }
            }
            try await connection.waitForClose()
            closed.record(())
        }
        try await self.with(script) { (client, base) async throws in
            for path in ["/announced", "/chunked"] {
                let error = await client.failure(EgressRequest(url: base + path, maxResponseBytes: 1000))
                #expect(error?.code == .responseTooLarge)
                #expect(error?.mayHaveBeenSent == true)
            }
            await closed.wait(for: 2)
        }
    }

    @Test("The client's bounds hold for requests that name none, and for those that ask for more")
    func clientBounds() async throws {
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                if request.target == "/wait" { return try await connection.waitForClose() }
                try await connection.answer(body: String(repeating: "x", count: 101))
            }
        }
        var limits = EgressLimits.patient
        limits.maxResponseBytes = 100
        limits.maxTime = .seconds(1)
        try await self.with(limits: limits, script) { (client, base) async throws in
            for timeout in [nil, Duration.seconds(3600)] {
                #expect(await client.failure(EgressRequest(url: "\(base)/wait", timeout: timeout))?.code == .timeout)
            }
        }
        limits.maxTime = .seconds(600)
        try await self.with(limits: limits, script) { (client, base) async throws in
            for maxBytes in [nil, 1000] {
                let error = await client.failure(EgressRequest(url: base, maxResponseBytes: maxBytes))
                #expect(error?.code == .responseTooLarge)
                #expect(error?.message.contains("100 bytes (roost.egress.max_response_bytes)") == true)
            }
            // A smaller bound is the request's own, and no key would raise it.
            let error = await client.failure(EgressRequest(url: base, maxResponseBytes: 10))
            #expect(error?.message.contains("larger than 10 bytes.") == true)
        }
        limits.maxResponseBytes = 101
        try await self.with(limits: limits, script) { (client, base) async throws in
            #expect(try await client.send(EgressRequest(url: base)).body.count == 101)
        }
    }

    @Test("A body of exactly the bound, of HEAD with a length, without a length, and empty ones pass")
    func bodyBounds() async throws {
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                switch request.target {
                case "/exact": try await connection.answer(body: String(repeating: "x", count: 1000))
                case "/head": try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n")
                case "/empty": try await connection.write("HTTP/1.1 204 No Content\r\n\r\n")
                default:
                    try await connection.write("HTTP/1.1 200 OK\r\n\r\nuntil the end")
                    return
                }
            }
        }
        try await self.with(script) { (client, base) async throws in
            #expect(try await client.send(EgressRequest(url: "\(base)/exact", maxResponseBytes: 1000)).body.count == 1000)
            #expect(try await client.send(EgressRequest(method: "HEAD", url: "\(base)/head", maxResponseBytes: 1000)).body.isEmpty)
            #expect(try await client.send(EgressRequest(url: "\(base)/empty", maxResponseBytes: 0)).status == 204)
            #expect(try await client.send(EgressRequest(url: "\(base)/close")).text == "until the end")
        }
    }

    @Test("A request body past the bound is not sent")
    func requestTooLarge() async throws {
        var limits = EgressLimits.patient
        limits.maxRequestBytes = 10
        try await self.with(limits: limits, echo(Recorder())) { (client, base) async throws in
            #expect(
                await client.failure(EgressRequest(method: "POST", url: base, body: Array(repeating: 0, count: 11)))?.code
                    == .invalidRequest)
            #expect(try await client.send(EgressRequest(method: "POST", url: base, body: Array(repeating: 0, count: 10))).status == 200)
        }
    }

    @Test("A compressed answer is handed over as it came")
    func noDecompression() async throws {
        let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
        let script: Script = { connection in
            while try await connection.readRequest() != nil {
                try await connection.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n")
                try await connection.write(gzip)
            }
        }
        try await self.with(script) { (client, base) async throws in
            let answer = try await client.send(EgressRequest(url: base))
            #expect(answer.body == gzip)
            #expect(answer.header("content-encoding") == "gzip")
        }
    }

    @Test("A large answer arrives whole")
    func largeBody() async throws {
        let script: Script = { connection in
            while let request = try await connection.readRequest() {
                let chunk = [UInt8](repeating: 7, count: 1 << 20)
                if request.target == "/chunked" {
                    try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    for _ in 0..<10 {
                        try await connection.write("100000\r\n")
                        try await connection.write(chunk)
                        try await connection.write("\r\n")
                    }
                    try await connection.write("0\r\n\r\n")
                } else {
                    try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(10 << 20)\r\n\r\n")
                    for _ in 0..<10 { try await connection.write(chunk) }
                }
            }
        }
        try await self.with(script) { (client, base) async throws in
            for path in ["/length", "/chunked"] {
                let answer = try await client.send(EgressRequest(url: base + path))
                #expect(answer.body.count == 10 << 20)
                #expect(answer.body.allSatisfy { $0 == 7 })
            }
        }
    }

    @Test("Header fields without end are refused")
    func headerFlood() async throws {
        let script: Script = { connection in
            _ = try await connection.readRequest()
            try await connection.write("HTTP/1.1 200 OK\r\n")
            for index in 0..<100_000 { try await connection.write("x-\(index): \(String(repeating: "y", count: 1000))\r\n") }
        }
        try await self.with(script) { (client, base) async throws in
            #expect(await client.failure(EgressRequest(url: base))?.code == .protocolViolation)
        }
    }

    @Test(
        "An answer that is no HTTP is a protocol error",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "",
        ])
    func protocolErrors(_ answer: String) async throws {
        let script: Script = { connection in
            _ = try await connection.readRequest()
            if !answer.isEmpty { try await connection.write(answer) }
        }
        try await self.with(script) { (client, base) async throws in
            let error = await client.failure(EgressRequest(method: "POST", url: base, body: [1]))
            #expect(error?.code == .protocolViolation)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test("A closed port says that nothing was sent, and at once")
    func connectionRefused() async throws {
        let reserved = try #require(ReservedPort())
        let port = reserved.number
        try await EgressClient.run(allow: ["127.0.0.1:\(port)"]) { (client) async throws in
            let error = await client.failure(EgressRequest(method: "POST", url: "http://127.0.0.1:\(port)/", body: [1]))
            #expect(error?.code == .connectFailed)
            #expect(error?.mayHaveBeenSent == false)
        }
        // The port is ours until here.
        withExtendedLifetime(reserved) {}
    }

    @Test("The next address is tried when one refuses, within the bound")
    func nextAddress() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        try await ScriptedServer.run(host: "127.0.0.9", script: echo(requests)) { (server) async throws in
            let resolver = ScriptedResolver([
                "third.test": [["127.0.0.7", "127.0.0.8", "127.0.0.9"]],
                "fourth.test": [["127.0.0.5", "127.0.0.7", "127.0.0.8", "127.0.0.9"]],
            ])
            try await EgressClient.run(allow: ["third.test:\(server.port)", "fourth.test:\(server.port)"], resolver: resolver) {
                (client) async throws in
                #expect(try await client.send(EgressRequest(method: "POST", url: "http://third.test:\(server.port)/")).status == 200)
                #expect(await client.failure(EgressRequest(url: "http://fourth.test:\(server.port)/"))?.code == .connectFailed)
            }
        }
        #expect(requests.elements.count == 1)
    }

    @Test("A name without an address is its own error")
    func unresolved() async throws {
        try await EgressClient.run(resolver: ScriptedResolver(["empty.test": [[]]])) { (client) async throws in
            for name in ["empty.test", "unknown.test"] {
                let error = await client.failure(EgressRequest(url: "https://\(name)/"))
                #expect(error?.code == .resolutionFailed)
                #expect(error?.mayHaveBeenSent == false)
            }
        }
        // The system's own resolver; RFC 6761 promises that this name never exists.
        try await EgressClient.run { (client) async throws in
            #expect(await client.failure(EgressRequest(url: "https://roost.invalid/"))?.code == .resolutionFailed)
        }
    }

    @Test("Time is bounded: resolving, waiting for the head, and a body that drips")
    func timeouts() async throws {
        try await EgressClient.run(resolver: StalledResolver()) { (client) async throws in
            let error = await client.failure(EgressRequest(url: "http://slow.test/", timeout: .milliseconds(50)))
            #expect(error?.code == .timeout)
            #expect(error?.mayHaveBeenSent == false)
        }
        let script: Script = { connection in
            guard let request = try await connection.readRequest() else { return }
            guard request.target == "/drip" else { return try await connection.waitForClose() }
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            for _ in 0..<1000 {
                try await connection.write("x")
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        try await self.with(script) { (client, base) async throws in
            for path in ["/stall", "/drip"] {
                let error = await client.failure(EgressRequest(url: base + path, timeout: .seconds(1)))
                #expect(error?.code == .timeout, "\(path)")
                #expect(error?.mayHaveBeenSent == true)
            }
        }
        var limits = EgressLimits.patient
        limits.idleTimeout = .milliseconds(1500)
        try await self.with(limits: limits, script) { (client, base) async throws in
            #expect(await client.failure(EgressRequest(url: "\(base)/stall"))?.code == .timeout)
            // Dripping faster than the bound is not silence.
            #expect(
                await client.failure(EgressRequest(url: "\(base)/drip", timeout: .seconds(3)))?.message.contains("time given")
                    == true)
        }
    }

    @Test("Cancellation ends a request at once, and the server sees the connection go")
    func cancellation() async throws {
        let started = Recorder<Void>()
        let closed = Recorder<Void>()
        let script: Script = { connection in
            _ = try await connection.readRequest()
            started.record(())
            try await connection.waitForClose()
            closed.record(())
        }
        try await self.with(script) { (client, base) async throws in
            let error = await withTaskGroup(of: EgressError?.self) { group in
                group.addTask { await client.failure(EgressRequest(url: base)) }
                await started.wait(for: 1)
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == true)
            await closed.wait(for: 1)
        }
        try await EgressClient.run(resolver: StalledResolver()) { (client) async throws in
            let error = await withTaskGroup(of: EgressError?.self) { group in
                group.addTask { await client.failure(EgressRequest(url: "http://slow.test/")) }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test("A kept connection that the server drops costs a safe request nothing, and is not retried for others")
    func staleConnection() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        // Every connection answers once and then breaks off when the second request arrives.
        let script: Script = { connection in
            guard let first = try await connection.readRequest() else { return }
            requests.record(first)
            try await connection.answer(body: "first")
            if let second = try await connection.readRequest() {
                requests.record(second)
                try await connection.reset()
            }
        }
        try await self.with(script) { (client, base) async throws in
            _ = try await client.send(EgressRequest(url: "\(base)/1"))
            #expect(try await client.send(EgressRequest(url: "\(base)/2")).text == "first")
            #expect(requests.elements.map(\.target) == ["/1", "/2", "/2"])
            let error = await client.failure(EgressRequest(method: "POST", url: "\(base)/3", body: [1]))
            #expect(error?.code == .protocolViolation)
            #expect(error?.mayHaveBeenSent == true)
            #expect(requests.elements.map(\.target) == ["/1", "/2", "/2", "/3"])
        }
    }
}
