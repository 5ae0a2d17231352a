/// Why a stream of server-sent events could not be read on.
package struct ServerSentEventError: Error, Sendable, Hashable {
    /// The kinds of faults.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case eventTooLarge }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// An event, or a single line, grew beyond the parser's bound before it ended.
        package static let eventTooLarge = Code(.eventTooLarge)

        package var description: String { self.kind.rawValue }
    }

    /// The kind of fault, for programs.
    package let code: Code
    /// What happened.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension ServerSentEventError: CustomStringConvertible {
    /// What happened.
    package var description: String { self.message }
}
