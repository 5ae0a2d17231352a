import Egress
import Logging
import Model
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

@Suite("Secrets and the environment stay out", .timeLimit(.minutes(2)))
struct SecrecyTests {
    private static func request(_ url: String, method: String = "GET", headers: [(name: String, value: String)] = []) -> EgressRequest {
        EgressRequest(
            method: method, url: url, headers: headers,
            secretHeaders: [("authorization", Secret("Bearer s3cret-header")), ("x-key", Secret("s3cret-key"))],
            secretQuery: [("key", Secret("s3cret-query"))])
    }

    @Test("No error, no log line and no printed request holds a credential, whatever goes wrong")
    func nothingPrinted() async throws {
        let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            guard let request = try await connection.readRequest() else { return }
            switch request.target.prefix(5) {
            // The target holds the secret query; a server may send it back as the place to go.
            case "/loop": try await connection.answer(status: "302 Found", headers: [("location", request.target)])
            case "/away": try await connection.answer(status: "302 Found", headers: [("location", "http://10.0.0.1\(request.target)")])
            case "/odd?": try await connection.answer(status: "302 Found", headers: [("location", "ftp://h\(request.target)")])
            case "/junk": try await connection.write("\(request.line) \(request.header("authorization") ?? "")\r\n\r\n")
            case "/long": try await connection.answer(body: String(repeating: request.target, count: 100))
            case "/wait": try await connection.waitForClose()
            default: return
            }
        }
        let lines = Recorder<String>()
        let logger = Logger(label: "test") { _ in RecordingLogHandler(lines: lines) }
        var limits = EgressLimits.patient
        limits.maxResponseBytes = 100
        var printed: [String] = []
        var codes: Set<String> = []
        let noTLS: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            try await connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            try await connection.waitForClose()
        }
        try await ScriptedServer.run(script: noTLS) { (plain) async throws in
            try await ScriptedServer.run(script: script) { (server) async throws in
                let client = try EgressClient(
                    limits: limits, allowList: EgressAllowList(["127.0.0.1:\(server.port)", "127.0.0.1:\(plain.port)", "127.0.0.1:1"]),
                    resolver: ScriptedResolver([:]),
                    logger: logger)
                let base = "http://127.0.0.1:\(server.port)"
                var requests = ["/loop", "/away", "/odd", "/junk", "/long", "/close"].map { Self.request(base + $0) }
                var stalled = Self.request("\(base)/wait")
                stalled.timeout = .seconds(1)
                requests += [
                    stalled, Self.request("http://127.0.0.1:1/"), Self.request("http://no.test/"), Self.request("http://10.0.0.1/"),
                    Self.request("https://127.0.0.1:\(plain.port)/"), Self.request("http://127.1/"),
                    Self.request("\(base)/", method: "get"),
                    Self.request("\(base)/", headers: [("host", "x")]),
                ]
                for request in requests {
                    let error = try #require(await client.failure(request))
                    codes.insert(error.code.description)
                    printed += ["\(error)", String(reflecting: error), "\(request)", String(reflecting: request)]
                    var dumped = ""
                    dump(request, to: &dumped)
                    dump(error, to: &dumped)
                    printed.append(dumped)
                }
                await client.shutdown()
            }
        }
        for text in printed + lines.elements { #expect(!text.contains("s3cret"), "\(text)") }
        #expect(lines.elements.contains { $0.contains("egress refused") })
        #expect(
            codes == [
                "too_many_redirects", "address_refused", "invalid_url", "protocol", "response_too_large", "timeout", "connect_failed",
                "resolution_failed", "tls", "invalid_request",
            ])
    }

    @Test("A credential that cannot be sent is refused without being shown")
    func refusedValue() async throws {
        try await EgressClient.run { (client) async throws in
            let error = await client.failure(
                EgressRequest(url: "http://127.0.0.1/", secretHeaders: [("x-key", Secret("s3cret\r\nx-evil: 1"))]))
            #expect(error?.code == .invalidRequest)
            #expect(error.map { !"\($0)".contains("s3cret") && $0.message.contains("x-key") } == true)
        }
    }

    @Test("A credential does not come back when a chain of redirects comes back to its origin")
    func thereAndBack() async throws {
        let requests = Recorder<ScriptedConnection.Request>()
        let ports = Recorder<Int>()
        let away: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
            while try await connection.readRequest() != nil {
                await ports.wait(for: 1)
                try await connection.answer(status: "302 Found", headers: [("location", "http://127.0.0.1:\(ports.elements[0])/back")])
            }
        }
        try await ScriptedServer.run(script: away) { (other) async throws in
            let home: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
                while let request = try await connection.readRequest() {
                    requests.record(request)
                    switch request.target.prefix(5) {
                    case "/back": try await connection.answer(body: "done")
                    case "/stay": try await connection.answer(status: "302 Found", headers: [("location", "/back")])
                    default: try await connection.answer(status: "302 Found", headers: [("location", "http://127.0.0.1:\(other.port)/x")])
                    }
                }
            }
            try await ScriptedServer.run(script: home) { (server) async throws in
                ports.record(server.port)
                try await EgressClient.run(allow: ["127.0.0.1:\(server.port)", "127.0.0.1:\(other.port)"]) { (client) async throws in
                    for path in ["/go", "/stay"] {
                        #expect(try await client.send(Self.request("http://127.0.0.1:\(server.port)\(path)")).text == "done")
                    }
                }
            }
        }
        #expect(requests.elements.map(\.target) == ["/go?key=s3cret-query", "/back", "/stay?key=s3cret-query", "/back"])
        #expect(requests.elements.map { $0.header("x-key") } == ["s3cret-key", nil, "s3cret-key", "s3cret-key"])
    }

    @Test("A proxy named in the environment is not used")
    func proxies() async {
        await #expect(processExitsWith: .success) {
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:1", 1)
            }
            let script: @Sendable (inout ScriptedConnection) async throws -> Void = { connection in
                while try await connection.readRequest() != nil { try await connection.answer(body: "direct") }
            }
            try await ScriptedServer.run(script: script) { (server) async throws in
                try await EgressClient.run(allow: ["127.0.0.1:\(server.port)"]) { (client) async throws in
                    let answer = try await client.send(EgressRequest(url: "http://127.0.0.1:\(server.port)/"))
                    try #require(answer.text == "direct")
                }
            }
        }
    }
}

/// Writes every line, with its metadata, into a recorder.
private struct RecordingLogHandler: LogHandler {
    let lines: Recorder<String>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    init(lines: Recorder<String>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) { self.lines.record("\(event.message) \(event.metadata ?? [:])") }
}
