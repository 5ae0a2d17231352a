package import Egress
package import Model

/// Sends requests to APIs: the guarded client, and in tests whatever answers.
package protocol UpstreamSending: Sendable {
    /// Sends a request and returns the whole answer, whatever its status.
    func send(_ request: EgressRequest) async throws(EgressError) -> EgressResponse
}

extension EgressClient: UpstreamSending {}

extension ToolError {
    /// What a program gets for a request without an answer.
    ///
    /// Another try is promised where nothing can have been done: the request did not leave, or it changes nothing.
    package init(_ error: EgressError, effect: ToolEffect) {
        let isUntouched = !error.mayHaveBeenSent || effect == .read
        let (code, isTransient): (String, Bool) =
            switch error.code {
            case .addressRefused: ("address_refused", false)
            case .invalidURL, .invalidRequest: ("request_refused", false)
            case .resolutionFailed, .connectFailed: ("upstream_unreachable", true)
            case .tls: ("upstream_tls_failed", false)
            case .timeout: ("upstream_timeout", true)
            case .tooManyRedirects: ("upstream_redirects", false)
            case .responseTooLarge: ("response_too_large", false)
            case .overloaded: ("overloaded", true)
            case .cancelled: ("cancelled", true)
            default: ("upstream_protocol_error", true)
            }
        let outcome = isUntouched ? "" : " Whether the call had an effect is not known."
        self.init(
            code: code, message: error.message + outcome, details: nil, retryable: isTransient ? (isUntouched ? true : nil) : false)
    }
}

extension EgressError {
    /// What became of a call whose request ended so. An answer that was refused for its size or its redirects was an answer.
    package var callOutcome: CallOutcome {
        switch self.code {
        case .responseTooLarge, .tooManyRedirects: .done
        default: self.mayHaveBeenSent ? .outcomeUnknown : .notSent
        }
    }
}
