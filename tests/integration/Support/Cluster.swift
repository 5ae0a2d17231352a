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
    private let launcher: Launcher

    /// Starts everything and waits until the gateways know all session-services; ends it after the call.
    ///
    /// - Parameters:
    ///   - more: Settings of all processes.
    ///   - own: Settings of single processes, by `<name>-<number>`, such as `session-service-0`.
    static func with<Result: Sendable>(
        gateways: Int = 2, sessionServices: Int = 3, _ more: [String: String] = [:], own: [String: [String: String]] = [:],
        _ body: (Cluster) async throws -> Result
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
                let launcher = Launcher(environment: environment, own: own, folder: folder, keys: keys)
                return try await launcher.run {
                    let services = (0..<sessionServices).map { _ in launcher.launch("session-service") }
                    let fronts = (0..<gateways).map { _ in launcher.launch("api-gateway") }
                    var roosts: [RunningRoost] = []
                    for front in fronts { roosts.append(try await launcher.roost(front)) }
                    for service in services { _ = try await service.replica() }
                    for roost in roosts { _ = try await eventually(within: .seconds(60)) { try? await roost.openSession() } }
                    return try await body(
                        Cluster(gateways: roosts, sessionServices: services, server: server, database: database, launcher: launcher))
                }
            }
        }
    }

    /// Starts one more session-service and waits until it has registered.
    func startSessionService(_ environment: [String: String] = [:]) async throws -> ClusterProcess {
        let service = self.launcher.launch("session-service", environment)
        _ = try await service.replica()
        return service
    }

    /// Starts one more gateway and waits until it takes sessions.
    func startGateway(_ environment: [String: String] = [:]) async throws -> RunningRoost {
        let roost = try await self.launcher.roost(self.launcher.launch("api-gateway", environment))
        _ = try await eventually(within: .seconds(60)) { try? await roost.openSession() }
        return roost
    }

    /// The process of a gateway.
    func process(of gateway: RunningRoost) throws -> ClusterProcess {
        try #require(self.launcher.processes.first { $0.processID == gateway.supervisor })
    }

    /// A URL under which a process reaches the database over TCP, by a port of its own.
    func networkURL(port: Int) async throws -> String {
        // Over the socket nobody needs a password.
        try await self.server.administer("ALTER ROLE roost_service PASSWORD '\(TestPostgres.password)'")
        return "postgresql://roost_service:\(TestPostgres.password)@127.0.0.1:\(port)/\(self.database)"
    }

    /// The first column of what a statement gives.
    func texts(_ sql: String) async throws -> [String] { try await self.server.texts(sql, database: self.database) }

    private static func tool(_ arguments: [String], _ environment: [String: String]) async throws {
        let outcome = try await Program.run(Program.products.appending("roost"), arguments, environment: environment)
        try #require(outcome.status.isSuccess, "\(outcome.output) \(outcome.errors)")
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
        for service in self.launcher.processes where service.name == "session-service" {
            if try await service.replica() == owner { return service }
        }
        throw ClusterError(message: "no process is \(owner)")
    }
}

/// Why a cluster is not as a test needs it.
struct ClusterError: Error {
    let message: String
}

/// Starts the processes of a cluster, at any time, and ends all of them.
private final class Launcher: Sendable {
    private let environment: [String: String]
    private let own: [String: [String: String]]
    private let folder: String
    private let keys: JSONValue
    private let started = Mutex<[ClusterProcess]>([])
    private let orders: AsyncStream<ClusterProcess>
    private let order: AsyncStream<ClusterProcess>.Continuation

    init(environment: [String: String], own: [String: [String: String]], folder: String, keys: JSONValue) {
        self.environment = environment
        self.own = own
        self.folder = folder
        self.keys = keys
        (self.orders, self.order) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(100))
    }

    var processes: [ClusterProcess] { self.started.withLock { $0 } }

    func launch(_ name: String, _ more: [String: String] = [:]) -> ClusterProcess {
        let process = self.started.withLock { started in
            let id = "\(name)-\(started.count { $0.name == name })"
            let environment = self.environment.merging(self.own[id] ?? [:]) { $1 }.merging(more) { $1 }
            let process = ClusterProcess(name, environment: environment, log: "\(self.folder)/\(id).log")
            started.append(process)
            return process
        }
        self.order.yield(process)
        return process
    }

    /// A gateway that is up, as its clients see it.
    func roost(_ front: ClusterProcess) async throws -> RunningRoost {
        RunningRoost(
            url: "http://\(try await front.logged("The gateway is up", "address"))", agentKey: try #require(self.keys["agent_key"]?.string),
            adminKey: try #require(self.keys["admin_key"]?.string),
            installationKey: try #require(self.keys["installation_key"]?.string), folder: FilePath(self.folder),
            supervisor: try #require(front.processID))
    }

    func run<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await withThrowingDiscardingTaskGroup { group in
                    for await process in self.orders { group.addTask { try await process.run() } }
                }
            }
            do {
                let result = try await body()
                self.endAll()
                try await group.waitForAll()
                return result
            } catch {
                self.endAll()
                throw error
            }
        }
    }

    private func endAll() {
        self.order.finish()
        for process in self.processes { process.end() }
    }
}

/// One service as a process of its own, which lives until it is ended or the test process is.
final class ClusterProcess: Sendable {
    let name: String
    private let environment: [String: String]
    private let log: String
    private let process = Mutex<Int32?>(nil)
    private let status = Mutex<TerminationStatus?>(nil)
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
        let outcome = try await Subprocess.run(
            configuration, input: .fileDescriptor(lifeline.readEnd, closeAfterSpawningProcess: true), output: .discarded,
            error: .fileDescriptor(output, closeAfterSpawningProcess: true)
        ) { execution in
            self.process.withLock { $0 = execution.processIdentifier.value }
            for await _ in self.ends { break }
            // A process that is held up cannot end in good order, and one that was killed is gone.
            try? execution.send(signal: .kill)
        }
        self.status.withLock { $0 = outcome.terminationStatus }
    }

    /// The process's id, once it was started.
    var processID: Int32? { self.process.withLock { $0 } }

    /// Stops the process with SIGTERM and waits until it has ended by itself, which it must do in good order.
    func stop() async throws {
        try self.send(SIGTERM)
        let process = try #require(self.processID)
        _ = try await eventually(within: .seconds(60)) {
            // Nobody has asked for its end yet, so that it stays as a zombie.
            let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            return status?.split(separator: ")").last?.hasPrefix(" Z") ?? true ? true : nil
        }
        self.end()
        let status = try await eventually(within: .seconds(60)) { self.status.withLock { $0 } }
        try #require(status == .exited(0), "\(self.name) ended \(status)")
    }

    /// How many files and sockets the process has open.
    func openFileCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(try #require(self.processID))/fd").count
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
