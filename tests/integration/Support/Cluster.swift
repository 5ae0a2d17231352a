import Foundation
import JSON
import Model
import Subprocess
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Gateways and session-services as processes of their own on one PostgreSQL, each of which a test can stop, kill and hold up alone.
struct Cluster: Sendable {
    let gateways: [RunningRoost]
    let sessionServices: [ClusterProcess]
    let server: TestPostgres
    let database: String

    /// Starts everything and waits until the gateways know all session-services; ends it after the call.
    static func with<Result: Sendable>(
        gateways: Int = 2, sessionServices: Int = 3, _ more: [String: String] = [:], _ body: (Cluster) async throws -> Result
    ) async throws -> Result {
        try await TestPostgres.withServer { server in
            try await withTemporaryFolder { folder in
                let database = try await server.makeDatabase()
                let environment = [
                    "ROOST_DATABASE_URL": server.socketURL(database: database, user: "roost_service"),
                    "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key", "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key",
                    "ROOST_GATEWAY_PORT": "0", "ROOST_GATEWAY_PUBLIC_URL": "http://127.0.0.1:4400",
                ].merging(more) { $1 }
                let owner = ["ROOST_DATABASE_OWNER_URL": server.socketURL(database: database, user: "roost")]
                try await Self.tool(["migrate"], environment.merging(owner) { $1 })
                try await Self.tool(["bootstrap", "--keys-file", "\(folder)/keys.json"], environment)
                let keys = try JSONValue(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/keys.json"))))
                let make = { (name: String, number: Int) in
                    ClusterProcess(name, environment: environment, log: "\(folder)/\(name)-\(number).log")
                }
                let services = (0..<sessionServices).map { make("session-service", $0) }
                let fronts = (0..<gateways).map { make("api-gateway", $0) }
                return try await Self.run(services + fronts) {
                    let roosts = try await fronts.asyncMap { front in
                        RunningRoost(
                            url: "http://\(try await front.logged("The gateway is up", "address"))",
                            agentKey: try #require(keys["agent_key"]?.string), adminKey: try #require(keys["admin_key"]?.string),
                            installationKey: try #require(keys["installation_key"]?.string), folder: FilePath(folder), supervisor: 0)
                    }
                    for service in services { _ = try await service.replica() }
                    for roost in roosts { _ = try await eventually(within: .seconds(60)) { try? await roost.openSession() } }
                    return try await body(Cluster(gateways: roosts, sessionServices: services, server: server, database: database))
                }
            }
        }
    }

    private static func tool(_ arguments: [String], _ environment: [String: String]) async throws {
        let outcome = try await Program.run(Program.products.appending("roost"), arguments, environment: environment)
        try #require(outcome.status.isSuccess, "\(outcome.output) \(outcome.errors)")
    }

    private static func run<Result: Sendable>(_ processes: [ClusterProcess], _ body: () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for process in processes { group.addTask { try await process.run() } }
            do {
                let result = try await body()
                for process in processes { process.end() }
                try await group.waitForAll()
                return result
            } catch {
                for process in processes { process.end() }
                throw error
            }
        }
    }

    /// The replica that the database has as a session's owner; nil for none.
    func ownerID(of session: String) async throws -> String? {
        try await self.server.texts(
            "SELECT coalesce(owner_replica, '') FROM sessions WHERE id_hash = sha256('\(session)'::bytea)", database: self.database
        ).first.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The process that owns a session.
    func owner(of session: String) async throws -> ClusterProcess {
        let owner = try #require(try await self.ownerID(of: session))
        for service in self.sessionServices where try await service.replica() == owner { return service }
        throw ClusterError(message: "no process is \(owner)")
    }
}

/// Why a cluster is not as a test needs it.
struct ClusterError: Error {
    let message: String
}

/// One service as a process of its own, which lives until it is ended or the test process is.
final class ClusterProcess: Sendable {
    let name: String
    private let environment: [String: String]
    private let log: String
    private let process = Mutex<Int32?>(nil)
    private let ends: AsyncStream<Void>
    private let endSignal: AsyncStream<Void>.Continuation

    init(_ name: String, environment: [String: String], log: String) {
        self.name = name
        self.environment = environment.merging(["ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT": "true"]) { $1 }
        self.log = log
        (self.ends, self.endSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Runs the process until ``end()``.
    func run() async throws {
        // It stops when the test process ends, however that ends.
        let lifeline = try FileDescriptor.pipe(options: .closeOnExec)
        defer { try? lifeline.writeEnd.close() }
        let output = try FileDescriptor.open(
            FilePath(self.log), .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
        var variables: [Environment.Key: String?] = [:]
        for (name, value) in self.environment { variables[Environment.Key(stringLiteral: name)] = value }
        let configuration = Subprocess.Configuration(
            executable: .path(Program.products.appending(self.name)), arguments: [], environment: .inherit.updating(variables))
        _ = try await Subprocess.run(
            configuration, input: .fileDescriptor(lifeline.readEnd, closeAfterSpawningProcess: true), output: .discarded,
            error: .fileDescriptor(output, closeAfterSpawningProcess: true)
        ) { execution in
            self.process.withLock { $0 = execution.processIdentifier.value }
            for await _ in self.ends { break }
            // A process that is held up cannot end in good order, and one that was killed is gone.
            try? execution.send(signal: .kill)
        }
    }

    /// Kills the process if it still runs.
    func end() { self.endSignal.yield() }

    /// Sends a signal.
    func send(_ signal: Int32) throws {
        let process = try #require(self.process.withLock { $0 }, "it was not started")
        try #require(kill(process, signal) == 0)
    }

    /// The id under which it has registered.
    func replica() async throws -> String { try await self.logged("registered", "replica") }

    /// Waits until a line was logged, and gives a value of its metadata.
    func logged(_ message: String, _ key: String) async throws -> String {
        try await eventually(within: .seconds(120)) {
            let text = (try? String(contentsOfFile: self.log, encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasSuffix(message) && $0.contains("\(key)=") }
            return line?.split(separator: " ").first { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
        }
    }
}

extension Array where Element: Sendable {
    /// Maps one element after the other.
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
