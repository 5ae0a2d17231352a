import Foundation
import TestSupport
import Testing

@testable import Database

/// The server that `deploy/private-postgres` runs, for tests and for `make run STORE=postgres`.
@Suite("The private server is nobody else's and outlives nobody", .timeLimit(.minutes(5)), .enabled(if: TestPostgres.isExpected))
struct PrivateServerTests {
    @Test("another account of the machine gets in neither over TCP nor over the socket")
    func strangers() async throws {
        let server = try await TestPostgres.shared()
        let reached = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(server.networkURL()))
        await reached.close()
        do {
            let open = "host=127.0.0.1 port=\(server.port) user=roost dbname=postgres passfile=/dev/null"
            _ = try await PostgreSQLDatabase.open(PostgreSQLConfiguration(open))
            Issue.record("it was opened without a password")
        } catch let error as DatabaseError {
            #expect(error.message.contains("give a password"), "\(error)")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: server.socketFolder)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        guard getuid() == 0 else { return }
        let arguments = [
            "--reuid=65534", "--regid=65534", "--clear-groups", "--", "psql", "-w", "-h", server.socketFolder, "-p", "\(server.port)", "-U",
            "roost", "-c", "SELECT 1", "postgres",
        ]
        let stranger = try await ChildProcess.run(path: "/usr/bin/setpriv", arguments)
        #expect(stranger.status != 0 && stranger.standardError.contains("Permission denied"), "\(stranger.standardError)")
    }

    @Test("nothing is left when the script is killed, or is told to end a server that somebody has stopped", arguments: [true, false])
    func leavesNothing(isKilled: Bool) async throws {
        let server = try await TestPostgres.start()
        #expect(try Self.processes(server).contains(server.postmasterID))
        if isKilled {
            kill(server.scriptID, SIGKILL)
        } else {
            kill(server.postmasterID, SIGSTOP)
            server.endInput()
        }
        // The suite's time limit bounds it.
        while try !Self.processes(server).isEmpty { await Task.yield() }
        try? FileManager.default.removeItem(atPath: server.socketFolder)
    }

    /// The processes, stopped ones too, that were started for the server; children that it renames come and go with them.
    private static func processes(_ server: TestPostgres) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
            guard let process = Int32(entry), process != getpid(),
                let line = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline")
            else { return nil }
            return String(decoding: line, as: UTF8.self).contains("unix_socket_directories=\(server.socketFolder)") ? process : nil
        }
    }
}
