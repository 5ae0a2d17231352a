import ArgumentParser
import Foundation

/// The parent: starts server and client as processes of their own, and kills and stops them in turn.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run a whole soak.")

    @Option(help: "How many requests to send in all.")
    var requests = 1_000_000

    @Option(help: "How often to end one of the two processes, half of the times with SIGKILL.")
    var restarts = 100

    @Option(help: "How many requests are under way at once.")
    var workers = 32

    @Option(help: "After how many seconds the soak has failed.")
    var timeLimit = 3_600

    @Flag(help: "Send small requests only, to measure processor time.")
    var unaryOnly = false

    func run() async throws {
        var soak = Soak(requests: self.requests, restarts: self.restarts, workers: self.workers, isUnaryOnly: self.unaryOnly)
        let deadline = ContinuousClock.now.advanced(by: .seconds(self.timeLimit))
        let isFinished = try await soak.run(until: deadline)
        let tally = soak.total
        if self.restarts == 0, tally.requests > 0 {
            print("cpu_us_per_request client=\(soak.clientCPU / tally.requests) server=\(soak.serverCPU / tally.requests)")
        }
        let isGood = isFinished && tally.lost == 0 && tally.wrong == 0 && tally.answered > 0 && soak.restartsDone == self.restarts
        if !isFinished { print("the soak did not end in time") }
        print(
            "requests=\(tally.requests) answered=\(tally.answered) failed=\(tally.failed) lost=\(tally.lost) wrong=\(tally.wrong) "
                + "restarts=\(soak.restartsDone)")
        if !isGood { throw ExitCode.failure }
    }
}
