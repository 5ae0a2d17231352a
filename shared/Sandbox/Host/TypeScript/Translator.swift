import Logging
import NIOCore
import Synchronization

/// Turns programs into JavaScript with one resident esbuild, which it keeps running.
///
/// A program on which esbuild dies (a hundred thousand nested brackets, say) takes the requests beside it down, and an esbuild that hangs
/// holds them up. Each of them is tried once more, in a process of its own: there only its own text can be at fault.
struct Translator: Sendable {
    private final class Cache: Sendable {
        let entries: Mutex<TranslationCache>

        init(maxBytes: Int) { self.entries = Mutex(TranslationCache(maxBytes: maxBytes)) }
    }

    private let configuration: SandboxConfiguration
    private let eventLoop: any EventLoop
    private let logger: Logger
    /// The resident process.
    let current: Slot<EsbuildProcess>
    private let cache: Cache

    init(configuration: SandboxConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.current = Slot(eventLoop: eventLoop)
        self.cache = Cache(maxBytes: configuration.translationCacheBytes)
    }

    /// Translates the body of an async function.
    func translate(_ source: String, limits: SandboxLimits) async throws(SandboxError) -> TranslatedProgram {
        guard source.utf8.count <= limits.maxSourceBytes else {
            throw SandboxError(.syntaxError, "The program is longer than \(ByteCount(limits.maxSourceBytes)).")
        }
        if let index = source.utf8.firstIndex(of: 0) {
            throw SandboxError(.syntaxError, "A NUL character", position: ProgramWrapping.end(of: String(source[..<index])))
        }
        if let program = self.cache.entries.withLock({ $0.program(for: source) }) { return program }
        guard let process = await self.current.value(waitingAtMost: self.configuration.startTimeout) else {
            if Task.isCancelled { throw Self.cancelled }
            throw SandboxError(.unavailable, "The TypeScript service is not up. Try again later.")
        }
        var reply = await self.ask(process, source)
        switch reply {
        case .died, .timedOut: reply = await self.askPrivately(source)
        case .value, .cancelled: break
        }
        switch reply {
        case .value(let answer):
            let program = try EsbuildTranslation.program(from: answer, source: source)
            self.cache.entries.withLock { $0.insert(program, for: source) }
            return program
        case .cancelled:
            throw Self.cancelled
        case .died:
            throw SandboxError(.syntaxError, "The program cannot be translated: it is nested too deeply or too large.")
        case .timedOut:
            throw SandboxError(.syntaxError, "Translating the program took longer than \(self.configuration.translationTimeout).")
        }
    }

    /// Keeps the service running until the task is cancelled.
    func run() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await self.withProcess { process in
                    self.current.set(process)
                    await process.waitForEnd()
                    self.current.remove(process)
                }
                if !Task.isCancelled { self.logger.warning("the TypeScript service ended; starting another") }
            } catch {
                if !Task.isCancelled { self.logger.error("the TypeScript service did not start", metadata: ["error": "\(error)"]) }
            }
            // Cancellation ends the loop.
            try? await Task.sleep(for: backoff.delay(afterLifetime: began.duration(to: .now)))
        }
    }

    private func ask(_ process: EsbuildProcess, _ source: String) async -> EsbuildProcess.Reply {
        let reply = await process.request(EsbuildTranslation.request(source), timeout: self.configuration.translationTimeout)
        if case .timedOut = reply {
            self.logger.warning("a translation took too long; replacing the TypeScript service")
            process.kill()
        }
        return reply
    }

    private func askPrivately(_ source: String) async -> EsbuildProcess.Reply {
        let reply = try? await self.withProcess { await self.ask($0, source) }
        return reply ?? (Task.isCancelled ? .cancelled : .died)
    }

    /// Runs `body` with a process that is ready, and ends the process afterwards.
    private func withProcess<Result: Sendable>(_ body: (EsbuildProcess) async -> Result) async throws -> Result {
        let version = try await EsbuildProcess.version(configuration: self.configuration, eventLoop: self.eventLoop)
        // The wrapped program comes back a little longer, its positions several times as long.
        let process = try await EsbuildProcess(
            configuration: self.configuration, version: version, maxPacketBytes: 64 << 20, eventLoop: self.eventLoop)
        return try await withThrowingTaskGroup { group in
            group.addTask { await process.serve() }
            guard await process.waitUntilReady(atMost: self.configuration.startTimeout) else {
                group.cancelAll()
                throw EsbuildProcess.StartFailure(message: "\(self.configuration.esbuildPath) did not say that it is ready")
            }
            let result = await body(process)
            group.cancelAll()
            return result
        }
    }

    private static var cancelled: SandboxError { SandboxError(.cancelled, "The run was cancelled before it started.") }
}
