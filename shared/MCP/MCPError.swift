package import JSON

/// Why a message is not answered with a result: what the client is told, and under which HTTP status.
///
/// Every refusal on the MCP endpoint is one of these, in the gateway and in the session-service, so that a fault has one code and one
/// status wherever it is found. Messages go to the client: they say what to do and never hold a secret.
package struct MCPError: Error, Sendable, Hashable {
    /// The kinds of refusals.
    package struct Code: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        private enum Kind: String, CaseIterable {
            case parseError, invalidRequest, missingSession, unknownSession, unsupportedRevision, statelessRevision, methodNotFound
            case invalidParams, internalError, httpMethodNotAllowed, notAcceptable, unsupportedMediaType, tooLarge
            case unauthorized, tooManyCalls, tooManySessions, unavailable, executionInterrupted
            case callTimedOut, answerDropped, unknownEvent
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The body is not JSON, or beyond the bounds of what is read.
        package static let parseError = Code(.parseError)
        /// The body is JSON but not one JSON-RPC message that may come here now.
        package static let invalidRequest = Code(.invalidRequest)
        /// A message other than `initialize` without a session id.
        package static let missingSession = Code(.missingSession)
        /// There is no such session, it was closed, or it is somebody else's: these must not be told apart.
        package static let unknownSession = Code(.unknownSession)
        /// The version header names a revision that nobody knows or that is not served.
        package static let unsupportedRevision = Code(.unsupportedRevision)
        /// A request of a revision without sessions, which is not served yet; its clients then fall back to `initialize`.
        package static let statelessRevision = Code(.statelessRevision)
        /// A method that is not offered.
        package static let methodNotFound = Code(.methodNotFound)
        /// Parameters that the method cannot work with, or an unknown tool.
        package static let invalidParams = Code(.invalidParams)
        /// A fault of Roost's own.
        package static let internalError = Code(.internalError)
        /// An HTTP method that the endpoint does not have.
        package static let httpMethodNotAllowed = Code(.httpMethodNotAllowed)
        /// `Accept` leaves out one of the two media types that an answer may have.
        package static let notAcceptable = Code(.notAcceptable)
        /// `Content-Type` is not JSON.
        package static let unsupportedMediaType = Code(.unsupportedMediaType)
        /// The body is larger than its bound.
        package static let tooLarge = Code(.tooLarge)
        /// The key or token that the request came with works no more.
        package static let unauthorized = Code(.unauthorized)
        /// The session has as many calls in flight as it may.
        package static let tooManyCalls = Code(.tooManyCalls)
        /// The principal has as many open sessions as it may.
        package static let tooManySessions = Code(.tooManySessions)
        /// Nothing was done; the same request may succeed later.
        package static let unavailable = Code(.unavailable)
        /// The call was ended from outside (its process or its session went away); whether anything was done is not known.
        package static let executionInterrupted = Code(.executionInterrupted)
        /// The call took longer than it may and was given up on; whether anything was done is not known.
        package static let callTimedOut = Code(.callTimedOut)
        /// The call ended, but its answer could not be kept for a client that does not read; the execution's record has the outcome.
        package static let answerDropped = Code(.answerDropped)

        /// A stream is to go on after an event that this session never had, or had too long ago.
        package static let unknownEvent = Code(.unknownEvent)

        package static var allCases: [Code] { Kind.allCases.map(Code.init) }

        /// The code of the JSON-RPC error. Codes from -32000 to -32019 are not for new servers, hence so few different ones.
        package var rpcCode: Int {
            switch self.kind {
            case .parseError: -32700
            case .invalidRequest, .missingSession, .unknownSession, .httpMethodNotAllowed, .notAcceptable, .unsupportedMediaType, .tooLarge,
                .unauthorized, .unknownEvent:
                -32600
            case .methodNotFound, .statelessRevision: -32601
            case .invalidParams: -32602
            case .internalError, .tooManyCalls, .tooManySessions, .unavailable, .executionInterrupted, .callTimedOut, .answerDropped: -32603
            case .unsupportedRevision: -32022
            }
        }

        /// The HTTP status under which it is answered, as long as no stream has begun. Answers to well-formed requests of a session are
        /// 200 whatever they say, as JSON-RPC over HTTP has it and as clients of these revisions expect.
        package var httpStatus: Int {
            switch self.kind {
            case .parseError, .invalidRequest, .missingSession, .unsupportedRevision, .unknownEvent: 400
            case .unauthorized: 401
            case .unknownSession, .statelessRevision: 404
            case .methodNotFound, .invalidParams, .internalError, .executionInterrupted, .callTimedOut, .answerDropped: 200
            case .httpMethodNotAllowed: 405
            case .notAcceptable: 406
            case .tooLarge: 413
            case .unsupportedMediaType: 415
            case .tooManyCalls, .tooManySessions: 429
            case .unavailable: 503
            }
        }

        /// The name under which programs find the refusal in the error's `data.code`.
        package var description: String {
            var text = ""
            for character in self.kind.rawValue { text += character.isUppercase ? "_" + character.lowercased() : String(character) }
            return text
        }

        /// Whether `data.code` carries ``description``: only where JSON-RPC's own codes do not say enough.
        var isNamedInData: Bool {
            switch self.kind {
            case .tooManyCalls, .tooManySessions, .unavailable, .executionInterrupted, .callTimedOut, .answerDropped, .unknownEvent: true
            default: false
            }
        }
    }

    package let code: Code
    /// What happened and what to do about it, for the client.
    package let message: String
    /// The request that is refused; nil where it could not be read or there is none.
    package var id: JSONRPCID?
    /// More for programs, as a JSON object.
    package var data: JSONObject
    /// After how long the same request may succeed; becomes `Retry-After`.
    package var retryAfter: Duration?
    /// The HTTP methods that would have been allowed, for `Allow`.
    package var allowedMethods: String?

    package init(_ code: Code, _ message: String, id: JSONRPCID? = nil, data: JSONObject = [:], retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.id = id
        self.data = data
        self.retryAfter = retryAfter
        if code.isNamedInData, !self.data.contains(key: "code") { self.data["code"] = .string(code.description) }
    }

    /// The same refusal as the answer to a request.
    package func answering(_ id: JSONRPCID?) -> MCPError {
        var error = self
        error.id = id ?? self.id
        return error
    }

    /// The header fields that the answer has beside its content type: `Allow` and `Retry-After`.
    package var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if let allowedMethods = self.allowedMethods { headers.append(("allow", allowedMethods)) }
        if let retryAfter = self.retryAfter {
            let (seconds, attoseconds) = retryAfter.components
            headers.append(("retry-after", String(max(1, seconds + (attoseconds > 0 ? 1 : 0)))))
        }
        return headers
    }
}

extension MCPError {
    /// The refusal as an HTTP answer: its status, its header fields and its body, a JSON-RPC error.
    package var answer: (status: Int, headers: [(name: String, value: String)], bytes: [UInt8]) {
        (self.code.httpStatus, [("content-type", "application/json")] + self.headers, MCPAnswer.error(self))
    }
}
