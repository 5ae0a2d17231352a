/// Why a policy cannot be used. The message says what to write instead and is fit for the person who wrote the policy.
package struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of fault it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case malformedPattern = "malformed_pattern"
            case unmatchablePattern = "unmatchable_pattern"
        }

        private let value: Value

        /// The text is not a pattern.
        package static let malformedPattern = Code(value: .malformedPattern)
        /// The text is a pattern, but no tool address can ever match it.
        package static let unmatchablePattern = Code(value: .unmatchablePattern)

        /// The stable snake-case name.
        package var description: String { self.value.rawValue }
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(self.code): \(self.message)" }
}
