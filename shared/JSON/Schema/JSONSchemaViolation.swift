/// One thing that is wrong with a value, in words that tell an agent what to change.
///
/// The message speaks of what the schema wants and never quotes the value.
package struct JSONSchemaViolation: Sendable, Hashable {
    /// The place in the value; for a missing or unknown property, the place of that property.
    package let instancePath: JSONPointer
    /// The keyword that is not satisfied; empty where a bound of the validator was reached instead.
    package let keyword: String
    /// What is wrong.
    package let message: String
}

extension JSONSchemaViolation: CustomStringConvertible {
    /// The place and the message, for example `/title: required property is missing`.
    package var description: String {
        self.instancePath.tokens.isEmpty ? self.message : "\(self.instancePath): \(self.message)"
    }
}
