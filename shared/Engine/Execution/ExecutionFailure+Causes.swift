import Sandbox
import Store

extension ExecutionFailure {
    /// The execution was stopped on purpose.
    package static func cancelled(_ calls: CallReport) -> ExecutionFailure {
        ExecutionFailure(code: "cancelled", message: "The execution was cancelled.", calls: calls)
    }

    /// The process that ran the program went away.
    package static func interrupted(_ calls: CallReport) -> ExecutionFailure {
        ExecutionFailure(
            code: ExecutionRepository.interruptedCode,
            message: "The process that ran the program went away before its end. \(self.advice(calls.isRepeatable))",
            isRetryable: calls.isRepeatable, calls: calls)
    }

    /// The program took longer than its caller waits.
    static func timedOut(_ calls: CallReport) -> ExecutionFailure {
        let isRetryable = calls.isRepeatable
        let advice = isRetryable ? "Nothing was changed: let the program do less at once." : self.advice(isRetryable)
        return ExecutionFailure(
            code: "call_timeout", message: "The program was stopped because the time for its call was up. \(advice)",
            isRetryable: isRetryable, calls: calls)
    }

    /// The key that the program ran under works no more.
    static func revoked(_ calls: CallReport) -> ExecutionFailure {
        ExecutionFailure(
            code: "credentials_revoked", message: "The program was stopped because the key that it ran under was revoked.", calls: calls)
    }

    /// What to do after an execution of which the end was not seen.
    package static func advice(_ isRetryable: Bool) -> String {
        isRetryable ? "Nothing was changed: run it again." : "Calls that it made may have taken effect: look before running it again."
    }

    /// The program threw.
    static func thrown(_ thrown: SandboxThrown, in program: RecoveredProgram) -> ExecutionFailure {
        let column = thrown.line.flatMap { line in thrown.column.map { program.originalColumn(line: line, column: $0) } }
        return ExecutionFailure(
            code: "program_threw", message: thrown.message, name: thrown.name, line: thrown.line, column: column, stack: thrown.stack)
    }

    /// The sandbox refused the program or ended it.
    static func limit(_ error: SandboxError, in program: RecoveredProgram, _ calls: CallReport) -> ExecutionFailure {
        let position = error.position
        return ExecutionFailure(
            code: error.code.description, message: error.message, name: error.code == .syntaxError ? "SyntaxError" : nil,
            line: position?.line, column: position.map { program.originalColumn(line: $0.line, column: $0.column) },
            isRetryable: calls.isRepeatable && (error.code == .unavailable || error.code == .capacity),
            calls: calls.count > 0 ? calls : nil)
    }
}
