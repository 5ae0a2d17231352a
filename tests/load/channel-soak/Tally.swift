import Synchronization

/// What became of the requests of one client process.
struct Tally: Sendable, Equatable {
    var answered = 0
    var failed = 0
    /// Requests that neither were answered nor failed in any reasonable time, or whose deadline passed though the handler answers at once.
    var lost = 0
    /// Answers to something else.
    var wrong = 0
    /// Microseconds of processor time that the process has used.
    var cpu = 0

    var requests: Int { self.answered + self.failed + self.lost + self.wrong }

    static func + (left: Tally, right: Tally) -> Tally {
        Tally(
            answered: left.answered + right.answered, failed: left.failed + right.failed, lost: left.lost + right.lost,
            wrong: left.wrong + right.wrong, cpu: left.cpu + right.cpu)
    }

    /// The form in which a child reports to its parent.
    var line: String { "tally \(self.answered) \(self.failed) \(self.lost) \(self.wrong) \(self.cpu)" }

    init(answered: Int = 0, failed: Int = 0, lost: Int = 0, wrong: Int = 0, cpu: Int = 0) {
        self.answered = answered
        self.failed = failed
        self.lost = lost
        self.wrong = wrong
        self.cpu = cpu
    }

    init?(line: String) {
        let numbers = line.split(separator: " ").dropFirst().compactMap { Int($0) }
        guard line.hasPrefix("tally "), numbers.count == 5 else { return nil }
        self.init(answered: numbers[0], failed: numbers[1], lost: numbers[2], wrong: numbers[3], cpu: numbers[4])
    }
}

/// The tally of a process that is still running, with what each of its workers is doing.
final class Scoreboard: Sendable {
    private struct State {
        var tally = Tally()
        var codes: [String: Int] = [:]
        var left: Int
        var started: [Int: (request: Int, at: ContinuousClock.Instant)] = [:]
    }

    private let state: Mutex<State>

    init(requests: Int) { self.state = Mutex(State(left: requests)) }

    var tally: Tally { self.state.withLock { $0.tally } }

    /// How often each kind of failure came, in words.
    var failures: String {
        self.state.withLock { $0.codes }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// The number of the next request, nil when there are no more to be sent.
    func begin(worker: Int) -> Int? {
        self.state.withLock { state in
            guard state.left > 0 else { return nil }
            state.left -= 1
            state.started[worker] = (state.left, .now)
            return state.left
        }
    }

    /// Sends no more requests.
    func stop() { self.state.withLock { $0.left = 0 } }

    func end(worker: Int, _ outcome: Outcome) {
        self.state.withLock { state in
            state.started[worker] = nil
            switch outcome {
            case .answered: state.tally.answered += 1
            case .failed(let code):
                state.tally.failed += 1
                state.codes[code, default: 0] += 1
            case .lost: state.tally.lost += 1
            case .wrong: state.tally.wrong += 1
            }
        }
    }

    /// Counts the requests that have been under way for longer than is possible.
    func countOverdue(after limit: Duration) -> Int {
        self.state.withLock { state in
            let overdue = state.started.filter { $0.value.at.duration(to: .now) > limit }
            for worker in overdue.keys { state.started[worker] = nil }
            state.tally.lost += overdue.count
            return overdue.count
        }
    }
}

/// What became of one request.
enum Outcome: Sendable {
    case answered
    case failed(String)
    case lost
    case wrong
}
