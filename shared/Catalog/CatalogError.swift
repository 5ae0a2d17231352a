/// Why a change to the catalog was refused. Messages say what to do and are fit for whoever asked; they never hold a credential.
package struct CatalogError: Error, Sendable, CustomStringConvertible {
    /// The kind of refusal, stable for programs.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case invalidSlug = "invalid_slug"
            case invalidName = "invalid_name"
            case invalidBaseURL = "invalid_base_url"
            case invalidSource = "invalid_source"
            case documentUnreachable = "document_unreachable"
            case documentRefused = "document_refused"
            case integrationExists = "integration_already_exists"
            case connectionExists = "connection_already_exists"
            case notFound = "not_found"
            case unknownMethod = "unknown_auth_method"
            case invalidCredentials = "invalid_credentials"
            case readOnly = "built_in"
            case busy
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The slug is not one, or is taken by Roost.
        package static let invalidSlug = Code(.invalidSlug)
        /// A name is empty, too long, or could not stand in a tool's address.
        package static let invalidName = Code(.invalidName)
        /// The base URL is not an http or https URL that can be used.
        package static let invalidBaseURL = Code(.invalidBaseURL)
        /// There is neither a URL nor a document to read, or the URL is not an http or https one.
        package static let invalidSource = Code(.invalidSource)
        /// The document could not be fetched.
        package static let documentUnreachable = Code(.documentUnreachable)
        /// What was fetched or handed in is no document that Roost reads.
        package static let documentRefused = Code(.documentRefused)
        /// The organization has an integration with this slug.
        package static let integrationExists = Code(.integrationExists)
        /// The integration has a connection with this name.
        package static let connectionExists = Code(.connectionExists)
        /// The organization has no such integration or connection.
        package static let notFound = Code(.notFound)
        /// The integration does not offer this way to sign in.
        package static let unknownMethod = Code(.unknownMethod)
        /// Credentials are missing, unknown, or could not be sent.
        package static let invalidCredentials = Code(.invalidCredentials)
        /// The integration comes with Roost and cannot be changed.
        package static let readOnly = Code(.readOnly)
        /// As many documents are being read as may be at once; try again.
        package static let busy = Code(.busy)

        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it.
    package let message: String
    /// A finer code, where another module refused: `openapi_version_unsupported`, `address_refused`, …
    package let reason: String?

    package init(_ code: Code, _ message: String, reason: String? = nil) {
        self.code = code
        self.message = message
        self.reason = reason
    }

    package var description: String { "\(self.code): \(self.message)" }
}
