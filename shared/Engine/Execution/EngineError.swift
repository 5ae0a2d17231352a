package import Model

/// Why a program was not run, or its end could not be kept. Everything that happens inside a run is an answer instead.
package struct EngineError: Error, Sendable {
    /// What kind of refusal it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case invalidProgram = "invalid_program"
            case nestedExecution = "nested_execution"
            case draining
            case unavailable
            case alreadyBegun = "already_begun"
            case endNotRecorded = "end_not_recorded"
        }

        private let value: Value

        /// The text cannot be a program: it is empty or too long.
        package static let invalidProgram = Code(value: .invalidProgram)
        /// The caller acts from inside an execution, which may not start another one.
        package static let nestedExecution = Code(value: .nestedExecution)
        /// This process is shutting down; another one takes the program.
        package static let draining = Code(value: .draining)
        /// The program was not run, because its start could not be stored. It may work later.
        package static let unavailable = Code(value: .unavailable)
        /// There is an execution of this name: the program runs there, or has run, and is not run twice.
        package static let alreadyBegun = Code(value: .alreadyBegun)
        /// The program ran, but how it ended could not be stored: what it did is done.
        package static let endNotRecorded = Code(value: .endNotRecorded)

        /// The stable snake-case name.
        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it, for the caller.
    package let message: String
    /// The execution that it is about, where one was begun.
    package let execution: ExecutionID?
    /// What its tool calls came to, where it ran.
    package let calls: CallReport?
    /// What went wrong below, for the log only.
    package let cause: (any Error)?

    package init(
        code: Code, message: String, execution: ExecutionID? = nil, calls: CallReport? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.execution = execution
        self.calls = calls
        self.cause = cause
    }

    /// Whether the same program may be sent again without anything happening twice.
    package var isRetryable: Bool {
        self.code == .draining || self.code == .unavailable || (self.code == .endNotRecorded && self.calls?.isRepeatable == true)
    }
}

extension EngineError {
    /// The refusal of a name that an execution has.
    static func alreadyBegun(_ execution: ExecutionID, cause: (any Error)? = nil) -> EngineError {
        EngineError(
            code: .alreadyBegun,
            message: "The program was begun before under this name, and is not run twice: the record of its execution has the outcome.",
            execution: execution, cause: cause)
    }
}

extension EngineError: CustomStringConvertible {
    package var description: String { "\(self.code): \(self.message)" }
}
