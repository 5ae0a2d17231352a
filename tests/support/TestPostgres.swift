import Database
import Foundation
import Synchronization

/// A private PostgreSQL server for tests, started by `deploy/private-postgres` and ended with the test process, however that ends: the
/// script waits for the end of its standard input, which this process holds.
package final class TestPostgres: Sendable {
    /// How a server is started.
    package struct Options: Sendable {
        /// Whether commits reach the disk. Off for tests that never cut a machine's power.
        package var isSynced = false
        /// Settings of the server: `name=value`.
        package var settings: [String] = []
        /// The text of `pg_hba.conf`; nil asks for a password on TCP and admits whoever can reach the socket.
        package var hostAccess: String?

        package init(isSynced: Bool = false, settings: [String] = [], hostAccess: String? = nil) {
            self.isSynced = isSynced
            self.settings = settings
            self.hostAccess = hostAccess
        }
    }

    /// Whether PostgreSQL is installed, or must be because this is CI, where its absence fails instead of skipping.
    package static let isExpected: Bool = {
        if ProcessInfo.processInfo.environment["CI"] == "true" || TestPostgres.isInstalled { return true }
        FileHandle.standardError.write(Data("SKIPPED: tests on PostgreSQL, since it is not installed (package postgresql)\n".utf8))
        return false
    }()

    /// The port on 127.0.0.1.
    package let port: Int
    /// Where the server's socket lies.
    package let socketFolder: String
    /// The superuser's password on TCP. Tests alone know it: other accounts of the machine reach the port too.
    package static let password = UUID().uuidString
    private let script: Script
    private let postmaster: Mutex<Int32>
    private let databaseCount = Atomic<Int>(0)

    /// The one server that the tests of this process share.
    package static func shared() async throws -> TestPostgres { try await SharedServer.instance.get() }

    /// Starts a server of its own, for tests that kill or configure it; ends it afterwards.
    package static func withServer<Result>(_ options: Options = Options(), _ body: (TestPostgres) async throws -> Result) async throws
        -> Result
    {
        let server = try await self.start(options)
        defer { server.script.endInput() }
        return try await body(server)
    }

    /// Starts a server.
    package static func start(_ options: Options = Options()) async throws -> TestPostgres {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "test.postgres").async { continuation.resume(with: Swift.Result { try TestPostgres(options) }) }
        }
    }

    private init(_ options: Options) throws {
        self.script = try Script(options)
        let ready = try self.script.readReady()
        self.port = ready.port
        self.socketFolder = ready.socketFolder
        self.postmaster = Mutex(ready.postmaster)
    }

    /// The process of the script that watches over the server.
    package var scriptID: Int32 { self.script.process }

    /// Lets the script end the server.
    package func endInput() { self.script.endInput() }

    /// The process that all of the server's processes descend from.
    package var postmasterID: Int32 { self.postmaster.withLock { $0 } }

    /// A connection string over the socket.
    package func url(database: String = "postgres", user: String = "roost") -> String {
        "host=\(self.socketFolder) port=\(self.port) user=\(user) dbname=\(database)"
    }

    /// A connection string of the superuser's over TCP, with more keywords behind it.
    package func networkURL(database: String = "postgres", _ more: String = "") -> String {
        "host=127.0.0.1 port=\(self.port) user=roost password=\(Self.password) dbname=\(database) \(more)"
    }

    /// A URL over the socket, as services are configured with.
    package func socketURL(database: String, user: String) -> String {
        "postgresql://\(user)@/\(database)?host=\(self.socketFolder)&port=\(self.port)"
    }

    /// Ends every process of the server at once, as `kill -9` does.
    package func kill() async throws {
        Foundation.kill(self.postmasterID, SIGKILL)
        try await self.command("stop", expecting: "stopped")
    }

    /// Shuts the server down in good order: it interrupts what runs, and tells so.
    package func shutDown() async throws { try await self.command("shutdown", expecting: "stopped") }

    /// Starts it again on the same port.
    package func restart() async throws {
        let ready = try await self.onThread { try self.script.start() }
        self.postmaster.withLock { $0 = ready.postmaster }
    }

    /// Makes an empty database and returns its name.
    package func makeDatabase() async throws -> String {
        let name = "test_\(getpid())_\(self.databaseCount.wrappingAdd(1, ordering: .relaxed).newValue)"
        try await self.administer("CREATE DATABASE \(name) TEMPLATE template0 STRATEGY wal_log")
        return name
    }

    /// Removes a database, even one that somebody is still connected to.
    package func drop(_ database: String) async throws {
        try await self.administer("DROP DATABASE IF EXISTS \(database) WITH (FORCE)")
    }

    /// Runs one statement as the superuser.
    package func administer(_ sql: String, database: String = "postgres") async throws {
        let connection = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(self.url(database: database)))
        do {
            try await connection.connection(in: .installation).execute(Statement(generated: sql))
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The first column of what a statement gives, as the superuser sees it; its values must be texts.
    package func texts(_ sql: String, database: String) async throws -> [String] {
        let connection = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(self.url(database: database)))
        do {
            let rows = try await connection.connection(in: .installation).query(Statement(generated: sql))
            let texts = try rows.map { row in
                var row = row.reader()
                return try row.next() as String
            }
            await connection.close()
            return texts
        } catch {
            await connection.close()
            throw error
        }
    }

    private func command(_ command: String, expecting answer: String) async throws {
        let line = try await self.onThread { try self.script.ask(command) }
        guard line == answer else { throw TestPostgresError(message: "private-postgres answered \(line) to \(command)") }
    }

    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "test.postgres").async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    private static var isInstalled: Bool {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        return !versions.isEmpty
            || (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/initdb")
            }
    }
}

