import Foundation
import Subprocess
import SystemPackage

/// Runs one of this package's executables, or of the machine's, as a process of its own.
///
/// Not with Foundation's `Process`: in Swift 6.3 it reads past the end of a directory entry when it looks for open descriptors
/// (swift-corelibs-foundation 5472), which kills a process that has some 1,300 of them open, as one that runs all tests has.
package enum ChildProcess {
    /// What a process left behind.
    package struct Outcome: Sendable {
        /// Standard output as text.
        package var output: String
        package var standardError: String
        /// The exit status, or the signal that ended it.
        package var status: Int32
        package var wasKilled: Bool

        /// Standard output, line by line. A last line without an end is none: it was cut by the kill and says nothing.
        package var lines: [String] {
            self.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    /// Runs an executable to its end, or kills it with SIGKILL as soon as it has written `killAfter` lines; lines that it wrote
    /// before it died are all returned.
    ///
    /// - Parameter product: the name of an executable target, built beside the test bundle.
    package static func run(_ product: String, _ arguments: [String], killAfter lineCount: Int? = nil) async throws -> Outcome {
        try await self.run(path: self.path(of: product), arguments, killAfter: lineCount)
    }

    /// Runs the executable at a path, as ``run(_:_:killAfter:)`` does.
    package static func run(path: String, _ arguments: [String], killAfter lineCount: Int? = nil) async throws -> Outcome {
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(arguments), input: .none, output: .sequence, error: .string(limit: 1 << 20)
        ) { execution in
            var bytes: [UInt8] = []
            var seen = 0
            for try await buffer in execution.standardOutput {
                let chunk = buffer.withUnsafeBytes { Array($0) }
                bytes += chunk
                guard let lineCount, seen < lineCount else { continue }
                seen += chunk.count { $0 == UInt8(ascii: "\n") }
                if seen >= lineCount { try execution.send(signal: .kill) }
            }
            return bytes
        }
        let (status, wasKilled) =
            switch result.terminationStatus {
            case .exited(let code): (Int32(code), false)
            case .signaled(let signal): (Int32(signal), true)
            }
        return Outcome(
            output: String(decoding: result.closureResult, as: UTF8.self), standardError: result.standardError, status: status,
            wasKilled: wasKilled)
    }

    /// Where the executable of a target stands.
    package static func path(of product: String) -> String {
        URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent().appendingPathComponent(product).path
    }
}
