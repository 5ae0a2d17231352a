import Catalog
import Database
import ExecutionStack
import HTTPTypes
import JSON
import Logging
import Model
import Store
import Vault

/// The one table from errors to RFC 9457 problems.
///
/// What is not in the table is a defect: the caller gets 500 and eight hexadecimal digits, the log gets the cause with the same digits.
enum ErrorMapping {
    /// Gives the problem that the caller is told of.
    ///
    /// - Parameter isReading: Whether the request asked for nothing to be changed, so that it may be repeated whatever became of it.
    static func problem(for error: any Error, isReading: Bool = false, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as ExecutionStackError: return Self.problem(for: error, logger: logger)
        case let error as StoreError: return Self.problem(for: error)
        case let error as DatabaseError: return Self.problem(for: error, isReading: isReading, logger: logger)
        case let error as VaultError where [.keyMissing, .keyUnusable, .wrongKey].contains(error.code):
            logger.error("A vault key is missing", metadata: ["cause": "\(error)"])
            return Problem(
                .serviceUnavailable, "vault-key-missing",
                "The gateway lacks the key to the organization's credentials. Ask the installation's operator to run `roost doctor`.")
        case let error as CatalogError: return Self.problem(for: error)
        case is CancellationError: return .unavailable("The request was cut off because the service stops. Try again.")
        default: return Self.defect(error, logger: logger)
        }
    }

    private static func problem(for error: DatabaseError, isReading: Bool, logger: Logger) -> Problem {
        if error.isOutcomeUnknown, !isReading {
            logger.warning("Whether a write happened is not known", metadata: ["cause": "\(error)"])
            return .outcomeUnknown("It may be written or not: look at what the request was to change before you send it again.")
        }
        if let (detail, seconds) = error.unavailability { return .unavailable(detail, retryAfterSeconds: seconds) }
        guard error.code == .invalidValue else { return Self.defect(error, logger: logger) }
        return .badRequest("A value cannot be stored, such as text with a NUL character.")
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
        case .alreadyBegun: Problem(.conflict, "already-begun", error.message)
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
