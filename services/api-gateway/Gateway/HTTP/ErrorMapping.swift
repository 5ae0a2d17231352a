import Catalog
import Database
import ExecutionStack
import HTTPTypes
import JSON
import Logging
import Model
import Store

/// The one table from errors to RFC 9457 problems.
///
/// What is not in the table is a defect: the caller gets 500 and eight hexadecimal digits, the log gets the cause with the same digits.
enum ErrorMapping {
    static func problem(for error: any Error, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as ExecutionStackError: return Self.problem(for: error, logger: logger)
        case let error as StoreError: return Self.problem(for: error)
        case let error as DatabaseError where error.isTransient: return .unavailable("The database does not answer. Try again.")
        case let error as DatabaseError where error.code == .readOnly || error.code == .full:
            return .unavailable("The database takes no writes at the moment (\(error.code)).", retryAfterSeconds: 10)
        case let error as DatabaseError where error.code == .invalidValue:
            return .badRequest("A value cannot be stored, such as text with a NUL character.")
        case let error as CatalogError: return Self.problem(for: error)
        case is CancellationError: return .unavailable("The request was cut off because the service stops. Try again.")
        default: return Self.defect(error, logger: logger)
        }
    }

    private static func problem(for error: StoreError) -> Problem {
        switch error.code {
        case .notFound: Problem(.notFound, "not-found", error.message.sentence)
        case .alreadyExists: Problem(.conflict, "already-exists", error.message.sentence)
        case .inUse: Problem(.conflict, "in-use", error.message.sentence)
        case .invalidCursor: Problem(.badRequest, "invalid-cursor", error.message.sentence)
        case .invalidValue: Problem(.badRequest, "invalid-value", error.message.sentence)
        case .limitReached: Problem(.conflict, "limit-reached", error.message.sentence)
        default: .unavailable("The state changed underneath. Try again.")
        }
    }

    private static func problem(for error: CatalogError) -> Problem {
        switch error.code {
        case .notFound: Problem(.notFound, "not-found", error.message)
        case .integrationExists, .connectionExists: Problem(.conflict, "already-exists", error.message)
        case .readOnly: Problem(.conflict, "read-only", error.message)
        case .busy: .unavailable(error.message)
        default: Problem(.unprocessableContent, error.code.description.replacing("_", with: "-"), error.message)
        }
    }

    private static func problem(for error: ExecutionStackError, logger: Logger) -> Problem {
        switch error.code.value {
        case .invalidProgram, .invalidArguments, .unknownTool: Problem(.unprocessableContent, "invalid-program", error.message)
        case .nestedExecution: .forbidden(error.message)
        case .notFound: Problem(.notFound, "not-found", error.message)
        case .revoked: Problem(.unauthorized, "unauthorized", error.message)
        case .draining, .unavailable: .unavailable(error.message)
        case .endNotRecorded: Problem(.serviceUnavailable, "end-not-recorded", error.message)
        case .internal: Self.defect(error, logger: logger)
        }
    }

    private static func defect(_ error: any Error, logger: Logger) -> Problem {
        let id = CorrelationID()
        logger.error("A request failed", metadata: ["error.id": "\(id)", "error": "\(error)", "error.type": "\(type(of: error))"])
        return Problem(.internalServerError, "internal", "Something failed inside; the log has the cause under \(id).")
    }
}

/// Eight random hexadecimal digits that join an opaque answer and the log line with its cause.
struct CorrelationID: CustomStringConvertible {
    let description: String

    init() {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        self.description = String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension String {
    /// With a capital first letter and a full stop, as problems show it.
    fileprivate var sentence: String {
        let text = self.prefix(1).uppercased() + self.dropFirst()
        return text.hasSuffix(".") ? text : text + "."
    }
}
