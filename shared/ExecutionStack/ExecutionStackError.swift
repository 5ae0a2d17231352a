import Engine
package import Model

/// Why a stack could not be made or refused a call. Gateway and sessions each have one table from these codes to their own answers.
package struct ExecutionStackError: Error, Sendable {
    /// What kind of refusal it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        package enum Value: String, Sendable, CaseIterable {
            case invalidProgram = "invalid_program"
            case invalidArguments = "invalid_arguments"
            case unknownTool = "unknown_tool"
            case nestedExecution = "nested_execution"
            case notFound = "not_found"
            case revoked = "credentials_revoked"
            case draining
            case unavailable
            case alreadyBegun = "already_begun"
            case endNotRecorded = "end_not_recorded"
            case `internal`
        }

        /// For exhaustive tables.
        package let value: Value

        /// The text cannot be a program: it is empty, too long, or holds NUL.
        package static let invalidProgram = Code(value: .invalidProgram)
        /// An agent's tool was called with arguments that it does not take.
        package static let invalidArguments = Code(value: .invalidArguments)
        /// There is no agent's tool of this name.
        package static let unknownTool = Code(value: .unknownTool)
        /// The caller acts from inside an execution, which may not start another one.
        package static let nestedExecution = Code(value: .nestedExecution)
        /// There is no such execution, or it is somebody else's.
        package static let notFound = Code(value: .notFound)
        /// The key that the principal signed in with works no more.
        package static let revoked = Code(value: .revoked)
        /// This process is shutting down; another one takes the call.
        package static let draining = Code(value: .draining)
        /// The database or the sandbox cannot be used; nothing ran.
        package static let unavailable = Code(value: .unavailable)
        /// There is an execution of this name, and no program runs twice.
        package static let alreadyBegun = Code(value: .alreadyBegun)
        /// The program ran, but its end could not be stored.
        package static let endNotRecorded = Code(value: .endNotRecorded)
        /// A fault of ours; the cause is in the log.
        package static let `internal` = Code(value: .internal)

        /// The stable snake-case name.
        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it, for the caller.
    package let message: String
    /// The execution that it is about, where one was begun.
    package let execution: ExecutionID?
    /// What is told of that execution, where it ran or may run.
    package let interrupted: InterruptedExecution?
    /// What went wrong below, for the log only.
    package let cause: (any Error)?

    package init(
        code: Code, message: String, execution: ExecutionID? = nil, interrupted: InterruptedExecution? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.execution = execution
        self.interrupted = interrupted
        self.cause = cause
    }

    /// Whether the same call may be sent again without anything happening twice.
    package var isRetryable: Bool { self.interrupted?.isRetryable ?? (self.code == .draining || self.code == .unavailable) }

    init(_ error: EngineError) {
        let codes: [EngineError.Code: Code] = [
            .invalidProgram: .invalidProgram, .nestedExecution: .nestedExecution, .draining: .draining, .unavailable: .unavailable,
            .alreadyBegun: .alreadyBegun, .endNotRecorded: .endNotRecorded,
        ]
        let code = codes[error.code] ?? .internal
        // Of one that runs elsewhere nobody knows here what it has called.
        let calls = error.calls ?? (code == .alreadyBegun ? .unknown : nil)
        self.init(
            code: code, message: error.message, execution: error.execution,
            interrupted: error.execution.flatMap { execution in calls.map { InterruptedExecution(execution: execution, calls: $0) } },
            cause: error.cause)
    }

    /// The database cannot be used.
    static func unavailable(_ cause: any Error) -> ExecutionStackError {
        ExecutionStackError(code: .unavailable, message: "Roost cannot reach its database at the moment. Try again later.", cause: cause)
    }
}

extension ExecutionStackError: CustomStringConvertible {
    package var description: String { "\(self.code): \(self.message)" }
}
