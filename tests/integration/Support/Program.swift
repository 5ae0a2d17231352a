import Foundation
import Subprocess
import SystemPackage

/// Runs executables for tests: ours, and those of the machine.
enum Program {
    /// The repository's folder.
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().removingLastComponent()

    /// Where the build put our executables.
    static let products = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent()

    /// The Python that has the official MCP client; `make test` makes it.
    static let python = Self.root.appending(".venv").appending("bin").appending("python")

    struct Outcome: Sendable {
        let status: TerminationStatus
        let output: String
        let errors: String
    }

    /// Runs a program to its end.
    static func run(_ executable: FilePath, _ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
        let result = try await Subprocess.run(
            .path(executable), arguments: Arguments(arguments),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        return Outcome(status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
    }
}
