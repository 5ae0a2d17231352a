import Logging
import NIOCore

/// Keeps one zygote current: starts it, replaces it when it dies and now and then while it lives.
struct ZygoteSupervisor: Sendable {
    private static let pauseWhileBusy = Duration.milliseconds(5)

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
        if Task.isCancelled { throw Self.cancelled }
        throw SandboxError(.unavailable, "The sandbox is not up. Try again later.")
    }

    /// Makes a child.
    ///
    /// A zygote may have died without anybody noticing yet: then the next one is asked. One that has too many orders to read is asked
    /// again a little later.
    func fork(_ limits: SandboxLimits) async throws(SandboxError) -> ZygoteChild {
        let deadline = ContinuousClock.now.advanced(by: self.configuration.startTimeout)
        repeat {
            let zygote = try await self.zygote()
            switch try zygote.fork(limits) {
            case .made(let child):
                return child
            case .gone:
                self.current.remove(zygote)
            case .busy:
                // A cancelled task finds out at once, below.
                try? await Task.sleep(for: Self.pauseWhileBusy)
            }
            if Task.isCancelled { throw Self.cancelled }
        } while ContinuousClock.now < deadline
        throw SandboxError(.unavailable, "The process that starts programs does not keep up. Try again later.")
    }

    /// Keeps a zygote until the task is cancelled; then all of them and their children are gone.
    func run() async {
        await withDiscardingTaskGroup { group in
            var backoff = Backoff()
            var predecessor: Zygote?
            while !Task.isCancelled {
                let began = ContinuousClock.now
                if let zygote = self.start() {
                    group.addTask { await zygote.serve() }
                    if await zygote.waitUntilReady(atMost: self.configuration.startTimeout) {
                        self.current.set(zygote)
                        predecessor?.retire()
                        predecessor = zygote
                        await zygote.waitUntilWorn(lifetime: self.configuration.zygoteLifetime)
                        // A worn one serves until its successor does.
                        guard zygote.hasDied else { continue }
                        self.current.remove(zygote)
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

    private static var cancelled: SandboxError { SandboxError(.cancelled, "The run was cancelled before it started.") }

    private func start() -> Zygote? {
        do {
            return try Zygote(configuration: self.configuration, eventLoop: self.eventLoop, logger: self.logger)
        } catch {
            self.logger.error("the zygote could not be started", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