/// Why there is no server.
package struct TestPostgresError: Error, CustomStringConvertible {
    let message: String

    package var description: String { self.message }
}

/// Starts the shared server when the first test asks for it.
private actor SharedServer {
    static let instance = SharedServer()

    private var starting: Task<TestPostgres, any Error>?

    func get() async throws -> TestPostgres {
        if let starting { return try await starting.value }
        let task = Task { try await TestPostgres.start() }
        self.starting = task
        return try await task.value
    }
}

/// The running `deploy/private-postgres`.
private final class Script: Sendable {
    struct Ready {
        let port: Int
        let socketFolder: String
        let postmaster: Int32
    }

    let process: pid_t
    private let input: Int32
    private let output: Int32

    init(_ options: TestPostgres.Options) throws {
        var (input, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&input) == 0, pipe(&output) == 0 else { throw TestPostgresError(message: "no pipe") }
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var arguments = [Self.path, "--tcp", "--fsync", options.isSynced ? "on" : "off"]
        for setting in options.settings { arguments += ["--set", setting] }
        if let hostAccess = options.hostAccess {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("roost-hba-\(UUID().uuidString)").path
            try Data(hostAccess.utf8).write(to: URL(fileURLWithPath: file))
            arguments += ["--hba", file]
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A session of its own: what ends the tests from the keyboard must not end the script before it has tidied up.
        posix_spawnattr_setflags(&attributes, Self.newSession)
        var process = pid_t()
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var variables =
            ProcessInfo.processInfo.environment.merging(["PGPASSWORD": TestPostgres.password]) { $1 }
            .map { strdup("\($0)=\($1)") } + [nil]
        defer { for variable in variables { free(variable) } }
        let failure = posix_spawn(&process, Self.path, &actions, &attributes, &pointers, &variables)
        close(input[0])
        close(output[1])
        self.input = input[1]
        self.output = output[0]
        self.process = process
        guard failure == 0 else { throw TestPostgresError(message: "deploy/private-postgres cannot be started: \(failure)") }
        // Reaped as soon as it ends: beside a child that nobody reaps, Swift Testing never hears of the end of its exit tests.
        let script = process
        Thread.detachNewThread {
            while waitpid(script, nil, 0) == -1, errno == EINTR {}
        }
    }

    /// The script and its server end.
    func endInput() { close(self.input) }

    func readReady() throws -> Ready { try self.ready(self.readLine()) }

    func start() throws -> Ready { try self.ready(self.ask("start")) }

    func ask(_ command: String) throws -> String {
        let bytes = Array("\(command)\n".utf8)
        guard write(self.input, bytes, bytes.count) == bytes.count else { throw TestPostgresError(message: "private-postgres has ended") }
        return try self.readLine()
    }

    private func ready(_ line: String) throws -> Ready {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0] == "ready", let port = Int(words[1]), let postmaster = Int32(words[3]) else {
            throw TestPostgresError(message: "PostgreSQL cannot be started: private-postgres says '\(line)'")
        }
        return Ready(port: port, socketFolder: String(words[2]), postmaster: postmaster)
    }

    private func readLine() throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(self.output, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        throw TestPostgresError(message: "private-postgres has ended")
    }

    #if canImport(Glibc)
    /// `POSIX_SPAWN_SETSID`, which glibc's header hides from Swift.
    private static let newSession: Int16 = 0x80
    #else
    private static let newSession = Int16(POSIX_SPAWN_SETSID)
    #endif

    private static var path: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("deploy/private-postgres").path
    }
}
