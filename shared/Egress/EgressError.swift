/// Why a request got no answer. Messages are written for whoever sent the request, an agent too: they never hold a credential, a path,
/// a query or a resolved address.
package struct EgressError: Error, Sendable {
    /// What went wrong, stable for programs.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case invalidURL = "invalid_url"
            case invalidRequest = "invalid_request"
            case addressRefused = "address_refused"
            case resolutionFailed = "resolution_failed"
            case connectFailed = "connect_failed"
            case tls = "tls"
            case timeout = "timeout"
            case tooManyRedirects = "too_many_redirects"
            case responseTooLarge = "response_too_large"
            case protocolViolation = "protocol"
            case overloaded = "overloaded"
            case cancelled = "cancelled"
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The URL, or a redirect's, cannot be used.
        package static let invalidURL = Code(.invalidURL)
        /// The method, a header or the body's size cannot be used.
        package static let invalidRequest = Code(.invalidRequest)
        /// The host is not on the public internet and the installation does not list it.
        package static let addressRefused = Code(.addressRefused)
        /// The host's name has no address.
        package static let resolutionFailed = Code(.resolutionFailed)
        /// Nobody accepted the connection.
        package static let connectFailed = Code(.connectFailed)
        /// The TLS handshake failed, most often because the certificate is not trusted.
        package static let tls = Code(.tls)
        /// Connecting, waiting or the whole took too long.
        package static let timeout = Code(.timeout)
        /// More redirects than allowed.
        package static let tooManyRedirects = Code(.tooManyRedirects)
        /// The body is larger than the caller takes.
        package static let responseTooLarge = Code(.responseTooLarge)
        /// The peer broke HTTP or closed the connection.
        package static let protocolViolation = Code(.protocolViolation)
        /// Too many requests at once, to this host or to all of them.
        package static let overloaded = Code(.overloaded)
        /// The task that sent the request was cancelled, or the client is closed.
        package static let cancelled = Code(.cancelled)

        /// The stable word, for example `address_refused`.
        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it.
    package let message: String
    /// Whether a server may have seen the whole request, and so may have acted on it. When this is false, nothing was done.
    package var mayHaveBeenSent: Bool
    /// The cause below, for logs of the operator alone: it may name addresses.
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, mayHaveBeenSent: Bool, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.mayHaveBeenSent = mayHaveBeenSent
        self.cause = cause
    }

    static func invalidURL(_ fault: String) -> EgressError {
        EgressError(.invalidURL, "The URL \(fault).", mayHaveBeenSent: false)
    }

    static func invalidRequest(_ message: String) -> EgressError {
        EgressError(.invalidRequest, message, mayHaveBeenSent: false)
    }

    /// The error for a host that may not be reached; names the configuration key and never what the name resolved to.
    static func addressRefused(_ authority: String) -> EgressError {
        EgressError(
            .addressRefused,
            "\(authority) is not a public internet address. Whoever runs this installation can allow it by listing \"\(authority)\" under "
                + "roost.egress.allow.",
            mayHaveBeenSent: false)
    }

    func sent(_ flag: Bool) -> EgressError {
        EgressError(self.code, self.message, mayHaveBeenSent: self.mayHaveBeenSent || flag, cause: self.cause)
    }
}

extension EgressError: CustomStringConvertible {
    package var description: String { "\(self.code): \(self.message)" }
}
