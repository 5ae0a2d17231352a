import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// `deploy/roost.sample.yaml`, used as its own first lines say: bootstrap, then both services, each by itself.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SampleConfigurationTests {
    @Test("both services start with the sample configuration, answer, and stop on SIGTERM")
    func sample() async throws {
        try await withTemporaryFolder { folder in
            let port = try await Self.freePort()
            // What the sample says of places, moved into the test's folder; everything else is as it stands.
            let environment = [
                "ROOST_CONFIG": Program.root.appending("deploy/roost.sample.yaml").string,
                "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key",
                "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key", "ROOST_GATEWAY_PORT": String(port),
            ]
            let bootstrap = try await Program.run(Program.products.appending("roost"), ["bootstrap"], environment: environment)
            try #require(bootstrap.status.isSuccess, "\(bootstrap.errors)")
            let keys = try JSONValue(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/keys.json"))))
            let key = try #require(keys["agent_key"]?.string)
            #expect(!bootstrap.output.contains(key), "keys go to the file alone")

            try await Self.serve("session-service", environment) {
                try await Self.serve("api-gateway", environment) {
                    // Refused until the gateway listens, 503 until the session-service has registered.
                    _ = try await eventually(within: .seconds(30)) { try await Self.opens(port: port, key: key) ? true : nil }
                }
            }
        }
    }

    /// Starts a service, stops it with SIGTERM after the call, and expects a clean end.
    private static func serve(_ name: String, _ environment: [String: String], _ body: () async throws -> Void) async throws {
        // It stops when the test process ends, however that ends.
        let lifeline = try FileDescriptor.pipe(options: .closeOnExec)
        defer { try? lifeline.writeEnd.close() }
        let environment = environment.merging(["ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT": "true"]) { $1 }
        let outcome = try await Subprocess.run(
            .path(Program.products.appending(name)),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            input: .fileDescriptor(lifeline.readEnd, closeAfterSpawningProcess: true), output: .discarded, error: .discarded
        ) { execution in
            try await body()
            try execution.send(signal: .terminate)
        }
        #expect(outcome.terminationStatus == .exited(0), "\(name) ends cleanly on SIGTERM")
    }

    /// Whether a session can be opened.
    private static func opens(port: Int, key: String) async throws -> Bool {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/mcp")
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(key)")
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/json, text/event-stream")
        request.body = .bytes(ByteBuffer(bytes: Self.initialize.bytes()))
        let answer = try? await HTTPClient.shared.execute(request, timeout: .seconds(10))
        return answer?.status == .ok
    }

    /// A port of the loopback address that is free now.
    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        return port
    }

    private static let initialize: JSONValue = [
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": ["protocolVersion": "2025-11-25", "capabilities": [:], "clientInfo": ["name": "test", "version": "1"]],
    ]
}
