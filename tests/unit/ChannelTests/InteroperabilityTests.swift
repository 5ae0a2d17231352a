import Channel
import Foundation
import TestSupport
import Testing

/// Foreign clients against our server. They are skipped, aloud, where they are not installed.
@Suite("Interoperability", .timeLimit(.minutes(2)))
struct InteroperabilityTests {
    /// The tools, from the package `nghttp2-client` and curl.
    private enum Tool: String {
        case nghttp = "/usr/bin/nghttp"
        case h2load = "/usr/bin/h2load"
        case curl = "/usr/bin/curl"

        var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: self.rawValue) }

        /// What the tool writes to standard output.
        func run(_ arguments: [String]) async throws -> String {
            let outcome = try await ChildProcess.run(path: self.rawValue, arguments)
            try #require(outcome.status == 0, "\(self.rawValue): \(outcome.standardError)")
            return outcome.output
        }
    }

    /// Runs a server that asks for no key; the body gets its address as the beginning of a URL.
    private static func withServer(_ kind: ChannelKind, _ body: (String) async throws -> Void) async throws {
        let server = try ChannelFixture.server(kind, key: nil) { request in
            if request.path == "/echo" {
                return ChannelResponse(status: 200, body: .bytes(try await request.body.collect(upTo: 10_000_000)))
            }
            let body = request.body
            if request.path == "/small" { return ChannelResponse(status: 200, body: .text("small")) }
            return ChannelResponse(
                status: 200,
                body: .stream { writer in
                    for try await _ in body {}
                    for number in 0..<1_000 { try await writer.write("line \(number)\n") }
                })
        }
        try await ChannelFixture.running([server]) {
            try await body("\(kind == .tls ? "https" : "http")://127.0.0.1:\(try await server.address.port)")
        }
    }

    @Test("nghttp gets a streamed body", .enabled(if: Tool.nghttp.isInstalled, "nghttp is not installed"), arguments: ChannelKind.network)
    func nghttp(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { url in
            let output = try await Tool.nghttp.run(["-t", "20", url + "/lines"])
            #expect(output.contains("line 0\n") && output.hasSuffix("line 999\n"))
        }
    }

    @Test(
        "h2load's requests are all answered", .enabled(if: Tool.h2load.isInstalled, "h2load is not installed"),
        arguments: ChannelKind.network)
    func h2load(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { url in
            let output = try await Tool.h2load.run(["-n", "5000", "-c", "4", "-m", "50", url + "/small"])
            #expect(output.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(output)")
        }
    }

    @Test("curl's upload comes back", .enabled(if: Tool.curl.isInstalled, "curl is not installed"), arguments: ChannelKind.network)
    func curl(kind: ChannelKind) async throws {
        try await Self.withServer(kind) { url in
            let text = String(repeating: "0123456789", count: 10_000)
            let output = try await Tool.curl.run(
                [
                    "-sS", "--insecure", "--max-time", "30", kind == .tls ? "--http2" : "--http2-prior-knowledge", "--data-binary", text,
                    url + "/echo",
                ])
            #expect(output == text)
        }
    }

    @Test("A client without the key gets 401", .enabled(if: Tool.curl.isInstalled, "curl is not installed"))
    func unproven() async throws {
        let server = try ChannelFixture.server(.plaintext) { _ in ChannelResponse(status: 200) }
        try await ChannelFixture.running([server]) {
            let port = try await server.address.port
            for extra in [[], ["-H", "roost-proof: 0000000000000000000000000000000000000000000000000000000000000000"]] {
                let output = try await Tool.curl.run(
                    [
                        "-sS", "--max-time", "30", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}",
                        "http://127.0.0.1:\(port)/",
                    ] + extra)
                #expect(output == "401")
            }
        }
    }
}
