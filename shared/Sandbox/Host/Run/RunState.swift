import JSON
import Model

/// What is known about one run, and what follows from each event; no I/O, and time only as it is told.
///
/// It holds the limits, the two clocks (the program's, and the one that the wall limit is measured with), the open calls and wake-ups, and
/// what the program has put out. ``ending`` is set once, by whatever ends the run first; everything that comes later is ignored.
struct RunState {
    typealias Instant = ContinuousClock.Instant

    /// How the run ends.
    enum Ending {
        case returned(JSONText?)
        /// Positions in the stack are those of the translated text.
        case threw(name: String, message: String, stack: String)
        case failed(SandboxError.Code, String)
    }

    /// What a frame asks the shell to do.
    enum Effect {
        case nothing
        case call(SandboxCall)
        case log(SandboxLogLine)
    }

    private struct WakeUp {
        let id: UInt32
        let due: Instant
    }

    /// Why the run ends; nil while it goes on.
    private(set) var ending: Ending?
    /// What the program has put out so far.
    private(set) var output = SandboxOutput()

    private let limits: SandboxLimits
    private let started: Instant
    private var openCalls: Set<UInt32> = []
    /// Answers that the child has not taken yet. A program that asks without ever reading would fill the host's memory with them.
    private var unwrittenReplies = 0
    private var unwrittenWakeUps = 0
    /// By rising due time.
    private var wakeUps: [WakeUp] = []
    private var wallTimeUsed = Duration.zero
    /// Since when the wall clock runs; nil while a call is open.
    private var wallClockSince: Instant?
    private var logBytes = 0
    private var outputItems = 0
    private var outputBytes = 0

    /// Starts the clocks.
    init(limits: SandboxLimits, now: Instant) {
        self.limits = limits
        self.started = now
        self.wallClockSince = now
    }

    /// Whether the program waits for the host, so that it need not count as running.
    var isWaiting: Bool { !self.openCalls.isEmpty || !self.wakeUps.isEmpty }

    /// When ``tick(now:)`` has something to do next; nil once the run has ended.
    var nextDeadline: Instant? {
        guard self.ending == nil else { return nil }
        var next = self.started.advanced(by: self.limits.absoluteTime)
        if let since = self.wallClockSince { next = min(next, since.advanced(by: self.limits.wallTime - self.wallTimeUsed)) }
        if let wakeUp = self.wakeUps.first { next = min(next, wakeUp.due) }
        return next
    }

    /// Ends the run, unless it has ended.
    mutating func end(_ code: SandboxError.Code, _ message: String) {
        guard self.ending == nil else { return }
        self.ending = .failed(code, message)
    }

    // MARK: From the child

    /// Decides over a frame before a byte of it is kept.
    func admit(_ kind: Frame.Kind, length: Int) throws(FrameFault) {
        let longest: Int
        switch kind {
        case .call: longest = 8 + Frame.maxPathBytes + self.limits.maxArgumentBytes
        case .askWakeUp: longest = 8
        case .cancelWakeUp: longest = 4
        case .log: longest = 4 + Frame.maxLogLineBytes
        case .emit: longest = self.limits.maxOutputBytes
        case .returned: longest = self.limits.maxResultBytes
        case .threw: longest = Frame.maxThrownBytes
        case .neverSettles: longest = 0
        }
        let isOutput = kind == .log || kind == .emit || kind == .returned
        if length <= longest, !isOutput || self.outputBytes + length <= self.limits.maxOutputBytes { return }
        switch kind {
        case .call:
            throw FrameFault(
                code: .outputLimit,
                message: "The argument of a tool call has more than \(ByteCount(self.limits.maxArgumentBytes)) as JSON. Send less at once.")
        case .returned where length > longest:
            throw FrameFault(
                code: .outputLimit,
                message: """
                    The result has \(length) bytes as JSON, more than the limit of \(ByteCount(longest)). \
                    Return what is needed: filter, aggregate or page inside the program.
                    """)
        case .returned, .emit, .log:
            throw FrameFault(
                code: .outputLimit,
                message: """
                    The program put out more than \(ByteCount(self.limits.maxOutputBytes)) in logs, emitted values and result together. \
                    Put out less.
                    """)
        case .askWakeUp, .cancelWakeUp, .threw, .neverSettles:
            throw .violation("a frame longer than its type allows")
        }
    }

    /// Takes in a frame.
    mutating func receive(_ frame: Frame, now: Instant) -> Effect {
        guard self.ending == nil else { return .nothing }
        switch frame {
        case .call(let id, let path, let argument):
            return self.receiveCall(SandboxCall(id: id, path: path, argument: argument), now: now)
        case .askWakeUp(let id, let due):
            self.askWakeUp(id, due: self.started.advanced(by: due))
        case .cancelWakeUp(let id):
            self.wakeUps.removeAll { $0.id == id }
        case .log(let line):
            self.logBytes += line.text.utf8.count
            guard self.logBytes <= self.limits.maxLogBytes else {
                self.end(.outputLimit, "The program logged more than \(ByteCount(self.limits.maxLogBytes)). Log less.")
                return .nothing
            }
            guard self.countOutput(line.text.utf8.count) else { return .nothing }
            self.output.logs.append(line)
            return .log(line)
        case .emit(let value):
            if self.countOutput(value.bytes.count) { self.output.emitted.append(value) }
        case .returned(let value):
            self.ending = .returned(value)
        case .threw(let name, let message, let stack):
            self.ending = .threw(name: name, message: message, stack: stack)
        case .neverSettles:
            self.end(
                .neverSettles,
                "The program awaits something that can never settle: no tool call and no timer is pending. Check its promises.")
        }
        return .nothing
    }

