import Channel
package import MCP

/// Why the session-service gave no answer.
package struct SessionAPIError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failures, by what a caller may do about them.
    package struct Code: Sendable, Hashable {
        private enum Kind { case unreachable, interrupted, cancelled, timedOut, malformed }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The request was certainly not looked at: ask another replica, or again.
        package static let unreachable = Code(.unreachable)
        /// The service, or the way to it, went away while the request was under way.
        package static let interrupted = Code(.interrupted)
        /// The caller itself gave up.
        package static let cancelled = Code(.cancelled)
        /// The time that the caller set was up.
        package static let timedOut = Code(.timedOut)
        /// The service answered with something that is not of the contract, or larger than its bound.
        package static let malformed = Code(.malformed)
    }

    package let code: Code
    /// What happened, for the log.
    package let message: String
    /// Whether the replica as a whole cannot be reached, not only this one request: give it nothing new until it answers again.
    package let isReplicaLost: Bool

    package init(_ code: Code, _ message: String, isReplicaLost: Bool = false) {
        self.code = code
        self.message = message
        self.isReplicaLost = isReplicaLost
    }

    /// Reads what the channel reported.
    init(_ error: ChannelError) {
        switch error.code {
        case .unavailable: self.init(.unreachable, error.description, isReplicaLost: true)
        case .connectionLost: self.init(.interrupted, error.description, isReplicaLost: true)
        case _ where error.isSafeToRetry: self.init(.unreachable, error.description)
        case .cancelled: self.init(.cancelled, error.description)
        case .deadlineExceeded: self.init(.timedOut, error.description)
        case .invalidMessage, .tooLarge, .unauthenticated, .insecure: self.init(.malformed, error.description)
        default: self.init(.interrupted, error.description)
        }
    }

    package var description: String { self.message }

    /// What the client is told, given the message that got no answer.
    ///
    /// Only a tool call can have done anything: for everything else the client may simply ask again.
    package func answer(to envelope: MCPEnvelope?) -> MCPError {
        let id = envelope?.requestID
        guard self.code != .unreachable, envelope?.method == "tools/call" else {
            return MCPError(.unavailable, "The session service is not available at the moment; try again.", id: id, retryAfter: .seconds(1))
        }
        return self.code == .timedOut ? .callTimedOut(id) : .executionInterrupted(id)
    }
}

extension MCPError {
    /// The answer to a call whose process went away.
    package static func executionInterrupted(_ id: JSONRPCID?) -> MCPError {
        MCPError(
            .executionInterrupted,
            "The process that ran the call went away before it answered. The call may or may not have had effects: look at what it was "
                + "to change before calling again.",
            id: id)
    }

    /// The answer to a call whose result could not be kept until its client reads.
    package static func answerDropped(_ id: JSONRPCID? = nil) -> MCPError {
        MCPError(
            .answerDropped,
            "The call ended, but its answer was dropped, because clients leave too many large answers unread. What it did is done; the "
                + "record of its execution has the outcome.",
            id: id)
    }

    /// The answer to a call that took longer than it may.
    package static func callTimedOut(_ id: JSONRPCID? = nil) -> MCPError {
        MCPError(
            .callTimedOut,
            "The call took longer than it may and was given up on. It may or may not have had effects: look at what it was to change "
                + "before calling again.",
            id: id)
    }
}
