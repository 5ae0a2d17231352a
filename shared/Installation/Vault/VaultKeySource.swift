import Model
import Subprocess
import SystemPackage
package import Vault

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where an installation keeps a vault key.
package enum VaultKeySource: Sendable, Hashable, CustomStringConvertible {
    case file(String)
    case environment(String)
    /// A program by its absolute path, and its arguments. No shell sees them.
    case command([String])

    /// Reads `file:PATH`, `env:NAME` or `command:PROGRAM ARGUMENT…`.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let rest = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "file" where !rest.isEmpty: self = .file(rest)
        // Variables of that beginning are configuration keys, and an unknown one is refused.
        case "env" where !rest.isEmpty && !rest.hasPrefix("ROOST_") && !rest.contains("="): self = .environment(rest)
        case "command" where rest.hasPrefix("/"): self = .command(rest.split(separator: " ").map(String.init))
        default: return nil
        }
    }

    /// For messages. What a command is given may be none of the reader's business.
    package var description: String {
        switch self {
        case .file(let path): "the file \(path)"
        case .environment(let name): "the environment variable \(name)"
        case .command(let words): "the command \(words.first ?? "")"
        }
    }

    /// The key; nil when the file or the variable is not there.
    ///
    /// - Throws: ``InstallationError`` when what is there is no key or cannot be read.
    package func load(
        environment: [String: String] = ProcessInfo.processInfo.environment, timeout: Duration = .seconds(10)
    ) async throws -> VaultKey? {
        let text: String
        switch self {
        case .file(let path):
            guard let bytes = try PrivateFile.readIfPresent(path) else { return nil }
            text = String(decoding: bytes, as: UTF8.self)
        case .environment(let name):
            guard let value = environment[name] else { return nil }
            text = value
        case .command(let words): text = try await Self.output(of: words, timeout: timeout)
        }
        guard let key = VaultKey(text: text) else {
            throw InstallationError("\(self.description.capitalizedSentence) does not hold a vault key; `roost vault new-key` makes one.")
        }
        return key
    }

    /// Makes the file with a new key unless it exists, and gives the key that is in it; nil where a key cannot be made.
    func create() async throws -> VaultKey? {
        guard case .file(let path) = self else { return nil }
        try PrivateFile.createIfMissing(path) { Array((VaultKey().text.reveal() + "\n").utf8) }
        return try await self.load()
    }

    private static let maxOutputBytes = 4096

    /// What a command prints.
    ///
    /// It is ended with its whole process group when its time is up. It is not waited for then: what left the group may hold the output
    /// open for as long as it likes.
    private static func output(of words: [String], timeout: Duration) async throws -> String {
        let program = words.first ?? ""
        let (outcomes, feed) = AsyncStream.makeStream(of: Result<String, InstallationError>.self)
        let running = Task { feed.yield(await Self.run(program, arguments: Array(words.dropFirst()))) }
        let timer = Task {
            try await Task.sleep(for: timeout)
            feed.yield(.failure(InstallationError("The command \(program) for the vault key took longer than \(timeout).")))
        }
        defer {
            running.cancel()
            timer.cancel()
        }
        guard let outcome = await outcomes.first(where: { _ in true }) else { throw CancellationError() }
        return try outcome.get()
    }

    private static func run(_ program: String, arguments: [String]) async -> Result<String, InstallationError> {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        do {
            // Its own words to standard error are for the operator, like ours.
            let result = try await Subprocess.run(
                .path(FilePath(program)), arguments: Arguments(arguments), platformOptions: options, input: .none,
                output: .string(limit: Self.maxOutputBytes), error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false))
            guard result.terminationStatus.isSuccess else {
                return .failure(InstallationError("The command \(program) for the vault key failed; see its own message."))
            }
            return .success(result.standardOutput)
        } catch {
            // Without the description, which may hold what the command printed.
            let reason = (error as? SubprocessError).map { "\($0.code)" } ?? "it was interrupted"
            return .failure(InstallationError("The command \(program) for the vault key failed: \(reason)."))
        }
    }
}

extension String {
    /// With a capital letter first.
    fileprivate var capitalizedSentence: String { self.prefix(1).uppercased() + self.dropFirst() }
}
