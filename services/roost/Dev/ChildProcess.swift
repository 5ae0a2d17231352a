import Logging
import ServiceLifecycle
import Subprocess
import SystemPackage

/// One service as a child process: kept running, and taken down with the supervisor however the supervisor ends.
///
/// - The child leads its own process group, so that Ctrl-C in a terminal reaches the supervisor alone, which passes it on once.
/// - Its standard input is a pipe that nobody writes to: when the supervisor dies, `kill -9` included, the kernel closes the other
///   end, and the child stops by itself.
/// - When it dies it is started again, with a pause that doubles while it keeps dying at once.
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
    /// Its output and errors are appended here.
    let logFile: FilePath
    /// How long it may take to stop before it is killed.
    let grace: Duration
    let restart: Restart
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepRunning() }
    }

    private func keepRunning() async {
        var pause = self.restart.firstPause
        let clock = ContinuousClock()
        while !Task.isCancelled {
            let started = clock.now
            let ending = await self.runOnce()
            guard !Task.isCancelled else { return }
            if clock.now - started >= self.restart.settled { pause = self.restart.firstPause }
            self.logger.warning(
                "A service ended and is started again",
                metadata: ["service": "\(self.name)", "ending": "\(ending)", "pause": "\(pause)", "log": "\(self.logFile)"]
            )
            try? await clock.sleep(for: pause)
            pause = min(pause * 2, self.restart.longestPause)
        }
    }

    /// Runs the child once; cancelling sends it SIGTERM, and SIGKILL after the grace.
    private func runOnce() async -> String {
        do {
            let log = try FileDescriptor.open(
                self.logFile, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite])
            let lifeline = try FileDescriptor.pipe()
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
            return "\(result.terminationStatus)"
        } catch {
            return "\(error)"
        }
    }
}
