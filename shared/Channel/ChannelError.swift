/// Why an exchange on the internal channel, or a connection of it, came to nothing.
///
/// Every request ends in a response or in one of these. Messages name what happened and what to do; they never carry header values,
/// bodies or keys.
package struct ChannelError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, as callers tell them apart.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        enum Value: String, Sendable, Hashable, CaseIterable {
            case unavailable, notProcessed, overloaded, shutDown, connectionLost, reset, handlerFailed, deadlineExceeded, cancelled
            case unauthenticated, invalidMessage, tooLarge, protocolViolation, insecure, cannotListen
        }

        let value: Value

        /// No connection could be made; nothing was sent.
        package static let unavailable = Code(value: .unavailable)
        /// The peer refused the request before it looked at it, or the connection went away before it was sent.
        package static let notProcessed = Code(value: .notProcessed)
        /// A bound on waiting requests was reached; nothing was sent.
        package static let overloaded = Code(value: .overloaded)
        /// This client has been stopped; nothing was sent.
        package static let shutDown = Code(value: .shutDown)
        /// The connection broke while the request was under way; the handler may have run.
        package static let connectionLost = Code(value: .connectionLost)
        /// The peer broke off this one exchange.
        package static let reset = Code(value: .reset)
        /// The handler threw instead of answering, or while it was streaming its answer.
        package static let handlerFailed = Code(value: .handlerFailed)
        /// The request's time was up, as measured by either side.
        package static let deadlineExceeded = Code(value: .deadlineExceeded)
        /// The task that waited was cancelled, or the response's body was let go of.
        package static let cancelled = Code(value: .cancelled)
        /// The peer does not accept this client's key, or does not ask for one as a Roost service would.
        package static let unauthenticated = Code(value: .unauthenticated)
        /// A header, path, method or status that cannot be sent.
        package static let invalidMessage = Code(value: .invalidMessage)
        /// Headers or a body beyond their bound.
        package static let tooLarge = Code(value: .tooLarge)
        /// The peer broke the rules of the protocol.
        package static let protocolViolation = Code(value: .protocolViolation)
        /// The certificate, key or trust roots given are unusable.
        package static let insecure = Code(value: .insecure)
        /// The server cannot listen where it was told to.
        package static let cannotListen = Code(value: .cannotListen)

        /// The code in the form in which it travels and is logged, for example `deadline_exceeded`.
        package var description: String { Self.texts[self.value] ?? self.value.rawValue }

        init(value: Value) { self.value = value }

        init?(text: Substring) {
            guard let entry = Self.texts.first(where: { $0.value == text }) else { return nil }
            self.value = entry.key
        }

        private static let texts: [Value: String] = Dictionary(
            uniqueKeysWithValues: Value.allCases.map { value in
                var text = ""
                for character in value.rawValue { text += character.isUppercase ? "_" + character.lowercased() : String(character) }
                return (value, text)
            }
        )
    }

    /// What kind of failure it is.
    package let code: Code
    /// What happened, for a log or an operator.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the handler certainly has not seen the request, so that sending it again cannot make anything happen twice.
    package var isSafeToRetry: Bool {
        switch self.code.value {
        case .unavailable, .notProcessed, .overloaded, .shutDown: true
        case .connectionLost, .reset, .handlerFailed, .deadlineExceeded, .cancelled, .unauthenticated, .invalidMessage, .tooLarge,
            .protocolViolation, .insecure, .cannotListen:
            false
        }
    }

    package var description: String { "\(self.code): \(self.message)" }
}
