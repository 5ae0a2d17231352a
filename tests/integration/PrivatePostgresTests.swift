import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// What `make run STORE=postgres` starts: `roost dev` with a server of its own.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected), .timeLimit(.minutes(5))) struct PrivatePostgresTests {
    /// A variable that every process of one run has inherited.
    private static let mark = "PRIVATE_POSTGRES_TEST"

    /// What a run says of itself.
    private struct Run {
        let script: Int32
        var files = ""
        var url = ""
    }

    @Test("however the script ends, `roost dev`, its services and the server end with it", arguments: [Signal.kill, .terminate])
    func leavesNothing(_ signal: Signal) async throws {
        try await withTemporaryFolder { folder in
            let mark = UUID().uuidString
            var files = ""
            defer { if files.hasPrefix("/var/lib/roost-dev/") { try? FileManager.default.removeItem(atPath: files) } }
            try await Self.withScript(folder, mark: mark) { run in
                files = run.files
                #expect(files == folder + "/postgres" || files.hasPrefix("/var/lib/roost-dev/"))
                let names = try Self.processes(mark).values
                for name in ["roost", "session-service", "api-gateway", "postgres"] {
                    #expect(names.contains { $0.hasPrefix(name) }, "\(name) is not among \(names)")
                }
                kill(run.script, signal.rawValue)
            }
            let left = try await eventually(within: .seconds(90)) { try Self.processes(mark).isEmpty ? true : nil }
            #expect(left)
        }
    }

    /// Runs the script until `roost dev` has said where everything is.
    private static func withScript(_ folder: String, mark: String, _ body: (Run) async throws -> Void) async throws {
        let variables: [Environment.Key: String?] = [
            Environment.Key(stringLiteral: Self.mark): mark, "ROOST_PORT": "0", "ROOST_DATA_DIR": folder,
        ]
        let configuration = Subprocess.Configuration(
            executable: .path(Program.root.appending("deploy").appending("with-private-postgres")),
            arguments: Arguments([folder, Program.products.appending("roost").string, "dev"]), environment: .inherit.updating(variables))
        _ = try await Subprocess.run(
            configuration, input: .none, output: .sequence, error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        ) { execution in
            var run = Run(script: execution.processIdentifier.value)
            for try await line in execution.standardOutput.strings() {
                let text = line.trimmingCharacters(in: .whitespacesAndNewlines)
                if text.hasPrefix("The database's files are in ") {
                    run.files = String(text.dropFirst("The database's files are in ".count))
                }
                if text.hasPrefix("MCP URL: ") { run.url = String(text.dropFirst("MCP URL: ".count)) }
                if text.hasPrefix("Admin key: ") { break }
            }
            try #require(!run.url.isEmpty, "roost dev ended without its lines")
            try await body(run)
        }
    }

    /// The names of the processes that have inherited the mark. What has ended and was not waited for has no environment any more.
    private static func processes(_ mark: String) throws -> [Int32: String] {
        var found: [Int32: String] = [:]
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let process = Int32(entry), let environment = FileManager.default.contents(atPath: "/proc/\(entry)/environ"),
                String(decoding: environment, as: UTF8.self).contains("\(Self.mark)=\(mark)")
            else { continue }
            found[process] = (try? String(contentsOfFile: "/proc/\(entry)/comm", encoding: .utf8)) ?? ""
        }
        return found
    }
}
