/// Why a text cannot be used as an OpenAPI document. Messages say what to do and are fit for whoever handed the document in.
package struct OpenAPIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of fault, stable for programs.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case notADocument = "not_an_openapi_document"
            case syntax = "openapi_syntax_error"
            case unsupportedVersion = "openapi_version_unsupported"
            case limitExceeded = "openapi_limit_exceeded"
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The text is well formed and yet no OpenAPI document.
        package static let notADocument = Code(.notADocument)
        /// The text is neither JSON nor YAML.
        package static let syntax = Code(.syntax)
        /// It is a version other than 3.0 and 3.1.
        package static let unsupportedVersion = Code(.unsupportedVersion)
        /// A bound of ``OpenAPILimits`` is passed.
        package static let limitExceeded = Code(.limitExceeded)

        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What is wrong and what to do about it.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(self.code): \(self.message)" }
}
