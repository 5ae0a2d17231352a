/// Why a schema cannot be compiled, and where in it.
package struct JSONSchemaError: Error, Sendable, Hashable {
    /// The kind of fault.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case malformedKeyword, unresolvableReference, unsupportedPattern, unsupportedVocabulary, tooLarge
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// A keyword's value is not of the form that the draft gives it, or a schema is neither an object nor a truth value.
        package static let malformedKeyword = Code(.malformedKeyword)
        /// A reference leads to no document that was supplied, or to no place in it.
        package static let unresolvableReference = Code(.unresolvableReference)
        /// A pattern is no regular expression or needs backtracking.
        package static let unsupportedPattern = Code(.unsupportedPattern)
        /// The schema's meta-schema requires a vocabulary that is not known here.
        package static let unsupportedVocabulary = Code(.unsupportedVocabulary)
        /// The schema passes one of ``JSONSchemaLimits``; no policy forgives that.
        package static let tooLarge = Code(.tooLarge)

        package var description: String { self.kind.rawValue }
    }

    /// The kind of fault, for programs.
    package let code: Code
    /// What is wrong, for people.
    package let message: String
    /// The place as a URI with a pointer, for example `#/properties/name/pattern`.
    package let location: String

    init(_ code: Code, _ message: String, at location: String) {
        self.code = code
        self.message = message
        self.location = location
    }
}

extension JSONSchemaError: CustomStringConvertible {
    /// The message with its place.
    package var description: String { "\(self.message) at \(self.location)" }
}
