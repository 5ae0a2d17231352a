package import JSON

/// How a program ended that came to its own end.
package enum SandboxOutcome: Sendable {
    /// It returned a value; nil for `undefined` and for what JSON has no word for, such as a function.
    case returned(JSONText?)
    /// It threw, or a promise it awaited at its top level was rejected.
    case threw(SandboxThrown)
}

/// What a program threw.
package struct SandboxThrown: Error, Sendable, Hashable {
    /// The error's name, `TypeError` for example; `Thrown` when it was not an `Error`.
    package let name: String
    /// The error's message; for what is not an `Error` its JSON form. At most 32,768 characters.
    package let message: String
    /// The frames in the program's own text, innermost first, as `name (code.ts:line:column)` lines; empty when there are none.
    package let stack: String
    /// The line in the program's text, counted from one, of the innermost of these frames.
    package let line: Int?
    /// The column in that line, in UTF-16 code units, counted from one.
    package let column: Int?

    package init(name: String, message: String, stack: String = "", line: Int? = nil, column: Int? = nil) {
        self.name = name
        self.message = message
        self.stack = stack
        self.line = line
        self.column = column
    }
}

/// One line that a program wrote with `console`.
package struct SandboxLogLine: Sendable, Hashable {
    /// The `console` method it was written with.
    package enum Level: String, Sendable, Hashable, CaseIterable {
        case debug, info, log, warn, error
    }

    package let level: Level
    /// The arguments joined by spaces, objects as JSON; cut after 65,536 characters.
    package let text: String

    package init(level: Level, text: String) {
        self.level = level
        self.text = text
    }
}

/// What a run put out beside its result, and what it cost. A run that was ended early has one too.
package struct SandboxOutput: Sendable {
    /// The values given to `emit`, in order.
    package var emitted: [JSONText]
    /// The lines written with `console`, in order, the same that `onLog` saw.
    package var logs: [SandboxLogLine]
    /// How many tool calls the program made.
    package var callCount: Int
    /// How many of them were still open when it ended: a program that does not await its calls cancels them.
    package var abandonedCallCount: Int
    /// The processor time of its process, in user and kernel.
    package var cpuTime: Duration
    /// The largest resident size of its process, in bytes; 16 to 20 MB of it are pages shared with every other run.
    package var peakMemory: Int
    /// How long the run took from its admission to the end of its process, waiting for answers included.
    package var elapsed: Duration

    package init(
        emitted: [JSONText] = [], logs: [SandboxLogLine] = [], callCount: Int = 0, abandonedCallCount: Int = 0,
        cpuTime: Duration = .zero, peakMemory: Int = 0, elapsed: Duration = .zero
    ) {
        self.emitted = emitted
        self.logs = logs
        self.callCount = callCount
        self.abandonedCallCount = abandonedCallCount
        self.cpuTime = cpuTime
        self.peakMemory = peakMemory
        self.elapsed = elapsed
    }
}

/// A run that came to its own end.
package struct SandboxRunReport: Sendable {
    package var outcome: SandboxOutcome
    package var output: SandboxOutput

    package init(outcome: SandboxOutcome, output: SandboxOutput = SandboxOutput()) {
        self.outcome = outcome
        self.output = output
    }
}
