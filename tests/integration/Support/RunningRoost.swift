import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// Roost as somebody at a terminal starts it: the real `roost dev`, which starts the real services, in a folder of its own.
struct RunningRoost: Sendable {
    /// The address of the gateway.
    let url: String
    let agentKey: String
    let adminKey: String
    let installationKey: String
    /// Where database, keys and logs are.
    let folder: FilePath
    /// The process id of the supervisor.
    let supervisor: Int32

    var mcpURL: String { self.url + "/mcp" }

    /// For tests with large bodies: they keep the threads of a debug build busy for long, which is to cost neither lease nor channel on a
    /// machine with other work.
    static let patience = ["ROOST_REPLICA_LEASE": "60s", "ROOST_CHANNEL_KEEP_ALIVE_TIMEOUT": "60s"]

    /// Starts Roost, waits for what it prints, and stops it with SIGTERM after the call.
    static func with<Result: Sendable>(
        _ environment: [String: String] = [:], folder: String? = nil, _ body: (RunningRoost) async throws -> Result
    ) async throws -> Result {
        guard let folder else {
            return try await withTemporaryFolder { try await Self.with(environment, folder: $0, body) }
        }
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(45))]
        var variables: [Environment.Key: String?] = [:]
        // It stops when the test process ends, however that ends.
        let ours = ["ROOST_PORT": "0", "ROOST_DATA_DIR": folder, "ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT": "true"]
        let lifeline = try FileDescriptor.pipe(options: .closeOnExec)
        defer { try? lifeline.writeEnd.close() }
        for (name, value) in ours.merging(environment, uniquingKeysWith: { $1 }) {
            variables[Environment.Key(stringLiteral: name)] = value
        }
        let configuration = Subprocess.Configuration(
            executable: .path(Program.products.appending("roost")), arguments: ["dev"], environment: .inherit.updating(variables),
            platformOptions: options)
        let outcome = try await Subprocess.run(
            configuration, input: .fileDescriptor(lifeline.readEnd, closeAfterSpawningProcess: true), output: .sequence,
            error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        ) { execution in
            var lines: [String: String] = [:]
            for try await line in execution.standardOutput.strings() {
                let parts = line.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ": ", maxSplits: 1)
                if parts.count == 2 { lines[String(parts[0])] = String(parts[1]) }
                if lines["Admin key"] != nil { break }
            }
            let file = try JSONValue(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/keys.json"))))
            let roost = RunningRoost(
                url: try #require(lines["MCP URL"]?.replacingOccurrences(of: "/mcp", with: ""), "roost dev ended without its lines"),
                agentKey: try #require(lines["API key"]), adminKey: try #require(lines["Admin key"]),
                installationKey: try #require(file["installation_key"]?.string), folder: FilePath(folder),
                supervisor: execution.processIdentifier.value)
            let result = try await body(roost)
            try execution.send(signal: .terminate)
            return result
        }
        #expect(outcome.terminationStatus == .exited(0), "roost dev ends cleanly on SIGTERM")
        return outcome.closureResult
    }

    /// The process ids of the supervisor's children by the name of their executable.
    func services() throws -> [String: Int32] {
        var found: [String: Int32] = [:]
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(entry), let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let open = status.firstIndex(of: "("), let close = status.lastIndex(of: ")")
            else { continue }
            let fields = status[status.index(close, offsetBy: 2)...].split(separator: " ")
            guard fields.count > 1, Int32(fields[1]) == self.supervisor else { continue }
            found[String(status[status.index(after: open)..<close])] = pid
        }
        return found
    }

    /// The resident memory of a process in bytes.
    static func residentBytes(of pid: Int32) throws -> Int {
        let fields = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
        return (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let bytes: [UInt8]

        /// The body as JSON; null when it is empty or none.
        var json: JSONValue { (try? JSONValue(parsing: self.bytes)) ?? .null }
    }

    /// Calls the gateway.
    func call(
        _ method: HTTPMethod, _ path: String, key: String? = nil, body: JSONValue? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: self.url + path)
        request.method = method
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes()))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        let answer = Answer(status: Int(response.status.code), headers: response.headers, bytes: Array(bytes.readableBytesView))
        try Contract.check(method, path, answer)
        return answer
    }

    /// Posts one MCP message; the answer's JSON is the message, whichever way it came.
    func mcp(_ message: JSONValue, session: String? = nil, key: String? = nil, headers: [(String, String)] = []) async throws -> Answer {
        var fields = [("Accept", "application/json, text/event-stream")]
        if let session { fields.append(("Mcp-Session-Id", session)) }
        let answer = try await self.call(.POST, "/mcp", key: key ?? self.agentKey, body: message, headers: fields + headers)
        guard answer.headers.first(name: "Content-Type")?.hasPrefix("text/event-stream") == true else { return answer }
        let data = String(decoding: answer.bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last { $0.hasPrefix("data: ") }
        return Answer(status: answer.status, headers: answer.headers, bytes: Array((data?.dropFirst(6) ?? "").utf8))
    }

    /// Opens a session and returns its id.
    func openSession(key: String? = nil, revision: String = "2025-11-25") async throws -> String {
        let initialize: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": ["protocolVersion": .string(revision), "capabilities": [:], "clientInfo": ["name": "test", "version": "1"]],
        ]
        let answer = try await self.mcp(initialize, key: key)
        try #require(answer.status == 200, "\(String(decoding: answer.bytes, as: UTF8.self))")
        let session = try #require(answer.headers.first(name: "Mcp-Session-Id"))
        let initialized = try await self.mcp(["jsonrpc": "2.0", "method": "notifications/initialized"], session: session, key: key)
        try #require(initialized.status == 202)
        return session
    }

    /// Runs a program in a session; the result of `tools/call`.
    func execute(_ code: String, session: String, key: String? = nil, id: Int = 2) async throws -> JSONValue {
        let call: JSONValue = [
            "jsonrpc": "2.0", "id": .number(JSONNumber(id)), "method": "tools/call",
            "params": ["name": "execute", "arguments": ["code": .string(code)]],
        ]
        let answer = try await self.mcp(call, session: session, key: key)
        return try #require(answer.json["result"], "\(answer.status) \(String(decoding: answer.bytes, as: UTF8.self).prefix(2000))")
    }
}
