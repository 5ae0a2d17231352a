import Foundation
import Subprocess
import SystemPackage
import Testing

/// The small real API of `tests/apis/notes.py`, as a process of its own.
struct NotesAPI: Sendable {
    let url: String
    let token = "notes-token"

    /// `host:port`, as the egress list wants it.
    var address: String { String(self.url.dropFirst("http://".count)) }

    static func with<Result: Sendable>(_ body: (NotesAPI) async throws -> Result) async throws -> Result {
        try await Subprocess.run(
            .path(Program.python),
            arguments: [Program.root.appending("tests/apis/notes.py").string, "--port", "0"], input: .none, output: .sequence,
            error: .discarded
        ) { execution in
            var url: String?
            for try await line in execution.standardOutput.strings() where line.hasPrefix("listening on ") {
                url = line.dropFirst("listening on ".count).trimmingCharacters(in: .whitespacesAndNewlines)
                break
            }
            let result = try await body(NotesAPI(url: try #require(url)))
            try execution.send(signal: .kill)
            return result
        }.closureResult
    }
}
