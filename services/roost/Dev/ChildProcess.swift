import Logging
import ServiceLifecycle
import Subprocess
import SystemPackage

/// One service as a child process: kept running, and taken down with the supervisor however the supervisor ends.
///
/// - The child leads its own process group, so that Ctrl-C in a terminal reaches the supervisor alone, which passes it on once.
/// - Its standard input is a pipe that nobody writes to: when the supervisor dies, `kill -9` included, the kernel closes the other
///   end, and the child stops by itself.
/// - When it dies it is started again, with a pause that doubles while it keeps dying at once; not when it says by its exit status that
///   a person has to mend something first.
struct ChildProcess: Service {
    /// How a child is restarted.
    struct Restart: Sendable {
        var firstPause: Duration = .milliseconds(100)
        var longestPause: Duration = .seconds(5)
        /// A child that lived this long has its pause forgotten.
        var settled: Duration = .seconds(10)
    }

    let name: String
    let executable: FilePath
    let environment: [String: String]
    /// Where its output and errors go.
    let log: ServiceLog
    /// How long it may take to stop before it is killed.
    let grace: Duration
    let restart: Restart
    let logger: Logger

    /// EX_CONFIG of sysexits.h: the configuration or the installation has a fault.
    private static let misconfigured: TerminationStatus = .exited(78)

    /// - Throws: ``UsageError`` when the service cannot run before somebody has mended what it says.
    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.keepRunning() }
                group.addTask { await self.keepLogBounded() }
                try await group.next()
                group.cancelAll()
            }
        }
    }

    private func keepLogBounded() async {
        repeat {
            do {
                try self.log.bound()
            } catch {
                self.logger.warning("A log cannot be bounded", metadata: ["log": "\(self.log.path)", "error": "\(error)"])
            }
        } while (try? await Task.sleep(for: .seconds(10))) != nil
    }

    private func keepRunning() async throws {
        var pause = self.restart.firstPause
        let clock = ContinuousClock()
        while !Task.isCancelled {
            let started = clock.now
            let ending = await self.runOnce()
            guard !Task.isCancelled else { return }
            if case .success(Self.misconfigured) = ending {
                throw UsageError(self.log.lastLine() ?? "The service \(self.name) cannot start; see \(self.log.path).")
            }
            if clock.now - started >= self.restart.settled { pause = self.restart.firstPause }
            self.logger.warning(
                "A service ended and is started again",
                metadata: ["service": "\(self.name)", "ending": "\(ending)", "pause": "\(pause)", "log": "\(self.log.path)"]
            )
            try? await clock.sleep(for: pause)
            pause = min(pause * 2, self.restart.longestPause)
        }
    }

    /// Runs the child once; cancelling sends it SIGTERM, and SIGKILL after the grace.
    private func runOnce() async -> Result<TerminationStatus, any Error> {
        do {
            let log = try self.log.open()
            let lifeline = try FileDescriptor.pipe(options: .closeOnExec)
            defer { try? lifeline.writeEnd.close() }
            var options = PlatformOptions()
            options.processGroupID = 0
            options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: self.grace)]
            let configuration = Subprocess.Configuration(
                executable: .path(self.executable),
                environment: .custom(Dictionary(uniqueKeysWithValues: self.environment.map { (Environment.Key(stringLiteral: $0), $1) })),
                platformOptions: options
            )
            let result = try await Subprocess.run(
                configuration,
                input: .fileDescriptor(lifeline.readEnd, closeAfterSpawningProcess: true),
                output: .fileDescriptor(log, closeAfterSpawningProcess: false),
                error: .fileDescriptor(log, closeAfterSpawningProcess: true)
            )
            return .success(result.terminationStatus)
        } catch {
            return .failure(error)
        }
    }
}