    private mutating func receiveCall(_ call: SandboxCall, now: Instant) -> Effect {
        // The prelude counts, so that calls can be told apart by number when a run is repeated from its journal.
        guard Int(call.id) == self.output.callCount + 1 else {
            self.end(.violation, "a call out of order")
            return .nothing
        }
        guard self.output.callCount < self.limits.maxCalls else {
            self.end(.callLimit, "The program made more than \(self.limits.maxCalls) tool calls. Use tools that handle many items at once.")
            return .nothing
        }
        guard
            self.openCalls.count < self.limits.maxConcurrentCalls,
            self.openCalls.count + self.unwrittenReplies < 2 * self.limits.maxConcurrentCalls
        else {
            self.end(
                .callLimit,
                "The program had more than \(self.limits.maxConcurrentCalls) tool calls open at once. Make them in smaller groups.")
            return .nothing
        }
        self.output.callCount += 1
        self.openCalls.insert(call.id)
        if let since = self.wallClockSince {
            self.wallTimeUsed += since.duration(to: now)
            self.wallClockSince = nil
        }
        return .call(call)
    }

    private mutating func askWakeUp(_ id: UInt32, due: Instant) {
        guard !self.wakeUps.contains(where: { $0.id == id }) else { return self.end(.violation, "a wake-up that was asked for already") }
        let count = self.wakeUps.count
        guard count < self.limits.maxTimers, count + self.unwrittenWakeUps < 2 * self.limits.maxTimers else {
            return self.end(.callLimit, "The program had more than \(self.limits.maxTimers) timers at once.")
        }
        let index = self.wakeUps.firstIndex { $0.due > due } ?? self.wakeUps.endIndex
        self.wakeUps.insert(WakeUp(id: id, due: due), at: index)
    }

    private mutating func countOutput(_ byteCount: Int) -> Bool {
        self.outputBytes += byteCount
        self.outputItems += 1
        guard self.outputItems <= self.limits.maxOutputItems else {
            self.end(
                .outputLimit, "The program put out more than \(self.limits.maxOutputItems) log lines and emitted values. Put out less.")
            return false
        }
        return true
    }

    // MARK: From the host

    /// Closes a call that was answered: the program's clock at this moment, or nil when the run is over and wants no answer.
    mutating func answer(_ call: UInt32, now: Instant) -> Duration? {
        guard self.ending == nil, self.openCalls.remove(call) != nil else { return nil }
        self.unwrittenReplies += 1
        if self.openCalls.isEmpty { self.wallClockSince = now }
        return self.started.duration(to: now)
    }

    /// Notes that the child has taken an answer.
    mutating func wasWritten(_ answer: Answer.Content) {
        switch answer {
        case .fulfil, .reject: self.unwrittenReplies -= 1
        case .wakeUp: self.unwrittenWakeUps -= 1
        case .program, .selfTest: break
        }
    }

    /// Ends the run if its time is up; otherwise says how many wake-ups are due now, and the program's clock.
    mutating func tick(now: Instant) -> (wakeUps: Int, elapsed: Duration) {
        let elapsed = self.started.duration(to: now)
        guard self.ending == nil else { return (0, elapsed) }
        if elapsed >= self.limits.absoluteTime {
            self.end(.wallLimit, "The program took longer than \(self.limits.absoluteTime) altogether, waiting included.")
            return (0, elapsed)
        }
        if let since = self.wallClockSince, self.wallTimeUsed + since.duration(to: now) >= self.limits.wallTime {
            self.end(
                .wallLimit, "The program took longer than \(self.limits.wallTime), not counting the time in which tool calls were open.")
            return (0, elapsed)
        }
        let dueCount = self.wakeUps.prefix { $0.due <= now }.count
        self.wakeUps.removeFirst(dueCount)
        self.unwrittenWakeUps += dueCount
        return (dueCount, elapsed)
    }

    /// Notes that the process is gone: the reason if nothing else had ended the run, and what it cost.
    mutating func processEnded(_ exit: ChildExit, now: Instant) {
        switch exit {
        case .exited(let status, let cpuTime, let peakMemory):
            self.output.cpuTime = cpuTime
            self.output.peakMemory = peakMemory
            let (code, message) = status.reason(limits: self.limits, cpuTime: cpuTime)
            self.end(code, message)
        case .lost(let reason):
            self.end(.unavailable, reason)
        }
        self.output.abandonedCallCount = self.openCalls.count
        self.output.elapsed = self.started.duration(to: now)
    }
}
