import Foundation

/// Runs one of this package's executables as a process of its own.
package enum ChildProcess {
    /// What a process left behind.
    package struct Outcome: Sendable {
        /// Standard output, line by line.
        package var lines: [String]
        package var standardError: String
        /// The exit status, or the signal that ended it.
        package var status: Int32
        package var wasKilled: Bool
    }

    /// Runs an executable to its end, or kills it with SIGKILL as soon as it has written `killAfter` lines; lines that it wrote
    /// before it died are all returned.
    ///
    /// - Parameter product: the name of an executable target, built beside the test bundle.
    package static func run(_ product: String, _ arguments: [String], killAfter lineCount: Int? = nil) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            // A thread of its own, because waiting for a process blocks.
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.runBlocking(product, arguments, killAfter: lineCount) })
            }
        }
    }

    /// Where the executable of a target stands.
    package static func path(of product: String) -> String {
        URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent().appendingPathComponent(product).path
    }

    private static func runBlocking(_ product: String, _ arguments: [String], killAfter lineCount: Int?) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: self.path(of: product))
        process.arguments = arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        var bytes = Data()
        var hasKilled = false
        while true {
            let chunk = output.fileHandleForReading.availableData
            if chunk.isEmpty { break }
            bytes += chunk
            if let lineCount, !hasKilled, bytes.count(where: { $0 == UInt8(ascii: "\n") }) >= lineCount {
                kill(process.processIdentifier, SIGKILL)
                hasKilled = true
            }
        }
        let standardError = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        // A last line without an end was cut by the kill and says nothing.
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(
            String.init)
        return Outcome(
            lines: lines, standardError: standardError, status: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal)
    }
}
