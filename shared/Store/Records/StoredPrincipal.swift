import Database
import Model

/// How a principal's method is spread over three columns: `auth_kind`, `auth_issuer`, `auth_subject`.
extension Principal.Method {
    /// Their values.
    var columns: [DatabaseValue] {
        switch self {
        case .apiKey(let key): [.text("api_key"), .null, .text(key.rawValue)]
        case .token(let issuer, let subject): [.text("token"), .text(issuer), .text(subject)]
        case .execution(let execution): [.text("execution"), .null, .text(execution.rawValue)]
        }
    }

    /// Reads them.
    init(_ row: inout RowReader) throws {
        let kind: String = try row.next()
        let issuer: String? = try row.next()
        let subject: String = try row.next()
        switch (kind, issuer) {
        case ("api_key", nil): self = .apiKey(APIKeyID(trusted: subject))
        case ("token", let issuer?): self = .token(issuer: issuer, subject: subject)
        case ("execution", nil): self = .execution(ExecutionID(trusted: subject))
        default: throw StoreError(code: .corrupted, message: "a stored principal has an unknown method")
        }
    }
}
