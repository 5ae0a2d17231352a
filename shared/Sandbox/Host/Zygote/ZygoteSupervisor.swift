import Logging
import NIOCore

/// Keeps one zygote current: starts it, replaces it when it dies and now and then while it lives.
struct ZygoteSupervisor: Sendable {
    private let configuration: SandboxConfiguration
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let current: Slot<Zygote>

    init(configuration: SandboxConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.current = Slot(eventLoop: eventLoop)
    }

    /// The zygote that serves new runs, waited for if there is none.
    func zygote() async throws(SandboxError) -> Zygote {
        if let zygote = await self.current.value(waitingAtMost: self.configuration.startTimeout) { return zygote }
        if Task.isCancelled { throw SandboxError(.cancelled, "The run was cancelled before it started.") }
        throw SandboxError(.unavailable, "The sandbox is not up. Try again later.")
    }

    /// Keeps a zygote until the task is cancelled; then all of them and their children are gone.
    func run() async {
        await withDiscardingTaskGroup { group in
            var backoff = Backoff()
            while !Task.isCancelled {
                let began = ContinuousClock.now
                if let zygote = self.start() {
                    group.addTask { await zygote.serve() }
                    if await zygote.waitUntilReady(atMost: self.configuration.startTimeout) {
                        self.current.set(zygote)
                        await zygote.waitUntilWorn(lifetime: self.configuration.zygoteLifetime)
                        self.current.set(nil)
                        zygote.retire()
                        guard zygote.hasDied else { continue }
                        self.logger.warning("the zygote died; starting another")
                    } else if !Task.isCancelled {
                        self.logger.error("the zygote did not start", metadata: ["worker": "\(self.configuration.workerPath)"])
                        zygote.abort()
                    }
                }
                // Cancellation ends the loop.
                try? await Task.sleep(for: backoff.delay(afterLifetime: began.duration(to: .now)))
            }
            group.cancelAll()
        }
    }

    private func start() -> Zygote? {
        do {
            return try Zygote(configuration: self.configuration, eventLoop: self.eventLoop, logger: self.logger)
        } catch {
            self.logger.error("the zygote could not be started", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
