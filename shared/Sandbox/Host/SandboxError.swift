/// Why a program could not be started, or had to be ended.
package struct SandboxError: Error, Sendable {
    /// What kind of failure it is; the raw value is the stable word that agents see.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case cpuLimit = "cpu_limit"
            case wallLimit = "wall_limit"
            case memoryLimit = "memory_limit"
            case outputLimit = "output_limit"
            case callLimit = "call_limit"
            case neverSettles = "never_settles"
            case violation
            case syntaxError = "syntax_error"
            case unavailable
            case capacity
            case cancelled
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The program used up its processor time.
        package static let cpuLimit = Code(.cpuLimit)
        /// The program took too long on its own account, or altogether.
        package static let wallLimit = Code(.wallLimit)
        /// The program needed more memory than it may have (or crashed the engine, which looks the same from outside).
        package static let memoryLimit = Code(.memoryLimit)
        /// The program put out too much, in one value or altogether.
        package static let outputLimit = Code(.outputLimit)
        /// The program made too many tool calls, open at once or altogether, or has too many timers.
        package static let callLimit = Code(.callLimit)
        /// The program awaits something that nothing can ever settle.
        package static let neverSettles = Code(.neverSettles)
        /// The program's process tried something it may not do. Operators should look at these.
        package static let violation = Code(.violation)
        /// The program's text is not TypeScript.
        package static let syntaxError = Code(.syntaxError)
        /// The sandbox is not up, or went down under the run. The same program may work later.
        package static let unavailable = Code(.unavailable)
        /// Too many runs at once. The same program may work later; nothing of it has run.
        package static let capacity = Code(.capacity)
        /// The calling task was cancelled.
        package static let cancelled = Code(.cancelled)

        package var description: String { self.value.rawValue }
    }

    /// A place in the program's text, both counted from one; columns in UTF-16 code units.
    package struct Position: Sendable, Hashable {
        package let line: Int
        package let column: Int

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    package let code: Code
    /// What happened and what to do about it, for the author of the program.
    package let message: String
    /// Where in the program's text, for ``Code/syntaxError``.
    package var position: Position?
    /// What the run had put out until its end; empty when it never started.
    package var output: SandboxOutput
    /// Whether the program had started, so that tool calls may have been made.
    package var hasStarted: Bool

    package init(
        _ code: Code, _ message: String, position: Position? = nil, output: SandboxOutput = SandboxOutput(), hasStarted: Bool = false
    ) {
        self.code = code
        self.message = message
        self.position = position
        self.output = output
        self.hasStarted = hasStarted
    }

    /// Whether running the same program again may work, as far as the sandbox can know: it was not the program's fault, and no tool
    /// call was made that could happen twice.
    package var isRetryable: Bool {
        (self.code == .unavailable || self.code == .capacity) && self.output.callCount == 0
    }
}

extension SandboxError: CustomStringConvertible {
    /// The code and message; never anything that the program put out.
    package var description: String {
        guard let position = self.position else { return "\(self.code): \(self.message)" }
        return "\(self.code) at \(position.line):\(position.column): \(self.message)"
    }
}
