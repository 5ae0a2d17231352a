/// Why a caller is not let in, or not to this. Messages never hold a credential.
package struct IdentityError: Error, Sendable {
    /// What went wrong; one HTTP status each.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case credentialsMissing = "credentials_missing"
            case credentialsInvalid = "credentials_invalid"
            case forbidden
            case unavailable
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The request carries no bearer credential: 401.
        package static let credentialsMissing = Code(.credentialsMissing)
        /// The credential is unknown, revoked, expired or malformed: 401.
        package static let credentialsInvalid = Code(.credentialsInvalid)
        /// The credential is good and does not permit this: 403.
        package static let forbidden = Code(.forbidden)
        /// Whether the credential is good cannot be known now (the issuer or the database is down): 503, never 401, which would make
        /// clients throw good credentials away.
        package static let unavailable = Code(.unavailable)

        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static func invalid(_ message: String) -> IdentityError { IdentityError(.credentialsInvalid, message) }
}

extension IdentityError: CustomStringConvertible {
    package var description: String { "\(self.code): \(self.message)" }
}
